"""Every answered prediction, first in a file and then in PostgreSQL.

Usage::

    journal = Journal(settings.home / "spool", records)
    journal.start()
    journal.keep([b'{"id": …}'])        # on disk when it returns; else False, and counted
    journal.close()                     # ships what is left

A line is written before its answer is sent, so that a killed process loses none (a power cut may:
the disk is not synced). A thread ships whole files in order and deletes each after its commit;
what is shipped twice is stored once, by its id. When PostgreSQL is away the files wait, up to a
size; beyond it lines are dropped, counted, and the drops stored when it is back.
At any moment: accepted = logged + dropped + waiting.
"""

import errno
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from evergreen.personal import struck
from evergreen.records import Records
from evergreen.records.errors import RuleBroken, ValueRefused
from evergreen.serving.drops import Drops
from evergreen.serving.ids import new_id

log = logging.getLogger(__name__)
SEGMENT_BYTES = 1_000_000
CHUNK = 2_000
"""Lines of one INSERT."""
LONGEST_PAUSE = 2.0
LOCK, REFUSED = "lock", "refused.jsonl"


@dataclass
class JournalTally:
    """Predictions since the process began; `adopted` were waiting from processes before it."""

    accepted: int = 0
    adopted: int = 0
    logged: int = 0
    dropped: int = 0

    @property
    def waiting(self) -> int:
        """How many are on disk and not yet in PostgreSQL."""
        return self.accepted + self.adopted - self.logged - self.dropped


