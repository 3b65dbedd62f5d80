"""The months in which predictions and their labels lie: made ahead, and let go of as a whole.

    kept.months.make(now)         # those to come, and those of what lies outside of all
    kept.months.outside()         # how many predictions lie in none
    kept.months.old(olds)         # those of which all is old
    kept.months.drop(month, olds, prunings)

PostgreSQL's partitions, by the time of the prediction (UTC). They are made, and go, while nobody
else has them: who waits for that longer than a moment lets it be, and tries again another time.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2

from evergreen.records.errors import DatabaseError
from evergreen.records.prunings import APART, GIVEN, Old, Pruning, delete
from evergreen.records.session import Row, Session, insert

AHEAD = 3
"""So many months to come are there."""
MOST = 240
"""Twenty years of months; what would need more stays outside of them, and is told of."""
WAIT = "SET LOCAL lock_timeout = '2s'"
_ALONE = "LOCK TABLE evergreen.predictions, evergreen.labels IN ACCESS EXCLUSIVE MODE"

_MISSING = """
SELECT DISTINCT date_trunc('month', wanted.time AT TIME ZONE 'UTC')::date AS month
FROM (
    SELECT time FROM evergreen.predictions_outside
    UNION SELECT answered_at FROM evergreen.labels_outside
    UNION SELECT %(now)s::timestamptz + n * interval '1 month'
    FROM generate_series(0, %(ahead)s) AS n WHERE %(now)s IS NOT NULL
) AS wanted
WHERE NOT EXISTS (
    SELECT FROM evergreen.months
    WHERE coalesce(first, '-infinity') <= wanted.time AND wanted.time < next
)
ORDER BY 1 LIMIT greatest(%(most)s - (SELECT count(*) FROM evergreen.months), 0)
"""
_OLD = "SELECT * FROM evergreen.months WHERE next <= %s ORDER BY next"
_GROUPS = """
SELECT use_case, release_id, sum(count)::bigint AS things,
    coalesce(sum(count) FILTER (WHERE variant = 'batch'), 0)::bigint AS of_batch
FROM evergreen.prediction_counts
WHERE month >= coalesce(%(first)s::date, '-infinity') AND month < %(next)s::date
GROUP BY 1, 2 ORDER BY 1, 2
"""
_BYTES = """
SELECT pg_total_relation_size(to_regclass(format('evergreen.%%I', 'predictions_' || %(name)s)))
    + pg_total_relation_size(to_regclass(format('evergreen.%%I', 'labels_' || %(name)s))) AS bytes
"""
"""NULL: another pruning has let go of it meanwhile."""
_OLDEST = """
SELECT min(time) AS oldest FROM evergreen.predictions
WHERE use_case = %(use_case)s AND time >= coalesce(%(first)s::timestamptz, '-infinity')
    AND time < %(next)s
"""
_SHADOWS = """
SELECT id FROM evergreen.predictions AS shadow
WHERE use_case = %(use_case)s AND variant = 'shadow' AND time >= %(next)s
    AND time < %(next)s + %(apart)s AND EXISTS (
        SELECT FROM evergreen.predictions AS own WHERE own.id = shadow.request_id
            AND own.time >= %(next)s - %(apart)s AND own.time < %(next)s
    )
"""
"""Those of a month's last answers that answered in the next one."""
_FORGET = """
DELETE FROM evergreen.{}
WHERE month >= coalesce(%(first)s::date, '-infinity') AND month < %(next)s::date
"""


@dataclass(frozen=True, kw_only=True)
class Month:
    """A partition, or what lies in it of some use cases."""

    name: str
    first: datetime | None
    """None: all that came before there were months."""
    next: datetime
    """The first moment after it."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a month holds of a use case, all of it old."""

    use_case: str
    things: int
    of_batch: int
    bytes: int
    """Its share of the files, by rows."""
    oldest: datetime | None


