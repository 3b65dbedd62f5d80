"""The retrainings that were asked for, one for each window and champion. Light to import.

Usage::

    asked = ask(url, Retrained(use_case="weather", window_end=..., champion=3, ...))
    retrainings(url, "weather")           # newest first, each with what came of it
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extras import RealDictCursor

from evergreen.champions.ledger import Ledger
from evergreen.data import warehouse
from evergreen.refs import Ref

ASKED, PASSED, REFUSED, FAILED = "asked", "passed", "refused", "failed"

ASK = """
INSERT INTO evergreen.retrainings (use_case, window_end, champion, cause, run_key, asked_at)
VALUES (%(use_case)s, %(window_end)s, %(champion)s, %(cause)s, %(run_key)s, %(asked_at)s)
ON CONFLICT ON CONSTRAINT retrainings_once DO NOTHING
"""
LIST = """
SELECT r.use_case, r.window_end, r.champion, r.cause, r.run_key, r.asked_at,
       coalesce(judged.outcome, failed.outcome, 'asked') AS outcome,
       coalesce(judged.sentence, failed.message, '') AS sentence
FROM evergreen.retrainings r
LEFT JOIN LATERAL (
    SELECT d.outcome, d.sentence FROM evergreen.decisions d
    WHERE d.run_key = r.run_key AND d.kind IN ('gate', 'validation')
    ORDER BY d.number DESC LIMIT 1
) judged ON true
LEFT JOIN LATERAL (
    SELECT 'failed' AS outcome, i.message FROM evergreen.incidents i
    WHERE i.run_key = r.run_key AND i.kind = 'failure' AND i.resolved_at IS NULL
) failed ON true
WHERE r.use_case = %s {condition}
ORDER BY r.asked_at DESC, r.id DESC LIMIT %s
"""


@dataclass(frozen=True, kw_only=True)
class Retrained(Ref):
    """A retraining that was asked for, and what came of it."""

    use_case: str
    window_end: datetime
    champion: int
    """Version that was champion when it was asked for."""
    cause: str
    """drift, quality or new rows."""
    run_key: str
    """`<use case>_training/<run id>`."""
    asked_at: datetime
    outcome: str = ASKED
    """asked (nothing came of it yet), passed or refused (by gate or validation), failed."""
    sentence: str = ""
    """Why it was refused, or failed."""

    @property
    def run_id(self) -> str:
        """The id of its run in Airflow."""
        return self.run_key.partition("/")[2]


def run_key(use_case: str, cause: str, window_end: datetime, champion: int) -> str:
    """Return the name of the training that a window asks for: always the same.

    >>> from datetime import UTC
    >>> run_key("weather", "new rows", datetime(2026, 11, 21, 15, tzinfo=UTC), 3)
    'weather_training/new_rows__2026-11-21T15:00:00Z__v3'
    """
    end = window_end.isoformat().replace("+00:00", "Z")
    return f"{use_case}_training/{cause.replace(' ', '_')}__{end}__v{champion}"


def ask(url: str, retraining: Retrained) -> Retrained:
    """Ask for a retraining; return the one of its window and champion, as stored."""
    _rows(url, ASK, retraining.to_json())
    matter = (retraining.use_case, retraining.window_end, retraining.champion, 1)
    (stored,) = _list(url, "AND r.window_end = %s AND r.champion = %s", matter)
    return stored


def retrainings(url: str, use_case: str, limit: int = 100) -> tuple[Retrained, ...]:
    """Return what was asked for, newest first."""
    return _list(url, "", (use_case, limit))


def _list(url: str, condition: str, values: Any) -> tuple[Retrained, ...]:
    rows = _rows(url, LIST.format(condition=condition), values)
    return tuple(Retrained.from_json(dict(row)) for row in rows)


def _rows(url: str, sql: str, values: Any) -> list[dict[str, Any]]:
    Ledger(url).migrate()
    with (
        warehouse.connect(url) as connection,
        connection.cursor(cursor_factory=RealDictCursor) as cursor,
    ):
        cursor.execute(sql, values)
        return list(cursor.fetchall()) if cursor.description else []
