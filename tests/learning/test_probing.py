"""What cannot be saved is refused before it is fitted on all rows."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer

from evergreen.errors import ModelRefused
from evergreen.learning import probing
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.spec import Candidate, Kind
from learning import IRIS, iris_rows

FITTED: list[int] = []


class Counting(LogisticRegression):  # type: ignore[misc]
    """Notes how many rows it was fitted on."""

    def fit(self, rows: object, truth: object) -> "Counting":
        FITTED.append(len(truth))  # type: ignore[arg-type]
        return self


def looked_at(build: object) -> None:
    flowers = iris_rows()
    truth = flowers.pop("species").to_numpy(dtype=str)
    frame = flowers.drop(columns="id")
    recipe = Recipe.of(IRIS, Candidate(name="mine", build=build), {})  # type: ignore[arg-type]
    probing.check(recipe, Kind.MULTICLASS, Rows(frame, truth, None), np.arange(150))


def test_a_class_of_ones_own_is_refused_before_any_fit() -> None:
    FITTED.clear()

    with pytest.raises(ModelRefused, match=r"mine cannot be saved safely.*Counting.*features\."):
        looked_at(Counting)

    assert FITTED == []


def test_a_function_is_refused() -> None:
    with pytest.raises(ModelRefused, match=r"<lambda>"):
        looked_at(
            lambda: make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression())
        )


def test_what_only_a_fit_holds_is_found_by_fitting_a_few_rows() -> None:
    with pytest.raises(ModelRefused, match="BSpline"):
        looked_at(lambda: make_pipeline(SplineTransformer(), LogisticRegression()))


def test_what_can_be_saved_goes_on() -> None:
    looked_at(lambda: RandomForestClassifier(n_estimators=2))


def test_what_a_few_rows_are_too_few_for_goes_on() -> None:
    looked_at(lambda: CalibratedClassifierCV(LogisticRegression(), cv=20))


def test_a_rare_class_is_probed_as_well() -> None:
    flowers = iris_rows()
    frame = pd.concat([flowers.drop(columns=["id", "species"])] * 20, ignore_index=True)
    truth = np.full(len(frame), "usual")
    truth[1:3] = "rare"
    build = partial(make_pipeline, SplineTransformer(), LogisticRegression())
    recipe = Recipe.of(IRIS, Candidate(name="mine", build=build), {})

    with pytest.raises(ModelRefused, match="BSpline"):
        probing.check(recipe, Kind.BINARY, Rows(frame, truth, None), np.arange(len(frame)))


def test_every_class_is_among_the_few_rows() -> None:
    classes = np.repeat(["a", "b"], [10_000, 3])

    chosen = probing.some(np.arange(len(classes)), classes)

    assert pd.Series(classes[chosen]).value_counts().to_dict() == {"a": 12, "b": 3}
    assert len(probing.some(np.arange(1_000), None)) == 60
