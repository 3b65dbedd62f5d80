"""Counts answered and refused requests, so that people hear of callers who are turned away.

    tally = RequestTally(records)
    tally.start()
    tally.note("weather", "")                             # answered
    tally.note("weather", "row: 'humid' is no column")    # refused, and why

A thread stores the counts each minute; those of a process that is killed since are lost, as the
answers are not: they are in the journal.
"""

import json
import logging
import threading
from collections import Counter
from datetime import UTC, datetime

from evergreen.errors import SchemaOutdated
from evergreen.records import Records
from evergreen.records.errors import DatabaseError, ValueRefused
from evergreen.serving.ids import new_id

log = logging.getLogger(__name__)
PAUSE = 60.0
LONGEST = 200
"""Letters of a reason that are kept."""
MOST, OTHERS = 1_000, "for other reasons"
"""So many reasons are told apart until they are stored, and what stands for the rest."""


class RequestTally:
    """The counts that are not stored yet, and the thread that stores them."""

    def __init__(self, records: Records, *, pause: float = PAUSE) -> None:
        self._records, self._pause = records, pause
        self._mutex, self._stop = threading.Lock(), threading.Event()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._thread = threading.Thread(target=self._run, name="tally", daemon=True)

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def close(self, timeout: float = 10) -> None:
        """Store what is left, if the database is there."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def note(self, use_case: str, refused: str) -> None:
        """Count a request; `refused` says why it was, and is empty when it was answered.

        Callers choose some words of a reason (a column that there is not), so few are told apart.
        """
        counted = (use_case, refused[:LONGEST])
        with self._mutex:
            if refused and counted not in self._counts and len(self._counts) >= MOST:
                counted = (use_case, OTHERS)
            self._counts[counted] += 1

    def ship(self) -> None:
        """Store what was counted; what cannot be stored now counts on, what never can goes."""
        with self._mutex:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            self._records.requests.insert(_lines(counts))
        except ValueRefused as error:
            log.warning("%d counts of requests cannot be stored: %s", len(counts), error)
        except (DatabaseError, SchemaOutdated) as error:
            log.warning("requests are counted and cannot be stored now: %s", error)
            with self._mutex:
                self._counts += counts

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            self.ship()
        self.ship()


def _lines(counts: Counter[tuple[str, str]]) -> list[bytes]:
    """Return a row for each use case and reason."""
    now = datetime.now(UTC).isoformat()
    return [
        json.dumps(
            {
                "id": new_id(), "time": now, "use_case": use_case, "reason": reason,
                "answered": 0 if reason else count, "refused": count if reason else 0,
            }
        ).encode()
        for (use_case, reason), count in counts.items()
    ]  # fmt: skip