class Journal:
    """One writer's files below `folder`, and the thread that ships them."""

    def __init__(
        self, folder: Path, records: Records, *, max_bytes: int = 256_000_000, pause: float = 0.2
    ) -> None:
        self.counts = JournalTally()
        self._waiting = self._dropping = ""
        self._records, self._max_bytes, self._pause = records, max_bytes, pause
        self._root = folder
        self._own = folder / new_id()
        self._mutex = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._begun, self._done = 0, 0  # the newest try to ship all; the newest that went well
        self._shipped = threading.Condition()
        self._handle, self._size, self._total = -1, 0, 0
        self._drops = Drops(self._own)
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            self._own.mkdir()
            self._lock_file = _lock(self._own, fcntl.LOCK_EX)  # a check may hold it for a moment
            self._adopt()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    @property
    def problem(self) -> str:
        """Why predictions are dropped, or wait, at the moment, in words; empty: they do not."""
        return self._dropping or self._waiting

    def start(self) -> None:
        """Begin to ship."""
        self._thread.start()

    def close(self, timeout: float = 10) -> None:
        """Ship what is left, if the database is there; what is not waits for the next process."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        with self._mutex:
            self._seal()
        with _alone(self._root):
            _remove(self._own)
        os.close(self._lock_file)

    def keep(self, lines: Sequence[bytes]) -> bool:
        """Write lines (without their line ends) to disk; False: they were dropped and counted."""
        document = b"\n".join(lines) + b"\n"
        with self._mutex:
            self.counts.accepted += len(lines)
            if self._total + len(document) > self._max_bytes:
                return self._drop(len(lines), f"more than {self._max_bytes} bytes are waiting")
            try:
                self._append(document)
            except OSError as error:
                return self._drop(len(lines), f"the spool cannot be written: {error.strerror}")
            self._dropping = ""
        if self._size >= SEGMENT_BYTES:
            self._wake.set()
        return True

    def flush(self, timeout: float = 2) -> bool:
        """Ship what is kept by now and wait for it; tell whether it is shipped.

        What is kept meanwhile is waited for by nobody: under load there is always some.
        """
        if not self.counts.waiting:
            return True
        with self._shipped:
            wanted = self._begun + 1
            self._wake.set()
            return self._shipped.wait_for(lambda: self._done >= wanted, timeout)

    def _append(self, document: bytes) -> None:
        if self._handle < 0:
            name = f"{time.time_ns():020d}.jsonl"
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._handle = os.open(self._own / name, flags, 0o600)
        try:
            written = os.write(self._handle, document)
            if written < len(document):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(document)
        self._total += len(document)

    def _drop(self, count: int, reason: str) -> bool:
        self.counts.dropped += count
        self._drops.add(count, reason)
        self._dropping = f"predictions are dropped, and counted: {reason}"
        return False

    def _seal(self) -> None:
        """Close the file that is written to; the next line opens another."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle, self._size = -1, 0

    def _run(self) -> None:
        pause = self._pause
        while True:
            stopping = self._stop.is_set()
            self._begun += 1
            try:
                self.ship()
                self._waiting, pause = "", self._pause
                with self._shipped:
                    self._done = self._begun
                    self._shipped.notify_all()
            except Exception as error:  # without this thread nothing is shipped any more
                if not self._waiting:
                    log.warning("predictions cannot be shipped", exc_info=error)
                self._waiting = f"predictions wait on disk: {_one_line(error)}"
                pause = min(pause * 2, LONGEST_PAUSE)
            if stopping:
                return
            self._wake.wait(pause)
            self._wake.clear()

    def ship(self) -> None:
        """Ship every file in order, then the drops.

        Raises:
            DatabaseAway: the database is away; the files stay.
        """
        with self._mutex:
            self._seal()
            segments = self._segments()
        for segment in segments:
            self._ship_file(segment)
        if self._drops:
            self._drops.ship(self._records)

    def _ship_file(self, segment: Path) -> None:
        content = segment.read_bytes()
        lines = content.split(b"\n")[:-1]  # a line without its end was never answered
        refused: list[bytes] = []
        for start in range(0, len(lines), CHUNK):
            refused += self._insert(lines[start : start + CHUNK])
        if refused:
            with (self._own / REFUSED).open("ab") as stream:
                stream.writelines(line + b"\n" for line in refused)
            with self._mutex:
                self._drop(len(refused), f"PostgreSQL refused them; they are in {REFUSED}")
        segment.unlink()
        with self._mutex:
            self._total -= len(content)
            self.counts.logged += len(lines) - len(refused)

    def _insert(self, lines: Sequence[bytes]) -> list[bytes]:
        """Insert lines; return those that PostgreSQL cannot hold."""
        try:
            self._records.predictions.insert(lines)
        except (ValueRefused, RuleBroken, ValueError) as error:  # the last for NUL
            if len(lines) == 1:
                log.warning("a prediction cannot be stored: %s", _one_line(struck(str(error))))
                return list(lines)
            middle = len(lines) // 2
            return self._insert(lines[:middle]) + self._insert(lines[middle:])
        return []

    def _segments(self) -> list[Path]:
        return sorted(self._own.glob("[0-9]*.jsonl"))

    def _adopt(self) -> None:
        """Take over the files that dead processes left."""
        for folder in sorted(path for path in self._root.iterdir() if path.is_dir()):
            if folder == self._own:
                continue
            with unlocked(folder) as free:
                if free:
                    self._take(folder)
        self.counts.adopted = sum(path.read_bytes().count(b"\n") for path in self._segments())
        self._total = sum(path.stat().st_size for path in self._segments())

    def _take(self, folder: Path) -> None:
        for segment in folder.glob("[0-9]*.jsonl"):
            segment.rename(self._own / segment.name)
        self._drops.adopt(folder)
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder that holds nothing but its lock."""
    if {path.name for path in folder.iterdir()} <= {LOCK}:
        (folder / LOCK).unlink(missing_ok=True)
        with suppress(OSError):  # a check has looked: the next who begins removes it
            folder.rmdir()


def _lock(folder: Path, how: int) -> int:
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        os.close(handle)
        raise
    return handle


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Let nobody else make, take over or remove folders meanwhile: a new one looks like a dead
    one's until it is locked."""
    with root.with_name(f"{root.name}.lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def unlocked(folder: Path) -> Iterator[bool]:
    """Yield whether nobody holds a folder; hold it meanwhile."""
    try:
        handle = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        yield False
        return
    try:
        yield True
    finally:
        os.close(handle)


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]
