"""A clock that can be moved, for all processes of a stack at once.

Usage::

    clock = Clock.build(folder)               # compiles `clock.c`: needs a C compiler
    env = os.environ | clock.variables        # of `make up`, and of each command about this stack
    clock.move_to(datetime(2026, 12, 1, tzinfo=UTC))

PostgreSQL, Airflow, MLflow, the service and what they start read the moved time of day; how long
they wait, and when files were written, is not moved. It only goes ahead of the machine's; that of
one process alone also goes back.
"""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evergreen.errors import StackError

SOURCE = Path(__file__).with_name("clock.c")
PRELOAD, FILE = "LD_PRELOAD", "STACK_CLOCK"
NUMBER = struct.Struct("=q")
AHEAD, ALONE, FURTHER = 0, NUMBER.size, 2 * NUMBER.size
"""Where the file says by how many seconds all are ahead; which process alone is moved further; and
by how many seconds."""


@dataclass(frozen=True)
class Clock:
    """A library that each process loads first, and the file that says how far it is ahead."""

    library: Path
    file: Path

    @classmethod
    def build(cls, folder: Path) -> "Clock":
        """Compile the library into a folder that everybody may read; the time is the machine's.

        Raises:
            StackError: there is no C compiler, or it fails.
        """
        compiler = shutil.which("cc")
        if compiler is None:
            raise StackError("a clock that moves needs a C compiler (on Debian: apt install gcc)")
        clock = cls._in(folder)
        folder.mkdir(exist_ok=True)
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(clock.library), str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"{SOURCE.name} does not compile: {done.stderr}")
        for where in (AHEAD, ALONE, FURTHER):
            clock._write(where, 0)
        for path, mode in ((folder, 0o755), (clock.library, 0o755), (clock.file, 0o644)):
            path.chmod(mode)  # as root, PostgreSQL is run by another user
        return clock

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "Clock | None":
        """Return the clock of a process with these variables; None: it has the machine's."""
        if not {PRELOAD, FILE} <= set(variables):
            return None
        return cls(Path(variables[PRELOAD]), Path(variables[FILE]))

    @classmethod
    def built(cls, folder: Path) -> "Clock | None":
        """Return the clock that has been built in a folder; None: none has."""
        clock = cls._in(folder)
        return clock if clock.file.exists() else None

    @classmethod
    def _in(cls, folder: Path) -> "Clock":
        return cls(folder / "clock.so", folder / "clock")

    @property
    def variables(self) -> dict[str, str]:
        """What a process is started with that lives by this clock."""
        return {PRELOAD: str(self.library), FILE: str(self.file)}

    @property
    def ahead(self) -> timedelta:
        """How far it is ahead of the machine's."""
        return timedelta(seconds=NUMBER.unpack_from(self.file.read_bytes(), AHEAD)[0])

    def move(self, by: timedelta) -> None:
        """Set how far it is ahead of the machine's, in whole seconds."""
        self._write(AHEAD, round(by.total_seconds()))

    @contextmanager
    def moved_for(self, pid: int, by: timedelta) -> Iterator[None]:
        """Move it for one process alone, ahead or back, until the end."""
        self._write(FURTHER, round(by.total_seconds()))
        self._write(ALONE, pid)
        try:
            yield
        finally:
            self._write(ALONE, 0)

    def _write(self, where: int, number: int) -> None:
        file = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(file, NUMBER.pack(number), where)
        finally:
            os.close(file)

    def move_to(self, moment: datetime) -> None:
        """Let it be that moment now.

        Raises:
            StackError: the moment is past: files would be newer than the time of day.
        """
        by = moment - datetime.now(UTC)
        if by < timedelta():
            raise StackError(f"the clock cannot be moved to {moment:%Y-%m-%d %H:%M:%S}: it is past")
        self.move(by)
