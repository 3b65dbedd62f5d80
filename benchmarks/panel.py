"""One prediction by key in a panel of 2,500 cities and 400 days: rows read, and milliseconds.

    python benchmarks/panel.py [--entities 2500] [--days 400]

By entity (`Features(entity=("city",))`) beside all cities of the lookback, as it is without. The
features look 60 days back. A champion that has learned from 20 of the cities answers from a
PostgreSQL of the benchmark's own; HTTP is not in it. What training pays, city by city, is told too.
"""

import os
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

os.environ |= {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor

from common import Figures, champion, happened, house, measuring, options, records_of
from evergreen.data import warehouse
from evergreen.learning import features as computing
from evergreen.scoring import story
from evergreen.serving import history
from evergreen.serving.contract import Refused
from evergreen.serving.desk import Served
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows

LOOKBACK = timedelta(days=60)
LAST = date(2026, 11, 20)
LEARNED = 20
TABLE = """
CREATE TABLE sales AS SELECT 'city ' || c AS city, date '{last}' - {days} + 1 + d AS day,
    100 + c % 50 + 10 * sin(d / 7.0) + random() AS visits, c % 50 + 10 * sin((d - 1) / 7.0) AS sold
FROM generate_series(1, {entities}) AS c, generate_series(0, {days} - 1) AS d;
ALTER TABLE sales ADD PRIMARY KEY (city, day);
ANALYZE sales
"""


def features(raw: pd.DataFrame) -> pd.DataFrame:
    visits = raw.set_index("day")["visits"]
    month, week = (visits.rolling(f"{n}D").mean().to_numpy() for n in (60, 7))
    return raw.assign(month=month, week=week)


USE_CASE = UseCase(
    name="sales", doc="", owner="benchmark", kind=Kind.REGRESSION,
    source=Source(table="sales", key=("city", "day"), timestamp="day", target="sold"),
    windows=Windows(holdout=timedelta(days=60)),
    features=Features(
        numeric=("visits", "month", "week"), function=features, inputs=("day", "city", "visits"),
        lookback=LOOKBACK, entity=("city",),
    ),
    candidates=(
        Candidate(name="boosting", build=partial(HistGradientBoostingRegressor, max_iter=60)),
    ),
    baselines=(Candidate(name="mean", build=DummyRegressor),),
    gate=Gate(metric="mae", floors={"mae": 100.0}),
)  # fmt: skip


@dataclass
class Panel:
    url: str
    served: Served
    day: date
    times: int

    def ask(self, served: Served, city: str) -> tuple[int, float, Any]:
        """Return the rows read, milliseconds, and the answer; no answer: it was refused."""
        key = {"city": city, "day": self.day}
        began = time.perf_counter()
        try:
            raw, wanted = history.read(self.url, served.contract, [key], LOOKBACK)
            said = served.engine.frame(raw, wanted).output.labels[0]
        except Refused:
            return history.MOST_ROWS + 1, (time.perf_counter() - began) * 1000, None
        return len(raw), (time.perf_counter() - began) * 1000, said

    def measure(self, served: Served) -> tuple[int, float, Any]:
        asked = [self.ask(served, f"city {1 + n}") for n in range(self.times)]
        return asked[-1][0], float(np.median([ms for _, ms, _ in asked])), asked[-1][2]


def without_entity(served: Served) -> Served:
    """Return the same champion, of which nobody has said whose its rows are."""
    inputs = replace(served.contract.inputs, entity=())
    return replace(served, contract=replace(served.contract, inputs=inputs))


def training(figures: Figures, rows: pd.DataFrame, entities: int) -> None:
    began = time.perf_counter()
    found = computing.compute(USE_CASE, rows)
    seconds = time.perf_counter() - began
    happened("features", len(found), len(rows))
    figures.tell(
        f"features of all {len(rows):,} rows, {entities:,} cities one by one: {seconds:.1f} s",
        what="features", rows=len(rows), entities=entities, seconds=round(seconds, 2),
    )  # fmt: skip


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--entities", type=int, default=2_500)
    parser.add_argument("--days", type=int, default=400)
    arguments = parser.parse_args()
    entities, days = (30, 200) if arguments.small else (arguments.entities, arguments.days)
    with measuring(arguments) as figures, house() as here:
        with warehouse.connect(here.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(TABLE.format(last=LAST, entities=entities, days=days))
        schema, batches = warehouse.stream(
            here.database_url, "SELECT * FROM sales ORDER BY day, city"
        )
        table = pa.Table.from_batches(batches, schema)
        known = [f"city {1 + n}" for n in range(LEARNED)]
        few = table.filter(pc.is_in(table["city"], pa.array(known)))
        champion(USE_CASE, few, "boosting", here)
        served = story.champion("sales", records_of(here), here)
        panel = Panel(here.database_url, served, LAST, 3 if arguments.small else 20)
        answers = {}
        for name, who in (("by entity", served), ("all cities", without_entity(served))):
            rows, ms, answers[name] = panel.measure(who)
            refused = "" if answers[name] is not None else ", and refused"
            figures.tell(
                f"one prediction by key, {name}: {rows:,} rows read{refused}, {ms:.1f} ms",
                what=name, rows=rows, ms=round(ms, 2), answered=answers[name] is not None,
            )  # fmt: skip
        if answers["all cities"] is not None:
            happened("the same answer", answers["by entity"], answers["all cities"])
        training(figures, table.to_pandas(date_as_object=False), entities)


if __name__ == "__main__":
    main()
