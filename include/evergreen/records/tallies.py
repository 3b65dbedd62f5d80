"""How many predictions there are, by what answered them: counted as they come and go.

The counts are PostgreSQL's own (triggers, see `migrations`), so that nobody reads a hundred million
rows to know how many there are. That they are right is looked at month by month, where they have
changed since the last look: `evergreen.recounts` remembers it.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from evergreen.records.session import Row, Session


class Miscounted(NamedTuple):
    """A month of which the counts are not those of its predictions."""

    month: date
    counted: int
    there: int


class Tally(NamedTuple):
    """What is on record of all that was accepted, and of what was scored in batch."""

    logged: int
    """Answers of the service."""
    dropped: int
    of_batch: int
    """Logged rows that were scored in batch."""
    told_of_batch: int
    """And how many there are by what the runs said."""
    pruned: int
    """They were old, and are counted still."""
    pruned_of_batch: int
    """The same of rows that were scored in batch."""
    orphans: int
    """Answers of shadows whose own answer is not on record."""
    outside: int
    """Predictions that lie in no month."""
    miscounted: tuple[Miscounted, ...]


_COUNTED = """
SELECT (coalesce(sum(count), 0) - coalesce(sum(count) FILTER (WHERE variant = 'batch'), 0))::bigint
        AS logged,
    coalesce(sum(count) FILTER (WHERE variant = 'batch'), 0)::bigint AS of_batch,
    (SELECT coalesce(sum(logged), 0) FROM evergreen.scorings)::bigint AS told_of_batch,
    (SELECT coalesce(sum(count), 0) FROM evergreen.serving_drops)::bigint AS dropped,
    (SELECT coalesce(sum(things - of_batch), 0) FROM evergreen.prunings
     WHERE kind = 'predictions')::bigint AS pruned,
    (SELECT coalesce(sum(of_batch), 0) FROM evergreen.prunings)::bigint AS pruned_of_batch,
    (SELECT count(*) FROM evergreen.predictions_outside) AS outside
FROM evergreen.prediction_counts
"""
_LOOKED_AT = """
SELECT month, now.counted, shadows, there, orphans,
    last.counted IS NOT DISTINCT FROM now.counted AS same
FROM (
    SELECT month, sum(count)::bigint AS counted,
        coalesce(sum(count) FILTER (WHERE variant = 'shadow'), 0)::bigint AS shadows
    FROM evergreen.prediction_counts GROUP BY month
) AS now
LEFT JOIN evergreen.recounts AS last USING (month)
"""
_SPAN = """
time >= %(since)s::timestamp AT TIME ZONE 'UTC'
    AND time < (%(until)s + interval '1 month') AT TIME ZONE 'UTC'
"""
_THERE = f"""
SELECT count(*) AS there FROM evergreen.predictions WHERE {_SPAN}
"""
_ORPHANS = f"""
SELECT date_trunc('month', time AT TIME ZONE 'UTC')::date AS month, count(*) AS orphans
FROM (
    SELECT request_id, time FROM evergreen.predictions WHERE variant = 'shadow' AND {_SPAN}
) AS shadows
WHERE NOT EXISTS (
    SELECT FROM evergreen.predictions AS own WHERE own.id = shadows.request_id
        AND own.time >= %(since)s::timestamp AT TIME ZONE 'UTC' - interval '1 hour'
        AND own.time < (%(until)s + interval '1 month') AT TIME ZONE 'UTC' + interval '1 hour'
)
GROUP BY 1
"""
"""A shadow answers within an hour of the answer that it shadows, maybe in another month."""
_REMEMBER = """
INSERT INTO evergreen.recounts VALUES (%(month)s, %(counted)s, %(there)s, %(orphans)s)
ON CONFLICT (month) DO UPDATE
    SET counted = excluded.counted, there = excluded.there, orphans = excluded.orphans
"""


def tally(session: Session) -> Tally:
    """Count everything, at one moment."""
    with session.transaction() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(_COUNTED)
        counted = cursor.fetchone()
        cursor.execute(_LOOKED_AT)
        months = cursor.fetchall()
        changed = [month for month in months if not month["same"]]
        _recount(cursor, changed)
    for month in changed:
        session.write(_REMEMBER, month)
    wrong = (month for month in months if month["there"] != month["counted"])
    return Tally(
        **counted,
        orphans=sum(month["orphans"] for month in months),
        miscounted=tuple(Miscounted(m["month"], m["counted"], m["there"]) for m in wrong),
    )


def _recount(cursor: Any, changed: Sequence[Row]) -> None:
    """Write into the months what they really hold; lost answers are looked for beside shadows."""
    for month in changed:
        cursor.execute(_THERE, {"since": month["month"], "until": month["month"]})
        month.update(cursor.fetchone(), orphans=0)
    shadowed = [month["month"] for month in changed if month["shadows"]]
    if not shadowed:
        return
    cursor.execute(_ORPHANS, {"since": min(shadowed), "until": max(shadowed)})
    found = {row["month"]: row["orphans"] for row in cursor.fetchall()}
    for month in changed:
        month["orphans"] = found.get(month["month"], 0)
