"""Scoring in batch: rows a second and memory, by rows; reading, predicting and writing included.

    python benchmarks/score.py [rows ...]     # default: 100000 1000000

A champion of 18 numbers and two categories (20 columns) scores a table in a PostgreSQL of the
benchmark's own, each run in a process of its own: the memory is its peak, with all imports. A
second run of the same interval replaces the first; the table must hold the same rows after it.
"""

import os
import resource
from datetime import UTC, datetime

os.environ |= {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}

import numpy as np
import pyarrow as pa
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from common import Figures, alone, champion, happened, house, measuring, options, records_of
from evergreen.scoring import asked, interval_of, score
from evergreen.settings import Settings
from evergreen.spec import Candidate, Features, Gate, Kind, Scoring, Source, UseCase, Windows
from evergreen.steps import Run

FLOATS = tuple(f"x{n}" for n in range(18))
AS_OF = datetime(2026, 11, 21, tzinfo=UTC)
MODELS = {
    "logistic": LogisticRegression,
    "boosting": lambda: HistGradientBoostingClassifier(max_iter=60, random_state=0),
}
TRAINED_ON = 20_000
ROWS = """
CREATE TABLE wide AS SELECT n AS id, (ARRAY['Graz','Linz','Wien'])[1 + n % 3] AS town,
    's' || n % 40 AS shop, {columns} FROM generate_series(1, {rows}) AS n
"""


def use_case(model: str) -> UseCase:
    return UseCase(
        name=f"wide_{model}", doc="", owner="benchmark", kind=Kind.BINARY,
        source=Source(table="learned", key=("id",), target="label"),
        windows=Windows(holdout=0.2),
        features=Features(numeric=FLOATS, categorical=("town", "shop")),
        candidates=(Candidate(name=model, build=MODELS[model]),),
        baselines=(Candidate(name="prior", build=DummyClassifier),),
        gate=Gate(metric="roc_auc", floors={"accuracy": 0.5}),
        scoring=Scoring(query="SELECT * FROM wide", into=f"predictions.{model}"),
    )  # fmt: skip


def learned(rows: int) -> pa.Table:
    draw = np.random.default_rng(0)
    numbers = {name: draw.normal(size=rows) for name in FLOATS}
    return pa.table(
        {"id": np.arange(rows), **numbers, "town": draw.choice(["Graz", "Linz", "Wien"], rows),
         "shop": [f"s{n}" for n in draw.integers(0, 40, rows)],
         "label": (numbers["x0"] + draw.logistic(size=rows) > 0).astype(int)}
    )  # fmt: skip


def measure(model: str, here: Settings) -> dict[str, float]:
    """Score in this process, and tell what it took."""
    ours = use_case(model)
    order = asked(ours, interval_of(ours, AS_OF, None, None))
    run = Run(as_of=AS_OF, asked_at=AS_OF, key="benchmark", actor="benchmark")
    with records_of(here) as kept:
        done = score(ours, order, run, records=kept, settings=here)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"rows": done.rows, "seconds": done.seconds, "peak_gb": peak}


def run(here: Settings, sizes: list[int], models: list[str], figures: Figures) -> None:
    from evergreen.data.warehouse import connect

    for model in models:
        champion(use_case(model), learned(TRAINED_ON), model, here)
    columns = ", ".join(f"random_normal() AS {name}" for name in FLOATS)
    for rows in sizes:
        with connect(here.database_url) as opened, opened.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS wide")
            cursor.execute(ROWS.format(columns=columns, rows=rows))
        for model in models:
            for again in (False, True):
                found = alone(measure, model, here)
                happened("scored rows", found["rows"], rows)
                figures.tell(
                    f"{model:9} {rows:>9,} rows  {found['seconds']:6.1f} s "
                    f" {rows / found['seconds']:8,.0f} rows/s  {found['peak_gb']:.2f} GB"
                    f"{'  again, in the place of the first' * again}",
                    model=model, again=again, rate=rows / found["seconds"], **found,
                )  # fmt: skip
            with connect(here.database_url) as opened, opened.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM predictions.{model}")
                happened("rows in the table", cursor.fetchone()[0], rows)


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[100_000, 1_000_000])
    arguments = parser.parse_args()
    with measuring(arguments) as figures, house() as settings:
        records_of(settings).migrate()
        if arguments.small:
            run(settings, [1_000], ["logistic"], figures)
        else:
            run(settings, arguments.rows, list(MODELS), figures)
