"""What thirty daily snapshots and their features store, send and compute, beside whole copies.

    python benchmarks/snapshots.py --rows 1000000

Starts a PostgreSQL of its own with three years of rows; a feature looks a week back. A whole copy
is the first day's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from common import Figures, happened, house, measuring, options
from evergreen.data import warehouse
from evergreen.data.extraction import extract
from evergreen.learning import features
from evergreen.learning.feature_code import FeatureCode
from evergreen.refs import SnapshotRef
from evergreen.settings import Settings
from evergreen.spec import Features, Source, UseCase

LAST = datetime(2026, 8, 24, tzinfo=UTC)
DAYS, LENGTH = 30, timedelta(days=3 * 365)
RAW, FEATURES = "events", "events.features"
TABLE = f"""
    CREATE TABLE events AS
    SELECT n AS id, TIMESTAMPTZ '{LAST.isoformat()}' - n * INTERVAL '{{step}} seconds' AS at,
           {", ".join(f"random() * {scale + 1} AS x{scale}" for scale in range(8))},
           'kind ' || n % 17 AS kind, random() < 0.3 AS label
    FROM generate_series(1, {{rows}}) AS n
"""


@dataclass
class Work:
    """What PostgreSQL sent, and what the feature code computed."""

    rows: int = 0
    bytes: int = 0
    featured: int = 0


def weekly(raw: Any) -> Any:
    week = raw.set_index("at")["x0"].rolling("7D").mean()
    return raw.assign(week=week.to_numpy())


def use_case() -> UseCase:
    from use_cases.weather import USE_CASE

    source = Source(table="events", key=("id",), timestamp="at", target="label")
    columns = tuple(f"x{scale}" for scale in range(8))
    declared = Features(
        numeric=(*columns, "week"), categorical=("kind",), function=weekly,
        inputs=("at", *columns, "kind"), lookback=timedelta(days=7),
    )  # fmt: skip
    baselines = tuple(replace(one, columns=None) for one in USE_CASE.baselines)
    return replace(USE_CASE, name="events", source=source, features=declared, baselines=baselines)


@contextmanager
def counting() -> Iterator[Work]:
    """Count the rows and bytes of every stream, and the rows that features are computed of."""
    work, stream, transform = Work(), warehouse.Reading.stream, FeatureCode.transform

    def streamed(reading: warehouse.Reading, sql: str) -> Any:
        schema, batches = stream(reading, sql)
        return schema, map(count, batches)

    def count(batch: Any) -> Any:
        work.rows += batch.num_rows
        work.bytes += batch.nbytes
        return batch

    def featured(step: FeatureCode, raw: Any) -> Any:
        work.featured += len(raw)
        return transform(step, raw)

    warehouse.Reading.stream, FeatureCode.transform = streamed, featured
    try:
        yield work
    finally:
        warehouse.Reading.stream, FeatureCode.transform = stream, transform


def stored(settings: Settings, folder: str) -> tuple[int, int]:
    """Return the files and bytes of the snapshots, or of the features."""
    files = [f for f in Path(settings.home, "snapshots", folder).rglob("*") if f.is_file()]
    return len(files), sum(file.stat().st_size for file in files)


def measure(rows: int, figures: Figures) -> None:
    with house() as here, counting() as work:
        fill(here, rows)
        snapshot = day(here, DAYS - 1)
        once = (stored(here, RAW)[1], stored(here, FEATURES)[1], work.bytes, snapshot.rows)
        for days in range(DAYS - 2, -1, -1):
            snapshot = day(here, days)
        happened("the last snapshot holds every row", snapshot.rows, rows)
        (raw_files, raw), (feature_files, made) = stored(here, RAW), stored(here, FEATURES)
    copies = [DAYS * figure for figure in once]
    figures.tell(
        f"{DAYS} daily snapshots of {snapshot.rows:,} rows: {raw / 1e6:.1f} MB in {raw_files}"
        f" files, {work.rows:,} rows ({work.bytes / 1e6:.1f} MB of Arrow) sent by PostgreSQL;"
        f" as whole copies {copies[0] / 1e6:.0f} MB, {copies[3]:,} rows ({copies[2] / 1e6:.0f} MB)",
        rows=snapshot.rows, files=raw_files, stored=raw, sent_rows=work.rows, sent=work.bytes,
        copies_stored=copies[0], copies_sent_rows=copies[3], copies_sent=copies[2],
    )  # fmt: skip
    figures.tell(
        f"their features: {made / 1e6:.1f} MB in {feature_files} files, computed of"
        f" {work.featured:,} rows (checks with them); as whole copies {copies[1] / 1e6:.0f} MB,"
        f" {copies[3]:,} rows",
        features_files=feature_files, features_stored=made, featured_rows=work.featured,
        copies_features_stored=copies[1], copies_featured_rows=copies[3],
    )  # fmt: skip


def day(settings: Settings, days_before: int) -> SnapshotRef:
    snapshot = take(settings, days_before)
    features.build(snapshot, use_case(), settings)
    return snapshot


def take(settings: Settings, days_before: int) -> SnapshotRef:
    as_of = LAST - timedelta(days=days_before)
    return extract(use_case(), as_of=as_of, asked_at=LAST, settings=settings)


def fill(settings: Settings, rows: int) -> None:
    step = int(LENGTH.total_seconds() / rows)
    with warehouse.connect(settings.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE.format(rows=rows, step=step))


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with measuring(arguments) as figures:
        measure(20_000 if arguments.small else arguments.rows, figures)
