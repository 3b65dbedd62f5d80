"""What was pruned, so that counts stay right; and the pruning of what PostgreSQL holds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from evergreen.records.session import Row, Session, insert
from evergreen.refs import Ref

PREDICTIONS = "predictions"
GIVEN = ("use_case", "kind", "things", "bytes", "oldest", "why", "as_of", "actor")
BATCH = 5_000
"""Answers that go in one transaction: their rows are locked for a fraction of a second."""

APART = timedelta(hours=1)
"""A shadow answers within it of the answer that it shadows: no other months are looked into."""

_OLD = """
FROM evergreen.predictions
WHERE use_case = %(use_case)s AND time >= coalesce(%(since)s::timestamptz, '-infinity')
    AND time < %(before)s AND (release_id IS NULL OR release_id <> ALL(%(trials)s))
"""
_MEASURE = f"""
SELECT count(*) AS things, coalesce(sum(pg_column_size(predictions.*)), 0)::bigint AS bytes,
    min(time) AS oldest
{_OLD}
"""
_NEXT = f"SELECT request_id, time {_OLD} ORDER BY time LIMIT %(batch)s"
_LOCK = """
SELECT id FROM evergreen.predictions
WHERE request_id = ANY(%(requests)s::uuid[]) AND time >= %(since)s AND time <= %(until)s
FOR UPDATE
"""
_LABELS = """
DELETE FROM evergreen.labels
WHERE prediction_id = ANY(%(ids)s::uuid[]) AND answered_at >= %(since)s AND answered_at <= %(until)s
"""
_DELETE = """
WITH gone AS (
    DELETE FROM evergreen.predictions
    WHERE id = ANY(%(ids)s::uuid[]) AND time >= %(since)s AND time <= %(until)s
    RETURNING pg_column_size(predictions.*) AS size, time, variant
)
SELECT count(*) AS things, count(*) FILTER (WHERE variant = 'batch') AS of_batch,
    coalesce(sum(size), 0)::bigint AS bytes, min(time) AS oldest
FROM gone
"""
_ADD = """
UPDATE evergreen.prunings SET things = things + %(things)s, bytes = bytes + %(bytes)s,
    of_batch = of_batch + %(of_batch)s, oldest = least(oldest, %(oldest)s)
WHERE id = %(id)s
"""
_ANSWERING = """
WITH border AS MATERIALIZED (
    SELECT date_trunc('month', %(before)s AT TIME ZONE 'UTC')::date AS month
)
SELECT DISTINCT run_id FROM evergreen.prediction_counts
WHERE use_case = %(use_case)s
    AND (month > (SELECT month FROM border) OR release_id = ANY(%(trials)s::bigint[]))
UNION
SELECT DISTINCT run_id FROM evergreen.predictions
WHERE use_case = %(use_case)s AND time >= %(before)s
    AND time < (SELECT (month + interval '1 month') AT TIME ZONE 'UTC' FROM border)
"""
"""Only of the month of the border are the predictions themselves looked at."""


@dataclass(frozen=True, kw_only=True)
class Pruning(Ref):
    """So many things of a kind that went, or would go."""

    use_case: str
    kind: str
    things: int
    bytes: int
    oldest: datetime | None
    """Of what went."""
    why: str
    as_of: datetime
    """From which the ages were counted."""
    actor: str
    of_batch: int = 0
    """Of predictions: how many had been scored in batch."""
    id: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Old:
    """Which predictions are old: answered before a moment, in no trial that runs."""

    use_case: str
    before: datetime
    since: datetime | None = None
    """None: from the first on."""
    trials: Collection[int] = ()
    """Numbers of the trials whose answers stay."""

    @property
    def values(self) -> dict[str, Any]:
        """Return it as the statements want it."""
        return vars(self) | {"trials": list(self.trials)}


class Prunings:
    """The table `evergreen.prunings`, and the predictions that are pruned."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, pruning: Pruning) -> Pruning:
        """Put on record what went, and return it as stored."""
        row = {name: getattr(pruning, name) for name in GIVEN}
        return Pruning(**self._session.write(insert("prunings", row), row)[0])

    def add(self, on_record: Pruning, things: int, size: int, oldest: datetime | None) -> None:
        """Count more things that went, with their bytes, and when the first of them was made."""
        more = {"things": things, "bytes": size, "of_batch": 0, "oldest": oldest}
        self._session.write(_ADD, more | {"id": on_record.id})

    def get(self, id: int) -> Pruning:
        """Return what is on record under a number that `record` gave."""
        [row] = self._session.read("SELECT * FROM evergreen.prunings WHERE id = %s", (id,))
        return Pruning(**row)

    def newest(self, use_case: str | None = None, limit: int = 100) -> tuple[Pruning, ...]:
        """Return what was pruned, newest first, of one use case or all."""
        rows = self._session.read(
            "SELECT * FROM evergreen.prunings WHERE use_case = coalesce(%s, use_case)"
            " ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(Pruning(**row) for row in rows)

    def use_cases(self) -> tuple[str, ...]:
        """Return the use cases that anything is on record of."""
        rows = self._session.read(
            "SELECT use_case FROM evergreen.decisions"
            " UNION SELECT use_case FROM evergreen.trainings"
            " UNION SELECT use_case FROM evergreen.prediction_counts ORDER BY 1"
        )
        return tuple(row["use_case"] for row in rows)

    def measure(self, old: Old) -> tuple[int, int, datetime | None]:
        """Return how many predictions are old, their bytes, and when the first was answered."""
        [row] = self._session.read(_MEASURE, old.values)
        return row["things"], row["bytes"], row["oldest"]

    def answering(self, old: Old) -> set[str]:
        """Return the MLflow runs whose models made the predictions that are not old."""
        return {row["run_id"] for row in self._session.read(_ANSWERING, old.values)}

    def predictions(self, old: Old, on_record: Pruning) -> bool:
        """Delete the oldest predictions with their labels and shadows, and count them.

        One batch, in one transaction: what is gone is counted, whoever looks. False: none is left.
        """
        with self._session.writing() as cursor:
            cursor.execute(_NEXT, old.values | {"batch": BATCH})
            return let_go(cursor, cursor.fetchall(), on_record)


def let_go(cursor: Any, found: Sequence[Row], on_record: Pruning) -> bool:
    """Delete the answers to requests, in a transaction, and count them; False: there are none.

    Labels go with them, and what shadows answered. `found` has a request and a time in each row.
    """
    if not found:
        return False
    times = [row["time"] for row in found]
    asked: Row = {"since": min(times) - APART, "until": max(times) + APART}
    asked["requests"] = list({row["request_id"] for row in found})
    cursor.execute(_LOCK, asked)  # a label that comes now has come, or comes too late
    asked["ids"] = [row["id"] for row in cursor.fetchall()]
    cursor.execute(_LABELS, asked)
    delete(cursor, asked, on_record)
    return True


def delete(cursor: Any, asked: Row, on_record: Pruning) -> None:
    """Delete predictions by their `ids`, none before `since` or after `until`, and count them."""
    cursor.execute(_DELETE, asked)
    cursor.execute(_ADD, {**cursor.fetchone(), "id": on_record.id})
