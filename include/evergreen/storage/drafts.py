"""Files of a local folder that are being written: locked while their writer lives."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def begun(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Make a new draft, and delete those of writers that died; at the end it is gone, or renamed.

    It is readable for everybody, as a file that is simply written would be.
    """
    for file in sorted(folder.glob("*")):
        with _free(file) as free:
            if free:
                file.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    stream, file = _locked(folder)
    with stream:
        try:
            yield stream, file
        finally:
            file.unlink(missing_ok=True)


def abandoned(folder: Path) -> list[Path]:
    """Return the drafts that no living writer holds."""
    found = []
    for file in sorted(folder.glob("*")):
        with _free(file) as free:
            found += [file] if free else []
    return found


def sync(folder: Path) -> None:
    """Make the names of a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(folder: Path) -> tuple[IO[bytes], Path]:
    while True:
        file = folder / secrets.token_hex(8)
        stream = file.open("xb")
        fcntl.flock(stream, fcntl.LOCK_EX)
        if file.exists():
            return stream, file
        stream.close()  # another writer took it for litter before it was locked


@contextlib.contextmanager
def _free(file: Path) -> Iterator[bool]:
    """Tell whether no writer holds a draft, and hold it meanwhile."""
    with contextlib.ExitStack() as held:
        try:
            stream = held.enter_context(file.open("rb"))
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, FileNotFoundError):
            yield False
            return
        yield file.exists()
