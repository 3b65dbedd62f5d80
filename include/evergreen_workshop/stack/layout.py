"""Where the local stack keeps its things, all below `EVERGREEN_HOME`."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from evergreen.errors import StackError


@dataclass(frozen=True)
class Layout:
    """The folders and files of one stack."""

    home: Path

    @property
    def environment(self) -> Path:
        """Every variable of the stack's processes, secrets included; for the owner's eyes only."""
        return self.home / "stack.env"

    @property
    def login(self) -> Path:
        """Address, user and password of the UI, for the owner's eyes only."""
        return self.home / "login.txt"

    @property
    def passwords(self) -> Path:
        """The passwords file of Airflow's simple auth manager."""
        return self.airflow / "passwords.json"

    @property
    def airflow(self) -> Path:
        """`AIRFLOW_HOME`."""
        return self.home / "airflow"

    @property
    def artifacts(self) -> Path:
        """What the MLflow server stores."""
        return self.home / "artifacts"

    @property
    def postgres(self) -> Path:
        """Home of the embedded PostgreSQL."""
        return self.home / "postgres"

    @property
    def clock(self) -> Path:
        """Folder of the clock that tasks load, where somebody wants to move it."""
        return self.home / "clock"

    def log(self, service: str) -> Path:
        """Log of a service."""
        return self.home / "logs" / f"{service}.log"

    def pid(self, service: str) -> Path:
        """File with the process id of a service."""
        return self.home / "run" / f"{service}.json"

    def create(self) -> None:
        """Create the folders, and close them to others.

        As root, the unprivileged user of PostgreSQL passes through `home`, and cannot list it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for folder in ("logs", "run", "airflow", "artifacts"):
            (self.home / folder).mkdir(exist_ok=True)
            (self.home / folder).chmod(0o700)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the stack for one command at a time.

        Raises:
            StackError: another command holds it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(
                    f"another `make up`, `down` or `clean` works on {self.home}; wait for it"
                ) from None
            yield


def open_private(log: Path) -> BinaryIO:
    """Open a log to append to that only its owner can read; one that others could is closed."""
    stream = os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    os.fchmod(stream.fileno(), 0o600)
    return stream


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, replacing it in one move."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    new.replace(file)
