"""Numbers that pass through a preparation are not copied, and fits are the same to the last bit."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from evergreen.learning import boosted, models, passing, weighing
from evergreen.learning.recipes import Recipe
from flights import boosting, flights, use_case_of

BUILDS: dict[str, Callable[[], Any]] = {
    "lightgbm": partial(LGBMClassifier, n_estimators=20),
    "xgboost": partial(XGBClassifier, n_estimators=20),
    "boosting": boosting,
    "logistic": LogisticRegression,
}


def rows() -> pd.DataFrame:
    """Flights with gaps, and a number that nobody has measured."""
    found = flights()
    found.loc[found.index % 7 == 0, "distance"] = np.nan
    return found.assign(wind=np.nan)


def recipe(build: Callable[[], Any]) -> Recipe:
    case = use_case_of(build, numeric=("distance", "wind"))
    return Recipe.of(case, case.candidates[0], {})


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS.keys())
def test_a_fit_is_the_same_to_the_last_bit(build: Callable[[], Any], tmp_path: Path) -> None:
    given, made = rows(), recipe(build)
    whole, light = made.fresh(), made.fresh()
    frame = light[0].transform(given)
    truth = given["delayed"].to_numpy()

    whole.fit(given, truth)
    weighing.fit(light[1:], frame, truth, None)

    assert models.save(light, tmp_path / "light") == models.save(whole, tmp_path / "whole")


def test_numbers_that_pass_through_are_those_of_the_frame() -> None:
    given, model = rows(), recipe(BUILDS["lightgbm"]).fresh()
    frame = model[0].transform(given)

    made = passing.fitted(model[1:-1], frame, given["delayed"].to_numpy())

    assert np.shares_memory(made["distance"].to_numpy(), frame["distance"].to_numpy())
    assert (made["wind"] == 0).all()
    assert list(made) == list(model[1:-1].transform(frame))


@pytest.mark.parametrize("stops", [{}, {"early_stopping_rounds": 3}], ids=["all", "stops early"])
@pytest.mark.parametrize("kind", [LGBMClassifier, XGBClassifier])
def test_boosting_learns_from_columns_what_it_learns_from_a_matrix(
    kind: Any, stops: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = partial(kind, n_estimators=20, **stops)
    given, model = rows(), recipe(build).fresh()
    frame, truth = model[0].transform(given), given["delayed"].to_numpy()
    made = passing.fitted(model[1:-1], frame, truth)

    columns = model[-1].fit(made, truth).model_
    monkeypatch.setattr(boosted.Boosted, "_given", lambda _, rows: boosted._matrix(rows))
    matrix = recipe(build).fresh()[-1].fit(made, truth).model_

    assert columns == matrix
    assert b"num_cat=" in columns or b"categories_nodes" in columns


def test_lightgbm_is_given_numbers_where_they_lie() -> None:
    given, model = rows(), recipe(BUILDS["lightgbm"]).fresh()
    frame = model[0].transform(given)

    table = boosted._table(frame[["distance"]])

    [chunk] = table.column(0).chunks
    assert chunk.buffers()[1].address == frame["distance"].to_numpy().ctypes.data
