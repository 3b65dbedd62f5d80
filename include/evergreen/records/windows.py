"""The windows that were watched: one row for each (use case, start, end, champion)."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.records.session import Session, document, newest_of_each
from evergreen.refs import Window, WindowRef

KEEP = """
INSERT INTO evergreen.windows AS old
    (use_case, started_at, ended_at, champion, rows, outcome, sentence, document)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT windows_once DO UPDATE SET
    rows = excluded.rows, outcome = excluded.outcome, sentence = excluded.sentence,
    document = excluded.document
WHERE old.outcome = 'unknown'
"""
"""What was found out stays; only a window that was unknown may be measured again."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """When the newest windows of each kind ended, none of them before `since`; None: none did."""

    since: datetime
    watched: datetime | None = None
    known: datetime | None = None
    """It could be measured."""
    calm: datetime | None = None
    live: datetime | None = None
    """The live metric was known."""
    due: bool = False
    """Labels are due in the newest window."""
    coverage: float | None = None
    """Those of them that have come, 0 to 1."""
    rows: float = 0.0
    """Predictions of the newest window."""
    said: str = ""
    """Of the newest window."""


ENDS = """
SELECT max(ended_at) AS watched,
    max(ended_at) FILTER (WHERE outcome <> 'unknown') AS known,
    max(ended_at) FILTER (WHERE outcome = 'calm') AS calm,
    max(ended_at) FILTER (WHERE document->>'live' IS NOT NULL) AS live
FROM evergreen.windows WHERE use_case = %s AND ended_at >= %s
"""


class WatchedWindows:
    """The table `evergreen.windows`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def keep(self, seen: WindowRef) -> WindowRef:
        """Store a window and return it as stored: what was found out before stays."""
        values = (seen.use_case, seen.start, seen.end, seen.champion, seen.rows, seen.outcome)
        self._session.write(KEEP, (*values, seen.sentence, document(seen.to_json())))
        stored = self.find(seen.use_case, Window(start=seen.start, end=seen.end), seen.champion)
        assert stored is not None, "the row that was just written"  # noqa: S101
        return stored

    def find(self, use_case: str, window: Window, champion: int) -> WindowRef | None:
        """Return what was found out about a window, held against that version."""
        condition = "AND started_at = %s AND ended_at = %s AND champion = %s"
        found = self._read(condition, (use_case, window.start, window.end, champion, 1))
        return found[0] if found else None

    def ends(self, use_case: str, since: datetime) -> Ends:
        """Tell when the newest windows of each kind ended."""
        [ends] = self._session.read(ENDS, (use_case, since))
        newest = self.newest(use_case, limit=1)
        if ends["watched"] is None or not newest:
            return Ends(since=since)
        return Ends(
            since=since, due=newest[0].coverage is not None, coverage=newest[0].coverage,
            rows=newest[0].rows, said=newest[0].sentence, **ends,
        )  # fmt: skip

    def newest(
        self, use_case: str, limit: int = 100, recorded_since: datetime | None = None
    ) -> tuple[WindowRef, ...]:
        """Return the windows of a use case, newest first; of one end, the newest champion first."""
        condition = "AND created_at >= coalesce(%s, created_at)"
        return self._read(condition, (use_case, recorded_since, limit))

    def newest_of_each(self) -> dict[str, WindowRef]:
        """Return the newest window of each use case; of one end, the newest champion's."""
        sql = newest_of_each("windows", "ended_at DESC, id DESC", columns="document")
        found = (WindowRef.from_json(row["document"]) for row in self._session.read(sql))
        return {window.use_case: window for window in found}

    def _read(self, condition: str, values: tuple[object, ...]) -> tuple[WindowRef, ...]:
        rows = self._session.read(
            f"SELECT document FROM evergreen.windows WHERE use_case = %s {condition}"
            " ORDER BY ended_at DESC, id DESC LIMIT %s",
            values,
        )
        return tuple(WindowRef.from_json(row["document"]) for row in rows)
