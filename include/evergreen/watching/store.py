"""The windows that were watched, in PostgreSQL. Light to import.

Usage::

    keep(settings.database_url, seen)          # one row for each (use case, end, champion)
    windows(settings.database_url, "iris")     # newest first
"""

import json
from datetime import datetime

from evergreen.champions.ledger import Ledger
from evergreen.data import warehouse
from evergreen.refs import WindowRef

KEEP = """
INSERT INTO evergreen.windows AS old
    (use_case, started_at, ended_at, champion, rows, outcome, sentence, document)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT windows_once DO UPDATE SET
    started_at = excluded.started_at, rows = excluded.rows, outcome = excluded.outcome,
    sentence = excluded.sentence, document = excluded.document
WHERE old.outcome = 'unknown'
"""
"""What was found out stays; only a window that was unknown may be measured again."""


def keep(url: str, seen: WindowRef) -> WindowRef:
    """Store a window and return it as stored: what was found out before stays."""
    document = json.dumps(seen.to_json(), allow_nan=False)
    values = (seen.use_case, seen.start, seen.end, seen.champion)
    Ledger(url).migrate()
    with warehouse.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(KEEP, (*values, seen.rows, seen.outcome, seen.sentence, document))
    stored = find(url, seen.use_case, seen.end, seen.champion)
    assert stored is not None, "the row that was just written"  # noqa: S101
    return stored


def find(url: str, use_case: str, end: datetime, champion: int) -> WindowRef | None:
    """Return the window of that end, held against that version."""
    found = _windows(url, "AND ended_at = %s AND champion = %s", (use_case, end, champion, 1))
    return found[0] if found else None


def windows(url: str, use_case: str, limit: int = 100) -> tuple[WindowRef, ...]:
    """Return the windows of a use case, newest first; of one end, the newest champion first."""
    return _windows(url, "", (use_case, limit))


def _windows(url: str, condition: str, values: tuple[object, ...]) -> tuple[WindowRef, ...]:
    Ledger(url).migrate()
    with warehouse.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"SELECT document FROM evergreen.windows WHERE use_case = %s {condition}"
            " ORDER BY ended_at DESC, id DESC LIMIT %s",
            values,
        )
        return tuple(WindowRef.from_json(document) for (document,) in cursor.fetchall())
