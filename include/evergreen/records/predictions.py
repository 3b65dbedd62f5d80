"""What was served: predictions, the labels that came since, and what had to be dropped.

The samples are made of the rows with the smallest hash of their id: the same rows whenever they
are taken, with no regard to their order. Answers of shadows were never given, and are left out.
Of what was scored in batch (variant `batch`) a sample is logged; `evergreen.scorings` counts all.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import compress
from typing import Any, NamedTuple

from evergreen.records import tallies
from evergreen.records.months import Months
from evergreen.records.session import Session
from evergreen.records.tallies import Tally
from evergreen.refs import Window

SEED = 0
"""Of the hash that draws the samples."""

_ANSWERED = """
FROM evergreen.predictions
WHERE use_case = %(use_case)s AND time > %(start)s AND time <= %(end)s AND variant <> 'shadow'
"""
_IN_ITS_MONTHS = "predictions.time > %(start)s AND predictions.time <= %(end)s"
_OF_ITS_ANSWERS = "answered_at > %(start)s AND answered_at <= %(end)s"
"""What the planner needs to look into the months of the window alone, also behind a join."""
_COUNT = f"""
WITH scored AS (
    SELECT coalesce(sum(rows), 0)::bigint AS rows,
        coalesce(sum(rows) FILTER (WHERE sha256 = ANY(%(digests)s)), 0)::bigint AS champion_rows
    FROM evergreen.scorings
    WHERE use_case = %(use_case)s AND watched AND asked_at > %(start)s AND asked_at <= %(end)s
)
SELECT count(*) FILTER (WHERE variant <> 'batch') + (SELECT rows FROM scored) AS rows,
    count(*) FILTER (WHERE variant <> 'batch' AND sha256 = ANY(%(digests)s))
        + (SELECT champion_rows FROM scored) AS champion_rows,
    (SELECT coalesce(sum(count), 0) FROM evergreen.serving_drops
     WHERE time > %(start)s AND time <= %(end)s) AS dropped
{_ANSWERED}
"""
_SAMPLE = f"""
WITH drawn AS (
    SELECT id, time {_ANSWERED} ORDER BY uuid_hash_extended(id, %(seed)s), id LIMIT %(limit)s
)
SELECT inputs, CASE WHEN sha256 = ANY(%(digests)s) THEN output END AS output,
    CASE WHEN sha256 = ANY(%(digests)s) THEN probability END AS probability,
    CASE WHEN sha256 = ANY(%(digests)s) THEN probabilities END AS chances
FROM drawn JOIN evergreen.predictions USING (id, time)
WHERE {_IN_ITS_MONTHS} ORDER BY id
"""
_LABELLED = f"""
WITH answered AS MATERIALIZED (
    SELECT asked.id, asked.time, prediction_id IS NOT NULL AS known
    FROM (SELECT id, time {_ANSWERED} AND sha256 = ANY(%(digests)s)) AS asked
    LEFT JOIN evergreen.labels ON prediction_id = id AND {_OF_ITS_ANSWERS}
        AND labels.time <= %(end)s
),
counted AS (
    SELECT count(*) FILTER (WHERE known) AS labelled,
        count(*) FILTER (WHERE known OR time <= %(mature)s) AS due
    FROM answered
),
drawn AS (
    SELECT id, time FROM answered WHERE known
    ORDER BY uuid_hash_extended(id, %(seed)s), id LIMIT %(limit)s
),
told AS (
    SELECT id, predictions.time, label, output, probabilities, inputs
    FROM drawn JOIN evergreen.predictions USING (id, time)
    JOIN evergreen.labels ON prediction_id = id AND {_OF_ITS_ANSWERS}
    WHERE {_IN_ITS_MONTHS}
)
SELECT labelled, due, time, label, output, probabilities, inputs
FROM counted LEFT JOIN told ON true ORDER BY id
"""
_REVIEWED = f"""
SELECT asked.time, label, output, probabilities, inputs, asked.key
FROM evergreen.predictions AS asked
JOIN evergreen.labels ON prediction_id = id AND {_OF_ITS_ANSWERS} AND labels.time <= %(end)s
WHERE asked.use_case = %(use_case)s AND asked.time > %(start)s AND asked.time <= %(end)s
    AND variant IN ('champion', 'batch')
