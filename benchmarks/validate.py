"""Seconds and memory for validating 1 M rows x 22 columns.

python benchmarks/validate.py [rows]
"""

import json
import resource
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from common import Figures, happened, measuring, options
from common import settings as settings_of
from evergreen import catalog
from evergreen.data import snapshots
from evergreen.quality.profiling import ColumnProfile, TableProfile, suite
from evergreen.quality.validation import validate
from evergreen.refs import Counts, SnapshotRef
from evergreen.settings import PROJECT, Settings

FLOATS = tuple(f"x{number}" for number in range(18))


def table(rows: int) -> pa.Table:
    random = np.random.default_rng(0)
    measures = {name: random.normal(size=rows) for name in FLOATS}
    label = pa.array(random.random(rows) < 0.3)
    town = pa.array(np.array(["Graz", "Linz", "Wien"])[random.integers(3, size=rows)])
    start = np.datetime64("2020-01-01T00:00:00", "us")
    time_ = pa.array(start + np.arange(rows).astype("timedelta64[s]"))
    return pa.table(
        {"id": np.arange(rows), "time": time_, **measures, "town": town, "label": label}
    )


def checks(rows: int) -> dict[str, object]:
    columns = [
        ColumnProfile(name="id", type="int64", nulls=0),
        ColumnProfile(name="time", type="datetime64", nulls=0),
        *(ColumnProfile(name=n, type="float64", nulls=0, low=-6, high=6) for n in FLOATS),
        ColumnProfile(name="town", type="str", nulls=0, values=("Graz", "Linz", "Wien")),
        ColumnProfile(name="label", type="bool", nulls=0, values=(False, True)),
    ]
    profile = TableProfile(
        table="wide", rows=rows, primary_key=("id",), columns={c.name: c for c in columns}
    )
    return suite("weather", profile, key=("id",), time="time", target="label", classes=True)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    arguments = parser.parse_args()
    rows = 1_000 if arguments.small else arguments.rows
    with measuring(arguments) as figures, tempfile.TemporaryDirectory() as folder:
        run(Path(folder), rows, figures)


def run(home: Path, rows: int, figures: Figures) -> None:
    weather = catalog.load(PROJECT / "include" / "use_cases").use_cases["weather"]
    use_case = replace(
        weather,
        source=replace(
            weather.source, key=("id",), timestamp="time", target="label", target_sql=None
        ),
        features=replace(weather.features, function=None, inputs=(), numeric=FLOATS,
                         categorical=("town",)),
        baselines=tuple(replace(one, columns=None) for one in weather.baselines),
    )  # fmt: skip
    settings = replace(settings_of(home), expectations_dir=home)
    (home / "weather.json").write_text(json.dumps(checks(rows)))
    data = table(rows)
    for damage in ("sound", "one inf", "a column of nulls"):
        measure(damage, broken(data, damage), use_case, settings, figures)


def broken(data: pa.Table, damage: str) -> pa.Table:
    place = data.column_names.index("x3")
    if damage == "one inf":
        values = data["x3"].to_numpy(zero_copy_only=False).copy()
        values[7] = np.inf
        return data.set_column(place, "x3", pa.array(values))
    if damage == "a column of nulls":
        return data.set_column(place, "x3", pa.nulls(len(data), pa.float64()))
    return data


def measure(
    damage: str, data: pa.Table, use_case: object, settings: Settings, figures: Figures
) -> None:
    store = snapshots.of(settings)
    stored = store.write("weather", data.to_batches(), data.schema, about={})
    snapshot = SnapshotRef(
        use_case="weather", uri=stored.uri, sha256=stored.sha256, rows=stored.rows,
        as_of=datetime(2026, 11, 20, tzinfo=UTC), counts=Counts(taken=stored.rows),
    )  # fmt: skip
    started, busy = time.perf_counter(), time.process_time()
    result = validate(snapshot, use_case, settings=settings)  # type: ignore[arg-type]
    seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    happened(f"{damage}: passed", result.passed, damage == "sound")
    figures.tell(
        f"{damage}: {data.num_rows} rows x {data.num_columns} columns, {result.checked} checks,"
        f" passed={result.passed}: {seconds:.1f} s"
        f" ({cpu:.1f} s of CPU), peak of the process so far {peak:.2f} GB",
        data=damage, rows=data.num_rows, checks=result.checked, passed=result.passed,
        seconds=seconds, cpu_seconds=cpu, peak_gb=peak,
    )  # fmt: skip
    for failure in result.failed:
        figures.tell(f"    {failure.reason}")


if __name__ == "__main__":
    main()
