"""What thirty daily snapshots store, and what PostgreSQL sends for them, beside whole copies.

    python benchmarks/snapshots.py --rows 1000000

Starts a PostgreSQL of its own with three years of rows. A whole copy is the first snapshot's rows.
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
from evergreen.settings import Settings
from evergreen.spec import Source, UseCase

LAST = datetime(2026, 8, 24, tzinfo=UTC)
DAYS, LENGTH = 30, timedelta(days=3 * 365)
TABLE = f"""
    CREATE TABLE events AS
    SELECT n AS id, TIMESTAMPTZ '{LAST.isoformat()}' - n * INTERVAL '{{step}} seconds' AS at,
           {", ".join(f"random() * {scale + 1} AS x{scale}" for scale in range(8))},
           'kind ' || n % 17 AS kind, random() < 0.3 AS label
    FROM generate_series(1, {{rows}}) AS n
"""


@dataclass
class Sent:
    """What PostgreSQL sent."""

    rows: int = 0
    bytes: int = 0


def use_case() -> UseCase:
    from use_cases.weather import USE_CASE

    source = Source(table="events", key=("id",), timestamp="at", target="label")
    return replace(USE_CASE, name="events", source=source)


@contextmanager
def counting() -> Iterator[Sent]:
    """Count the rows and bytes of every stream."""
    sent, original = Sent(), warehouse.Reading.stream

    def stream(reading: warehouse.Reading, sql: str) -> Any:
        schema, batches = original(reading, sql)
        return schema, map(count, batches)

    def count(batch: Any) -> Any:
        sent.rows += batch.num_rows
        sent.bytes += batch.nbytes
        return batch

    warehouse.Reading.stream = stream
    try:
        yield sent
    finally:
        warehouse.Reading.stream = original


def stored(settings: Settings) -> tuple[int, int]:
    """Return the files and bytes of the snapshots."""
    files = [file for file in Path(settings.home, "snapshots").rglob("*") if file.is_file()]
    return len(files), sum(file.stat().st_size for file in files)


def measure(rows: int, figures: Figures) -> None:
    with house() as here, counting() as sent:
        fill(here, rows)
        first = take(here, DAYS - 1)
        one = (stored(here)[1], sent.bytes, first.rows)
        last = first
        for days in range(DAYS - 2, -1, -1):
            last = take(here, days)
        happened("the last snapshot holds every row", last.rows, rows)
        files, size = stored(here)
    copies = [DAYS * figure for figure in one]
    figures.tell(
        f"{DAYS} daily snapshots of {last.rows:,} rows: {size / 1e6:.1f} MB in {files} files,"
        f" {sent.rows:,} rows ({sent.bytes / 1e6:.1f} MB of Arrow) sent by PostgreSQL;"
        f" as whole copies {copies[0] / 1e6:.0f} MB, {copies[2]:,} rows ({copies[1] / 1e6:.0f} MB)",
        rows=last.rows, files=files, stored=size, sent_rows=sent.rows, sent=sent.bytes,
        copies_stored=copies[0], copies_sent_rows=copies[2], copies_sent=copies[1],
    )  # fmt: skip


def take(settings: Settings, days_before: int) -> Any:
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