ORDER BY uuid_hash_extended(id, %(seed)s), id LIMIT %(limit)s
"""
_MEMORY = "SET LOCAL work_mem = '64MB'"
"""For joining a million labels without the disk."""


@dataclass(frozen=True)
class Logged:
    """The logged predictions of a window."""

    rows: int
    champion_rows: int
    """Answered by the champion, or by the fit of its recipe that it refreshed."""
    dropped: int
    inputs: Sequence[dict[str, Any]]
    """Raw rows of the sample."""
    outputs: Sequence[Any]
    """The champion's answers in the sample; None: somebody else answered."""
    probabilities: Sequence[float | None]
    """Of those answers."""
    chances: Sequence[dict[str, float] | None] = ()
    """Of each class, by its name."""


@dataclass(frozen=True)
class Labelled:
    """The champion's answers whose labels came since, and how many should have."""

    labelled: int
    due: int
    times: Sequence[datetime]
    """When each was answered."""
    labels: Sequence[Any]
    outputs: Sequence[Any]
    probabilities: Sequence[dict[str, float] | None]
    inputs: Sequence[dict[str, Any]] = ()
    """Raw rows."""


@dataclass(frozen=True)
class Reviewed:
    """Answers that were given, whose labels came since, with what was asked."""

    times: Sequence[datetime]
    """When each was answered."""
    labels: Sequence[Any]
    outputs: Sequence[Any]
    probabilities: Sequence[dict[str, float] | None]
    inputs: Sequence[dict[str, Any]]
    """Raw rows."""
    keys: Sequence[dict[str, Any] | None]
    """Of the rows; None: they were asked for without."""

    def take(self, kept: Sequence[bool]) -> "Reviewed":
        """Return some of them: those where `kept` is true."""
        return Reviewed(*(tuple(compress(getattr(self, one.name), kept)) for one in fields(self)))


class Answerer(NamedTuple):
    """What answered some predictions."""

    use_case: str
    version: int
    run_id: str
    sha256: str
    snapshot_sha256: str


class Answered(NamedTuple):
    """How many predictions one answerer made, with one code, as one variant."""

    by: Answerer
    variant: str
    code: str
    times: int


class Stored(NamedTuple):
    """One prediction as it is on record, but for what was asked and said."""

    id: str
    time: datetime
    by: Answerer
    variant: str
    code: str
    engine: str


