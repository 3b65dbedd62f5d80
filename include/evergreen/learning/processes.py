"""Workers as processes of this machine, which end with who started them.

with started(2) as staff:
    staff.ask(0, "open", 2)
    [meeting] = staff.answers()
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from evergreen.errors import WorkerLost
from evergreen.learning import crews

COMMAND = (sys.executable, "-P", "-c", "from evergreen.learning import workers; workers.main()")
PACKAGES = str(Path(__file__).parents[2])
SECONDS_TO_END = 10


@contextmanager
def started(size: int) -> Iterator["Processes"]:
    """Start so many; none is left in the end."""
    with contextlib.ExitStack() as stack:
        yield Processes([stack.enter_context(_process()) for _ in range(size)])


class Processes:
    """Workers that are there."""

    def __init__(self, workers: "list[_Process]") -> None:
        self._workers = workers
        self._asked: list[int] = []

    def ask(self, number: int, what: str, *given: Any) -> None:
        """Ask one for what a method of `Worker` does; that it is gone its answer says."""
        self._asked.append(number)
        with contextlib.suppress(OSError):
            self._workers[number].line.send((what, given))

    def answers(self) -> list[Any]:
        """Return what each answered that was asked.

        Raises:
            WorkerLost: one is gone.
        """
        asked, self._asked = self._asked, []
        found: dict[int, Any] = {}
        failures: list[BaseException] = []
        while len(found) < len(asked):
            waiting = {self._workers[n].line: n for n in asked if n not in found}
            ready = wait(list(waiting), crews.GRACE if failures else None)
            if not ready:
                break
            for line in ready:
                number = waiting[line]  # type: ignore[index]
                well, found[number] = self._workers[number].answer(number)
                failures += [] if well else [found[number]]
        if failures:
            raise crews.cause(failures)
        return [found[number] for number in asked]


class _Process:
    def __init__(self, process: "subprocess.Popen[bytes]", line: "Connection[Any, Any]") -> None:
        self._process = process
        self.line = line

    def answer(self, number: int) -> tuple[bool, Any]:
        """Return whether it went well, and what was found or raised."""
        try:
            well, found = self.line.recv()
        except (EOFError, OSError):
            code = self._process.wait(SECONDS_TO_END)
            killed = ", killed, as a machine does that lacks memory" if code == -9 else ""
            told = f"worker {number + 1} ended with exit code {code}{killed}"
            return False, WorkerLost(told)
        return well, found


@contextmanager
def _process() -> Iterator[_Process]:
    here, there = Pipe()
    path = os.pathsep.join(filter(None, [PACKAGES, os.environ.get("PYTHONPATH")]))
    with here, there:
        fd = there.fileno()
        process = subprocess.Popen(
            [*COMMAND, str(fd)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=[fd],
            env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip
        there.close()
        try:
            yield _Process(process, here)
        finally:
            process.kill()
            process.communicate()
