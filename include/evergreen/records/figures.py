"""The state of things in figures, each by its labels: for Prometheus."""

from typing import Any

from evergreen.records.session import Session, newest_of_each

NEWEST = newest_of_each("windows", "ended_at DESC, id DESC")
"""Of each use case, from its index: not one in thousands of the windows is read."""
JUDGED = newest_of_each("decisions", "number DESC", where="kind IN ('gate', 'dry_run')")
"""The newest gate of each: the evidence of those before is not read."""


def _of_window(field: str) -> str:
    return f"SELECT use_case, (document->>'{field}')::float8 FROM ({NEWEST}) AS newest"


def _metric_of_window(field: str) -> str:
    return (
        f"SELECT use_case, document->>'metric', (document->>'{field}')::float8"
        f" FROM ({NEWEST}) AS newest"
    )


def _of_band(field: str, part: str) -> str:
    return (
        f"SELECT use_case, document->>'metric', (document #>> '{{{field},{part}}}')::float8"
        f" FROM ({NEWEST}) AS newest"
    )


SQL = {
    "drift_share": _of_window("drift_share"),
    "drift_weighted_share": _of_window("weighted_share"),
    "confidence": _of_window("confidence"),
    "label_coverage": _of_window("coverage"),
    "window_rows": _of_window("rows"),
    "live_metric": _metric_of_window("live"),
    "live_metric_floor": _metric_of_window("floor"),
    "estimated_metric": _of_band("estimate", "value"),
    "estimated_metric_low": _of_band("estimate", "low"),
    "estimated_metric_high": _of_band("estimate", "high"),
    "estimated_metric_outside": _of_band("estimate", "outside"),
    "window_end_timestamp_seconds": "SELECT use_case, extract(epoch FROM ended_at)"
    f" FROM ({NEWEST}) AS newest",
    "windows": "SELECT use_case, outcome, count(*) FROM evergreen.windows GROUP BY 1, 2",
    "decisions": "SELECT use_case, kind, outcome, count(*) FROM evergreen.decisions"
    " GROUP BY 1, 2, 3",
    "retrainings": "SELECT use_case, cause, count(*) FROM evergreen.retrainings GROUP BY 1, 2",
    "training_seconds": "SELECT use_case, (evidence #>> '{evaluation,challenger,seconds}')::float8"
    f" FROM ({JUDGED}) AS newest",
    "gate_timestamp_seconds": "SELECT use_case, extract(epoch FROM max(created_at))"
    " FROM evergreen.decisions WHERE kind = 'gate' GROUP BY 1",
    "champion_timestamp_seconds": "SELECT use_case, extract(epoch FROM max(created_at))"
    " FROM evergreen.promotions GROUP BY 1",
    "knowledge_timestamp_seconds": "SELECT DISTINCT ON (use_case) use_case,"
    " extract(epoch FROM (training->>'end')::timestamptz) FROM evergreen.promotions"
    " ORDER BY use_case, id DESC",
    "watchdog_timestamp_seconds": "SELECT name, extract(epoch FROM at) FROM evergreen.heartbeats"
    " WHERE name NOT LIKE '%/%'",
    "incidents_open": "SELECT use_case, kind, count(*) FROM evergreen.incidents"
    " WHERE resolved_at IS NULL GROUP BY 1, 2",
}
"""Of each figure: its labels first, the use case before all, the value last (null: unknown)."""
RETIRED = "SELECT use_case FROM evergreen.retirements WHERE lifted_at IS NULL"


class Figures:
    """What `SQL` asks for."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every figure's rows, read in one transaction; what is retired has none."""
        with self._session.transaction() as cursor:
            retired = {name for (name,) in self._tuples(cursor, RETIRED)}
            found = {name: self._tuples(cursor, sql) for name, sql in SQL.items()}
        return {
            name: [row for row in rows if row[0] not in retired] for name, rows in found.items()
        }

    @staticmethod
    def _tuples(cursor: Any, sql: str) -> list[tuple[Any, ...]]:
        cursor.execute(sql)
        return [tuple(row.values()) for row in cursor.fetchall()]