class Predictions:
    """The table `evergreen.predictions`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def insert(self, lines: Sequence[bytes]) -> int:
        """Store predictions, given as lines of JSON; return how many were not there yet.

        Raises:
            ValueRefused: PostgreSQL cannot hold one of them.
            DatabaseAway: the database is away.
        """
        with self._session.writing() as cursor:
            stored = insert_lines(cursor, "predictions", lines)
            outside = Months.are_outside(cursor)
        if outside:
            Months(self._session).take_in()
        return stored

    def logged(self, use_case: str, window: Window, digests: Collection[str], limit: int) -> Logged:
        """Read a window: `digests` are the champion's, `limit` is the size of the sample."""
        values = {"use_case": use_case, "start": window.start, "end": window.end,
                  "digests": list(digests), "seed": SEED, "limit": limit}  # fmt: skip
        with self._session.transaction() as cursor:
            cursor.execute(_MEMORY)
            cursor.execute(_COUNT, values)
            counts = cursor.fetchone()
            cursor.execute(_SAMPLE, values)
            found = cursor.fetchall()
        return Logged(
            rows=counts["rows"],
            champion_rows=counts["champion_rows"],
            dropped=int(counts["dropped"]),
            inputs=tuple(row["inputs"] for row in found),
            outputs=tuple(row["output"] for row in found),
            probabilities=tuple(row["probability"] for row in found),
            chances=tuple(row["chances"] for row in found),
        )

    def labelled(
        self,
        use_case: str,
        window: Window,
        digests: Collection[str],
        delay: timedelta,
        limit: int,
    ) -> Labelled:
        """Read the answers of the window with the labels known at its end.

        A label is due when it is known, or `delay` after the prediction.
        """
        mature: datetime = window.end - delay
        values = {"use_case": use_case, "start": window.start, "end": window.end,
                  "digests": list(digests), "seed": SEED, "limit": limit,
                  "mature": mature}  # fmt: skip
        with self._session.transaction() as cursor:
            cursor.execute(_MEMORY)
            cursor.execute(_LABELLED, values)
            found = cursor.fetchall()
        known = found if found[0]["labelled"] else ()
        return Labelled(
            labelled=found[0]["labelled"],
            due=found[0]["due"],
            times=tuple(row["time"] for row in known),
            labels=tuple(row["label"] for row in known),
            outputs=tuple(row["output"] for row in known),
            probabilities=tuple(row["probabilities"] for row in known),
            inputs=tuple(row["inputs"] for row in known),
        )

    def of_champion(self, use_case: str, version: int, since: datetime) -> tuple[int, str | None]:
        """Return how many answers a champion has given since a moment, and its newest engine."""
        [row] = self._session.read(
            "WITH answered AS NOT MATERIALIZED (SELECT time, engine FROM evergreen.predictions"
            " WHERE use_case = %s AND time > %s AND version = %s AND variant = 'champion')"
            " SELECT count(*), (SELECT engine FROM answered ORDER BY time DESC LIMIT 1)"
            " FROM answered",
            (use_case, since, version),
        )
        return row["count"], row["engine"]

    def reviewed(self, use_case: str, window: Window, limit: int) -> Reviewed:
        """Read a sample of what champions answered in a window, whoever they were, with labels."""
        values = {"use_case": use_case, "start": window.start, "end": window.end,
                  "seed": SEED, "limit": limit}  # fmt: skip
        rows = self._session.read(_REVIEWED, values)
        names = ("time", "label", "output", "probabilities", "inputs", "key")
        return Reviewed(*(tuple(row[name] for row in rows) for name in names))

    def answered(self) -> list[Answered]:
        """Return who has answered, and how often."""
        names = ", ".join(Answerer._fields)
        rows = self._session.read(
            f"SELECT {names}, variant, code, sum(count)::bigint AS count"
            f" FROM evergreen.prediction_counts GROUP BY {names}, variant, code"
        )
        return [
            Answered(
                Answerer(*(row[name] for name in Answerer._fields)),
                row["variant"], row["code"], row["count"],
            )
            for row in rows
        ]  # fmt: skip

    def find(self, use_case: str, id: str) -> Stored | None:
        """Return one prediction; None: there is none of this use case."""
        found = self._stored("id = %s::uuid AND use_case = %s LIMIT 1", (id, use_case))
        return found[0] if found else None

    def newest(self, use_case: str, limit: int) -> list[Stored]:
        """Return the predictions that were made last, the newest first."""
        return self._stored("use_case = %s ORDER BY time DESC, id DESC LIMIT %s", (use_case, limit))

    def _stored(self, condition: str, values: tuple[object, ...]) -> list[Stored]:
        names = ", ".join(Answerer._fields)
        rows = self._session.read(
            f"SELECT id::text, time, {names}, variant, code, engine FROM evergreen.predictions"
            f" WHERE {condition}",
            values,
        )
        return [
            Stored(by=Answerer(*(row.pop(name) for name in Answerer._fields)), **row)
            for row in rows
        ]

    def by_version(self, use_case: str) -> dict[int, int]:
        """Return how many predictions of each version are on record."""
        rows = self._session.read(
            "SELECT version, sum(count)::bigint AS count FROM evergreen.prediction_counts"
            " WHERE use_case = %s GROUP BY version",
            (use_case,),
        )
        return {row["version"]: row["count"] for row in rows}

    def missing(self, ids: Sequence[str]) -> int:
        """Return how many of these answers are not on record."""
        rows = self._session.read(
            "SELECT count(*) AS missing FROM unnest(%s::text[]) AS asked"
            " WHERE asked::uuid NOT IN (SELECT id FROM evergreen.predictions"
            " WHERE id = ANY(%s::uuid[]))",
            (list(ids), list(ids)),
        )
        return int(rows[0]["missing"])

    def tally(self) -> Tally:
        """Count what was logged and dropped, at one moment."""
        return tallies.tally(self._session)


class Drops:
    """The table `evergreen.serving_drops`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def insert(self, lines: Sequence[bytes]) -> int:
        """Store how many predictions could not be kept, and why; as `Predictions.insert`."""
        with self._session.writing() as cursor:
            return insert_lines(cursor, "serving_drops", lines)


def insert_lines(cursor: Any, table: str, lines: Sequence[bytes], *, but: str = "") -> int:
    """Store lines of JSON in a transaction; return how many were not there yet.

    `but` is SQL that finds what is not to be stored: `(SELECT ... = given.id)`.
    """
    rows = b"[" + b",".join(lines) + b"]"
    cursor.execute(
        f"INSERT INTO evergreen.{table} SELECT *"
        f" FROM jsonb_populate_recordset(NULL::evergreen.{table}, %s::jsonb) AS given"
        f" {but and 'WHERE NOT EXISTS ' + but} ON CONFLICT DO NOTHING",
        (rows.decode(),),
    )
    return int(cursor.rowcount)
