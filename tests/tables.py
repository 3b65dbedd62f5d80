"""Arrow tables of the demo data, and snapshots of them, without a database."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from evergreen import catalog
from evergreen.data import snapshots
from evergreen.refs import Counts, SnapshotRef
from evergreen.settings import PROJECT, Settings
from evergreen.spec import UseCase
from evergreen_workshop.demo import weather

USE_CASES = catalog.load(PROJECT / "include" / "use_cases").use_cases
AS_OF = datetime(2026, 11, 20, tzinfo=UTC)


def weather_table(days: int = 400) -> pa.Table:
    """The days before AS_OF, as extract would take them."""
    observed = [weather.observe(date(2026, 11, 18) - timedelta(days=n)) for n in range(days)][::-1]
    names = ("date", "precipitation", "temp_max", "temp_min", "wind", "condition")
    columns = dict(zip(names, zip(*observed, strict=True), strict=True))
    rain = [*(amount > 0 for amount in columns["precipitation"][1:]), True]
    return pa.table({**columns, "rain_tomorrow": rain})


def change(table: pa.Table, column: str, changes: dict[int, Any]) -> pa.Table:
    """Put other values into some rows."""
    values = [changes.get(row, value) for row, value in enumerate(table[column].to_pylist())]
    place = table.column_names.index(column)
    return table.set_column(place, column, pa.array(values, table.schema.field(column).type))


def replace(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    """Put another array in the place of a column."""
    return table.set_column(table.column_names.index(column), column, values)


def snapshot_of(
    table: pa.Table, use_case: UseCase, settings: Settings, *notes: str, as_of: datetime = AS_OF
) -> SnapshotRef:
    """Store a table as a snapshot."""
    store = snapshots.of(settings)
    stored = store.write(use_case.name, table.to_batches(), table.schema, about={})
    return SnapshotRef(
        use_case=use_case.name,
        uri=stored.uri,
        sha256=stored.sha256,
        rows=table.num_rows,
        as_of=as_of,
        counts=Counts(taken=table.num_rows),
        notes=notes,
    )


def local_settings(folder: Path) -> Settings:
    """Settings of a project without a database."""
    return Settings(
        home=folder,
        database_url="postgresql://user:hunter2@127.0.0.1:1/none",
        tracking_uri="",
        artifacts_url="",
        use_cases_dir=PROJECT / "include" / "use_cases",
        expectations_dir=PROJECT / "expectations",
    )
