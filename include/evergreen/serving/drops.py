"""How many predictions were dropped, and why, until PostgreSQL knows: in a file, so that no
restart forgets them.

Usage::

    drops = Drops(folder)
    drops.add(3, "the spool cannot be written: No space left on device")
    drops.ship(records)
"""

import contextlib
import json
import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

from evergreen.records import Records
from evergreen.refs import Json
from evergreen.serving.ids import new_id

log = logging.getLogger(__name__)
FILE = "drops.json"


class Drops:
    """What one journal has dropped, and what it took over; threads share it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._draft = folder.parent / f"{folder.name}.draft"  # the folder is empty when it goes
        self._growing: dict[str, Json] = {}
        """Rows by reason, whose counts still grow."""
        self._sent: list[Json] = []
        """Rows that may be on record already: they are shipped as they are, and once."""
        self._mutex = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._growing or self._sent)

    def add(self, count: int, reason: str) -> None:
        """Count drops; as long as the disk takes nothing, in memory only."""
        with self._mutex:
            now = datetime.now(UTC).isoformat()
            new = {"id": new_id(), "time": now, "count": 0, "reason": reason}
            self._growing.setdefault(reason, new)["count"] += count
            self._save()

    def ship(self, records: Records) -> None:
        """Put them on record.

        Raises:
            DatabaseError: the database is away; they stay.
        """
        self._deliver(records)
        with self._mutex:
            self._sent, self._growing = [*self._growing.values()], {}
        self._deliver(records)

    def adopt(self, folder: Path) -> None:
        """Take over what a dead process has left."""
        left = folder / FILE
        with contextlib.suppress(FileNotFoundError), self._mutex:
            self._sent += _rows(left)
            self._save()
            left.unlink()

    def _deliver(self, records: Records) -> None:
        if self._sent:
            records.drops.insert([json.dumps(row).encode() for row in self._sent])
            with self._mutex:
                self._sent = []
                self._save()

    def _save(self) -> None:
        with contextlib.suppress(OSError):
            if not self:
                self._file.unlink(missing_ok=True)
                return
            self._draft.write_text(json.dumps([*self._sent, *self._growing.values()]))
            self._draft.replace(self._file)


def _rows(file: Path) -> list[Json]:
    try:
        rows: list[Json] = json.loads(file.read_bytes())
    except ValueError as error:  # a power cut
        log.warning("%s cannot be read: %s", file, error)
        return []
    return rows
