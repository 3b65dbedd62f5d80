"""Room on the disk: looked for before a step writes, and told in a sentence when there is none."""

import errno
import re
import shutil
import tempfile
from pathlib import Path

from evergreen.errors import NoRoom, origins
from evergreen.records.errors import DiskFull
from evergreen.settings import Settings

LEAST = 200_000_000
"""Bytes that must be free before a step begins: a snapshot, a model, a report and their drafts."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""No room on the disk, in the quota, or within the limit of the process (`ulimit -f`)."""
NUMBER = re.compile(r"\[Errno (\d+)\]")
"""How Python tells an error's number, also where only its words are left (MLflow's downloads)."""


def check(settings: Settings) -> None:
    """Look whether a step has the room that it needs, below `EVERGREEN_HOME` and for its drafts.

    Raises:
        NoRoom: less than 200 MB are free.
    """
    for folder in (settings.home, Path(tempfile.gettempdir())):
        free = shutil.disk_usage(_existing(folder)).free
        if free < LEAST:
            allowed = f"{free / 1e6:.0f} MB are free, and a step needs {LEAST / 1e6:.0f} MB"
            raise NoRoom(f"the disk of {folder} is nearly full: {allowed}. {ADVICE}")


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def ran_out(error: BaseException) -> NoRoom | None:
    """Return what to tell of an error that came of a full disk; None: it did not."""
    for cause in origins(error):
        if _is_full(cause):
            name = cause.filename if isinstance(cause, OSError) else None
            place = f" for {name}" if name else ""
            return NoRoom(f"the disk is full: there is no room{place}. {ADVICE}")
        if isinstance(cause, DiskFull):
            return NoRoom(f"the disk of PostgreSQL is full: {str(cause).strip()}. {ADVICE}")
    return None


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(int(number) in FULL for number in NUMBER.findall(str(error)))


ADVICE = "Make room (docs/production.md says what grows), and do it again"
