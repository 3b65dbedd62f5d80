"""What the service logged in a window: counts of all rows, and a fixed-seed sample of them.

    logged = read(settings.database_url, "iris", window, sha256, limit=10_000)
    logged.rows, logged.champion_rows, logged.inputs[0]["sepal_length"]

The sample is made of the rows with the smallest hash of their id: the same rows whenever it is
taken, with no regard to their order. Answers of shadows were never given, and are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from evergreen.data import warehouse
from evergreen.refs import Window

SEED = 0
"""Of the hash that draws the sample."""

_ANSWERED = """
FROM evergreen.predictions
WHERE use_case = %(use_case)s AND time > %(start)s AND time <= %(end)s AND variant <> 'shadow'
"""
_COUNT = f"SELECT count(*), count(*) FILTER (WHERE sha256 = %(sha256)s) {_ANSWERED}"
_DROPS = """
SELECT coalesce(sum(count), 0) FROM evergreen.serving_drops WHERE time > %(start)s
AND time <= %(end)s
"""
_SAMPLE = f"""
WITH drawn AS (
    SELECT id {_ANSWERED} ORDER BY uuid_hash_extended(id, %(seed)s), id LIMIT %(limit)s
)
SELECT inputs, CASE WHEN sha256 = %(sha256)s THEN output END,
    CASE WHEN sha256 = %(sha256)s THEN probability END
FROM drawn JOIN evergreen.predictions USING (id) ORDER BY id
"""
_LABELLED = f"""
WITH answered AS MATERIALIZED (
    SELECT asked.id, asked.time, prediction_id IS NOT NULL AS known
    FROM (SELECT id, time {_ANSWERED} AND sha256 = %(sha256)s) AS asked
    LEFT JOIN evergreen.labels ON prediction_id = id AND labels.time <= %(end)s
),
counted AS (
    SELECT count(*) FILTER (WHERE known) AS labelled,
        count(*) FILTER (WHERE known OR time <= %(mature)s) AS due
    FROM answered
),
drawn AS (
    SELECT id FROM answered WHERE known
    ORDER BY uuid_hash_extended(id, %(seed)s), id LIMIT %(limit)s
),
told AS (
    SELECT id, label, output, probabilities
    FROM drawn JOIN evergreen.predictions USING (id)
    JOIN evergreen.labels ON prediction_id = id
)
SELECT labelled, due, label, output, probabilities FROM counted LEFT JOIN told ON true ORDER BY id
"""
_MEMORY = "SET LOCAL work_mem = '64MB'"
"""For joining a million labels without the disk."""


@dataclass(frozen=True)
class Logged:
    """The logged predictions of a window."""

    rows: int
    champion_rows: int
    dropped: int
    inputs: Sequence[dict[str, Any]]
    """Raw rows of the sample."""
    outputs: Sequence[Any]
    """The champion's answers in the sample; None: somebody else answered."""
    probabilities: Sequence[float | None]
    """Of those answers."""


@dataclass(frozen=True)
class Labelled:
    """The champion's answers whose labels came since, and how many should have."""

    labelled: int
    due: int
    labels: Sequence[Any]
    outputs: Sequence[Any]
    probabilities: Sequence[dict[str, float] | None]


def read(url: str, use_case: str, window: Window, sha256: str, limit: int) -> Logged:
    """Read a window: `sha256` is the champion's, `limit` the size of the sample."""
    values = {"use_case": use_case, "start": window.start, "end": window.end, "sha256": sha256,
              "seed": SEED, "limit": limit}  # fmt: skip
    (rows, champion_rows), *_ = _query(url, _COUNT, values)
    (dropped,), *_ = _query(url, _DROPS, values)
    found = _query(url, _SAMPLE, values)
    inputs, outputs, probabilities = zip(*found, strict=True) if found else ((), (), ())
    return Logged(rows, champion_rows, int(dropped), inputs, outputs, probabilities)


def read_labels(
    url: str, use_case: str, window: Window, sha256: str, delay: timedelta, limit: int
) -> Labelled:
    """Read the answers of the window with the labels known at its end.

    A label is due when it is known, or `delay` after the prediction.
    """
    mature: datetime = window.end - delay
    values = {"use_case": use_case, "start": window.start, "end": window.end, "sha256": sha256,
              "seed": SEED, "limit": limit, "mature": mature}  # fmt: skip
    found = _query(url, _LABELLED, values)
    labelled, due = found[0][:2]
    known = [row[2:] for row in found] if labelled else []
    labels, outputs, probabilities = zip(*known, strict=True) if known else ((), (), ())
    return Labelled(labelled, due, labels, outputs, probabilities)


def _query(url: str, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with warehouse.connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(_MEMORY)
        cursor.execute(sql, values)
        return cursor.fetchall()
