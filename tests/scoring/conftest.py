"""A warehouse with flowers and days, and champions that score them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from database import query, records_of
from evergreen import scoring
from evergreen.data import warehouse
from evergreen.records import Scored
from evergreen.scoring import ScoringInterval
from evergreen.spec import Scoring, UseCase
from evergreen.steps import Run
from learning import IRIS, WEATHER, iris_rows, weather_rows
from serving.conftest import Shop, shop

__all__ = ["shop"]

AS_OF = datetime(2026, 11, 21, tzinfo=UTC)
DAY = ScoringInterval(start=datetime(2026, 11, 20, tzinfo=UTC), end=AS_OF)
FLOWERS = replace(
    IRIS, scoring=Scoring(query="SELECT * FROM iris", into="predictions.iris", max_refused=0.1)
)
DAYS = replace(
    WEATHER,
    scoring=Scoring(
        query="SELECT * FROM weather WHERE date >= %(start)s AND date < %(end)s",
        into="predictions.weather",
    ),
)
RAW = ["id", "sepal_length", "sepal_width", "petal_length", "petal_width"]


@dataclass
class Batch:
    """A use case that is scored, in the shop where its champion was trained."""

    shop: Shop
    use_case: UseCase
    told: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.shop.settings.database_url

    def score(
        self,
        interval: ScoringInterval = DAY,
        tell: Callable[[int, float], None] | None = None,
        run: str = "batch/1",
        **order: Any,
    ) -> Scored:
        return scoring.score(
            self.use_case,
            scoring.asked(self.use_case, interval, **order),
            Run(as_of=AS_OF, asked_at=AS_OF, key=run, actor="ada"),
            records=records_of(self.shop.settings), settings=self.shop.settings,
            fetch=self.shop.fetch, tell=tell or (lambda rows, _: self.told.append(rows)),
        )  # fmt: skip

    def limited(self, **limits: Any) -> "Batch":
        declared = replace(self.use_case.scoring, **limits)  # type: ignore[type-var]
        return replace(self, use_case=replace(self.use_case, scoring=declared))

    def written(self, columns: str = "*", into: str = "predictions.iris") -> list[tuple[Any, ...]]:
        return query(self.url, f"SELECT {columns} FROM {into} ORDER BY 1")

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return query(self.url, sql)


def load(url: str, table: str, rows: pd.DataFrame, dates: Sequence[str] = ()) -> None:
    found = pa.Table.from_pandas(rows, preserve_index=False)
    for name in dates:
        place = found.column_names.index(name)
        found = found.set_column(place, name, found[name].cast(pa.date32()))
    warehouse.write(url, table, found, "replace")


@pytest.fixture
def flowers(shop: Shop) -> Batch:
    """150 flowers, and a champion that knows them."""
    load(shop.settings.database_url, "iris", iris_rows()[RAW])
    shop.promote(shop.put("iris", "logistic"), 1)
    return Batch(shop, FLOWERS)


@pytest.fixture
def days(shop: Shop, request: pytest.FixtureRequest) -> Batch:
    """1,460 days, whose features look two weeks back."""
    load(shop.settings.database_url, "weather", weather_rows(), ["date"])
    shop.promote(shop.put("weather", getattr(request, "param", "forest")), 1)
    return Batch(shop, DAYS)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder for files."""
    return tmp_path / "scored"
