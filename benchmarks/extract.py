"""How long extraction takes and how much memory, beside `pandas.read_sql` on the same rows.

    python benchmarks/extract.py --rows 1000000

Starts a PostgreSQL of its own in a temporary folder, fills a table of 22 columns on the server, and
runs each way in a process of its own, alternating. Seconds are without the imports; the memory is
the peak of the process with them.
"""

import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from common import Figures, alone, happened, house, measuring, options, settings
from evergreen.spec import Source, UseCase

AS_OF = datetime(2026, 8, 24, tzinfo=UTC)
NUMBERS = 16
TABLE = f"""
    CREATE TABLE events AS
    SELECT n AS id, TIMESTAMP '2026-08-24' - n * INTERVAL '1 minute' AS at,
           {", ".join(f"random() * {scale + 1} AS x{scale}" for scale in range(NUMBERS))},
           'kind ' || n % 17 AS kind, 'place ' || n % 1009 AS place,
           n % 7 = 0 AS flag, random() < 0.3 AS label
    FROM generate_series(1, {{rows}}) AS n
    ORDER BY random()
"""


def use_case() -> UseCase:
    from use_cases.weather import USE_CASE

    source = Source(table="events", key=("id",), timestamp="at", target="label")
    return replace(USE_CASE, name="events", source=source)


def evergreen(url: str, folder: str) -> Callable[[], int]:
    from evergreen.data.extraction import extract

    given = settings(Path(folder), url)
    return lambda: extract(use_case(), as_of=AS_OF, asked_at=AS_OF, settings=given).rows


def stream_only(url: str, folder: str) -> Callable[[], int]:
    from evergreen.data.snapshots import SnapshotStore
    from evergreen.data.warehouse import stream

    store = SnapshotStore(f"{folder}/streamed")

    def run() -> int:
        schema, batches = stream(url, "SELECT * FROM events")
        return store.write("events", batches, schema, {}).rows

    return run


def read_sql(url: str, folder: str) -> Callable[[], int]:
    import pandas as pd
    from sqlalchemy import create_engine

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    target = f"{folder}/pandas.parquet"

    def run() -> int:
        frame = pd.read_sql("SELECT * FROM events ORDER BY at, id", engine)
        frame.to_parquet(target, compression="zstd")
        return len(frame)

    return run


WAYS = {"evergreen": evergreen, "stream_only": stream_only, "read_sql": read_sql}


def measure(way: str, url: str) -> dict[str, float]:
    """Run one way in this process and tell what it took."""
    with tempfile.TemporaryDirectory() as folder:
        run = WAYS[way](url, folder)
        start = time.perf_counter()
        rows = run()
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"rows": rows, "seconds": seconds, "peak_gb": peak}


def compare(rows: int, repeat: int, figures: Figures) -> None:
    with house() as here:
        fill(here.database_url, rows)
        runs = {way: [] for way in WAYS}
        for _ in range(repeat):
            for way in WAYS:
                runs[way].append(alone(measure, way, here.database_url))
                happened(f"{way} took rows", runs[way][-1]["rows"], rows)
    medians = {
        way: {key: statistics.median(run[key] for run in done) for key in ("seconds", "peak_gb")}
        for way, done in runs.items()
    }
    for way, median in medians.items():
        ratio = median["seconds"] / medians["read_sql"]["seconds"]
        figures.tell(
            f"{way:12} {rows:>9,} rows  {median['seconds']:6.1f} s  {median['peak_gb']:.2f} GB"
            f"  {ratio:.2f} x read_sql",
            way=way, rows=rows, ratio=ratio, **median,
        )  # fmt: skip


def fill(url: str, rows: int) -> None:
    from evergreen.data.warehouse import connect

    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE.format(rows=rows))


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.small:
        arguments.rows, arguments.repeat = 1_000, 1
    with measuring(arguments) as figures:
        compare(arguments.rows, arguments.repeat, figures)