class Months:
    """The partitions of `evergreen.predictions` and `evergreen.labels`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(self, now: datetime | None = None) -> int:
        """Make the months that lack, those to come too if it is told when now is; return how many.

        Raises:
            DatabaseAway: somebody has had the tables for too long, or the database is away.
        """
        with self._session.writing() as cursor:
            cursor.execute(WAIT)
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('evergreen/months', 0))")
            cursor.execute(_MISSING, {"now": now, "ahead": AHEAD, "most": MOST})
            missing = [row["month"] for row in cursor.fetchall()]
            for month in missing:
                cursor.execute("SELECT evergreen.make_month(%s)", (month,))
        return len(missing)

    def take_in(self) -> None:
        """Give what lies outside its month, if that can be done at once; else the watchdog does.

        Whoever writes has written: that no month can be made is told by those who look after it.
        """
        with contextlib.suppress(DatabaseError):
            self.make()

    @staticmethod
    def are_outside(cursor: Any) -> bool:
        """Tell in a transaction whether any prediction lies in no month."""
        cursor.execute("SELECT EXISTS (SELECT FROM evergreen.predictions_outside) AS outside")
        return bool(cursor.fetchone()["outside"])

    def outside(self) -> int:
        """Return how many predictions lie in no month."""
        [row] = self._session.read("SELECT count(*) FROM evergreen.predictions_outside")
        return int(row["count"])

    def old(self, olds: Sequence[Old]) -> list[tuple[Month, list[Share]]]:
        """Return the months, from the first on, of which all is old by what is asked for."""
        found = []
        with self._session.transaction() as cursor:
            for month in _over(cursor, olds):
                if (shares := _shares(cursor, month, olds)) is None:
                    break
                found.append((month, shares))
        return found

    def drop(
        self, month: Month, olds: Sequence[Old], told: Callable[[Month, Share], Pruning]
    ) -> list[Pruning]:
        """Let go of a month as a whole, if all of it is old still, and put on record what went.

        Nothing goes while somebody reads for longer than a moment, as a backup does.
        """
        with self._session.writing() as cursor:
            cursor.execute(WAIT)
            try:
                cursor.execute(_ALONE)
            except psycopg2.errors.LockNotAvailable:
                return []
            if (shares := _shares(cursor, month, olds)) is None:
                return []
            pruned = [_record(cursor, told(month, share)) for share in shares]
            for one in pruned:
                _let_go_of_shadows(cursor, month, one)
            _drop(cursor, month)
            return [_reread(cursor, one) for one in pruned]


def _over(cursor: Any, olds: Sequence[Old]) -> Iterator[Month]:
    """Yield the months that were over at the earliest border, oldest first."""
    if olds:
        cursor.execute(_OLD, (min(old.before for old in olds),))
        yield from [Month(**row) for row in cursor.fetchall()]


def _shares(cursor: Any, month: Month, olds: Sequence[Old]) -> list[Share] | None:
    """Return what a month holds; None: not all of it is old, or somebody else's, or it is gone."""
    asked = {old.use_case: old for old in olds}
    cursor.execute(_GROUPS, vars(month))
    groups = cursor.fetchall()
    for group in groups:
        old = asked.get(group["use_case"])
        if old is None or old.before < month.next or group["release_id"] in old.trials:
            return None
    cursor.execute(_BYTES, vars(month))
    if (size := cursor.fetchone()["bytes"]) is None:
        return None
    of_each = size / max(sum(group["things"] for group in groups), 1)
    names = dict.fromkeys(group["use_case"] for group in groups)
    return [
        _share(cursor, month, name, [g for g in groups if g["use_case"] == name], of_each)
        for name in names
    ]


def _share(cursor: Any, month: Month, name: str, groups: Sequence[Row], of_each: float) -> Share:
    things = sum(group["things"] for group in groups)
    cursor.execute(_OLDEST, vars(month) | {"use_case": name})
    return Share(
        use_case=name, things=things, of_batch=sum(group["of_batch"] for group in groups),
        bytes=round(of_each * things), oldest=cursor.fetchone()["oldest"],
    )  # fmt: skip


def _record(cursor: Any, pruning: Pruning) -> Pruning:
    row = {name: getattr(pruning, name) for name in (*GIVEN, "of_batch")}
    cursor.execute(insert("prunings", row), row)
    return Pruning(**cursor.fetchone())


def _reread(cursor: Any, pruning: Pruning) -> Pruning:
    cursor.execute("SELECT * FROM evergreen.prunings WHERE id = %s", (pruning.id,))
    return Pruning(**cursor.fetchone())


def _let_go_of_shadows(cursor: Any, month: Month, on_record: Pruning) -> None:
    asked = vars(month) | {"use_case": on_record.use_case, "apart": APART}
    cursor.execute(_SHADOWS, asked)
    if ids := [row["id"] for row in cursor.fetchall()]:
        span = {"since": month.next, "until": month.next + APART}
        delete(cursor, {"ids": ids, **span}, on_record)


def _drop(cursor: Any, month: Month) -> None:
    for table in ("prediction_counts", "recounts"):
        cursor.execute(_FORGET.format(table), vars(month))
    for table in ("predictions", "labels"):
        cursor.execute(f'DROP TABLE evergreen."{table}_{month.name}"')
