"""Cities: a panel whose features look back at the days of the same city."""

from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor

from evergreen.data import warehouse
from evergreen.spec import (
    Candidate,
    Features,
    Gate,
    Kind,
    Scoring,
    Source,
    UseCase,
    Windows,
)

FIRST = datetime(2026, 7, 1)
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
DAYS, CITIES = 123, 12
NAMES = [f"city {number:02d}" for number in range(CITIES)]


def features(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the features of one city's rows, in time order; there is no other city among them."""
    visits = raw.set_index("day")["visits"]
    return pd.DataFrame(
        {
            "week": visits.rolling("7D").mean().to_numpy(),
            "before": visits.shift(1).to_numpy(),
            "weekday": raw["day"].dt.dayofweek.to_numpy(),
        },
        index=raw.index,
    )


def rows(days: int = DAYS, cities: int = CITIES) -> pd.DataFrame:
    """Return rows in the order of time; the odd city out, the last, has one day in three."""
    random = np.random.default_rng(0)
    level = np.linspace(50, 500, cities)
    mood = 1 + random.normal(0, 0.1, (days, cities)).cumsum(axis=0)
    yesterday = np.vstack([mood[:1], mood[:-1]])
    sold = 30 * yesterday + 0.05 * level + random.normal(0, 5, (days, cities))
    found = pd.DataFrame(
        {
            "day": np.repeat(pd.date_range(FIRST, periods=days), cities),
            "city": [f"city {number:02d}" for number in range(cities)] * days,
            "visits": (level * mood).ravel(),
            "sold": sold.ravel(),
        }
    )
    seldom = (found["city"] == f"city {cities - 1:02d}") & (found["day"].dt.day % 3 != 0)
    return found[~seldom].reset_index(drop=True)


def put(url: str, found: pd.DataFrame) -> None:
    """Put them into the table `sales`, with a key to find them by."""
    table = pa.Table.from_pandas(found, preserve_index=False)
    place = table.column_names.index("day")
    table = table.set_column(place, "day", table["day"].cast(pa.date32()))
    warehouse.write(url, "sales", table, "replace")
    with warehouse.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sales ADD PRIMARY KEY (city, day)")


USE_CASE = UseCase(
    name="sales",
    doc="How much will be sold?",
    owner="me",
    kind=Kind.REGRESSION,
    source=Source(table="sales", key=("city", "day"), timestamp="day", target="sold"),
    windows=Windows(holdout=timedelta(days=30)),
    features=Features(
        numeric=("week", "before", "weekday"),
        function=features,
        inputs=("day", "city", "visits"),
        lookback=timedelta(days=7),
        entity=("city",),
    ),
    candidates=(
        Candidate(name="boosting", build=partial(HistGradientBoostingRegressor, max_iter=40)),
    ),
    baselines=(Candidate(name="median", build=partial(DummyRegressor, strategy="median")),),
    gate=Gate(metric="mae", floors={"mae": 40.0}, min_slice_rows=15),
    scoring=Scoring(
        query="SELECT * FROM sales WHERE day >= %(start)s AND day < %(end)s",
        into="predictions.sales",
    ),
)
