"""Tables whose truth is known, and a memory, without a database."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier

from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.replaying import Replay, replay
from evergreen.replaying.history import History
from evergreen.replaying.period import Period
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows
from fakes import FakeTrainings

START, DAYS, A_DAY = datetime(2025, 1, 1, tzinfo=UTC), 500, 12
CHANGE = START + timedelta(days=300)
END = START + timedelta(days=DAYS)


def logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def stiff() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.9)


CHURNING = UseCase(
    name="churning", doc="Who leaves.", owner="ada", kind=Kind.BINARY,
    source=Source(table="churning", key=("id",), timestamp="time", target="left"),
    windows=Windows(holdout=timedelta(days=28)),
    features=Features(numeric=("a", "b")),
    candidates=(Candidate(name="logistic", build=logistic, windows=(None, timedelta(days=30))),),
    baselines=(Candidate(name="prior", build=DummyClassifier),),
    gate=Gate(metric="roc_auc", floors={"roc_auc": 0.75}),
)  # fmt: skip
EQUAL = replace(
    CHURNING,
    name="equal",
    candidates=(Candidate(name="logistic", build=logistic), Candidate(name="stiff", build=stiff)),
)


def table(change: datetime | None = None, seed: int = 0) -> pd.DataFrame:
    """Return rows whose label follows `a`, and after the change −a: the same inputs."""
    generator = np.random.default_rng(seed)
    n = DAYS * A_DAY
    times = pd.date_range(START, periods=n + 1, freq="2h")[1:]
    a, b = generator.normal(size=(2, n))
    slope = np.where(times > change, -2.0, 2.0) if change else 2.0
    left = generator.random(n) < 1 / (1 + np.exp(-slope * a - 0.5 * b))
    columns = {"id": range(n), "time": times, "a": a, "b": b, "left": left.astype(int)}
    return pd.DataFrame(columns)


def rows(raw: pd.DataFrame) -> Rows:
    """Return the rows as a recipe's features see them."""
    return Rows(raw[["a", "b"]], raw["left"].to_numpy(), raw["time"])


class Memories:
    """A memory for each place, as the store has."""

    def __init__(self) -> None:
        self.places: dict[str, FakeTrainings] = defaultdict(FakeTrainings)

    def __call__(self, place: str) -> FakeTrainings:
        return self.places[place]


def run(raw: pd.DataFrame, use_case: UseCase = CHURNING, **options: Any) -> Replay:
    """Replay the last weeks, unless told otherwise."""
    asked: dict[str, Any] = {"start": START + timedelta(days=420), "end": END}
    asked |= {"memories": Memories(), **options}
    return replay(use_case, rows(raw), raw, **asked)


def history(raw: pd.DataFrame, use_case: UseCase = CHURNING) -> History:
    """Return the last weeks of a table, not fitted yet."""
    period = Period.of(use_case, START, END, start=START + timedelta(days=420))
    recipes = {one.name: Recipe.of(use_case, one, {}) for one in use_case.contenders}
    return History(use_case, rows(raw), raw, period, recipes, Memories())
