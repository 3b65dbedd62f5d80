"""The preparation fits the estimator: what is proposed, and what it makes of odd values."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

from evergreen.learning import models
from evergreen.learning.recipes import Recipe
from evergreen.spec import Candidate, Gate, Kind, UseCase
from flights import boosting, flights, use_case_of


def fitted(case: UseCase, rows: pd.DataFrame) -> Pipeline:
    return models.pipeline(case, case.candidates[0]).fit(rows, rows["delayed"])


def parts(model: Pipeline) -> dict[str, list[str]]:
    chosen = model["prepare"].transformers_
    return {name: list(cols) for name, _, cols in chosen if len(cols) and name != "remainder"}


def prepared(model: Pipeline, rows: pd.DataFrame) -> Any:
    return model[:-1].transform(rows)


def test_trees_that_take_gaps_and_categories_get_them_as_they_are() -> None:
    rows = flights()
    model = fitted(use_case_of(), rows)

    found = prepared(model, rows)

    assert parts(model) == {
        "codes": ["carrier"], "numbers": ["distance"], "targets": ["tailnum"]
    }  # fmt: skip
    assert found["distance"].equals(rows["distance"])
    assert isinstance(found["carrier"].dtype, pd.CategoricalDtype)
    assert model["estimator"].is_categorical_.tolist() == [True, False, False]


def test_missing_is_a_category_of_its_own_and_what_was_never_seen_is_none() -> None:
    rows = flights()
    odd = rows.head(3).assign(carrier=["c1", None, "never seen"])

    codes = prepared(fitted(use_case_of(), rows), odd)["carrier"]
    hot = prepared(fitted(use_case_of(LogisticRegression, numeric=()), rows), odd)

    assert codes.tolist()[:2] == [1, 8] and np.isnan(codes.tolist()[2])
    dense = hot.toarray() if sparse.issparse(hot) else hot
    assert dense[:, :9].argmax(axis=1).tolist()[:2] == [1, 8]
    assert dense[:, :9].sum(axis=1).tolist() == [1, 1, 0]


@pytest.mark.parametrize("build", [boosting, partial(LogisticRegression, max_iter=500)])
def test_thousands_of_categories_are_one_column_of_target_means(build: Callable[[], Any]) -> None:
    rows = flights(planes=900)
    model = fitted(use_case_of(build, categorical=("tailnum",)), rows)

    found = prepared(model, rows)

    assert parts(model)["targets"] == ["tailnum"]
    assert found.shape == (len(rows), 2)
    assert models.predict(model, rows.assign(tailnum="never seen")).probabilities is not None


def test_the_target_encoding_of_a_row_has_not_seen_its_label() -> None:
    rows = flights(rows=2_000, planes=1_500)
    noise = rows.assign(delayed=np.random.default_rng(1).random(len(rows)) < 0.5)
    case = use_case_of(boosting, numeric=(), categorical=("tailnum",))

    model = fitted(case, noise.head(1_000))
    known = models.predict(model, noise.head(1_000)).positive

    # encoded with its own label, a plane that flew once would tell it
    assert np.corrcoef(known, noise["delayed"].head(1_000))[0, 1] < 0.75


def test_whole_numbers_of_a_regression_are_no_classes() -> None:
    rows = flights()
    rows["delayed"] = rows["id"] % 5
    case = replace(
        use_case_of(partial(HistGradientBoostingRegressor, max_iter=5)),
        kind=Kind.REGRESSION,
        gate=Gate(metric="mae", floors={"mae": 30}),
    )

    assert prepared(fitted(case, rows), rows).shape == (len(rows), 3)


def test_as_many_categories_as_the_estimator_has_bins_for() -> None:
    build = partial(HistGradientBoostingClassifier, max_iter=5, max_bins=8)

    model = fitted(use_case_of(build), flights())

    assert parts(model)["targets"] == ["carrier", "tailnum"]


@pytest.mark.parametrize(
    ("build", "part"),
    [
        (lambda: CalibratedClassifierCV(boosting(), method="isotonic"), "codes"),
        (lambda: VotingClassifier([("a", boosting()), ("b", GaussianNB())]), "categorical"),
        (lambda: boosting(categorical_features=None), "categorical"),
        (RandomForestClassifier, "categorical"),
    ],
    ids=["calibrated", "voting", "told otherwise", "forest"],
)
def test_an_estimator_around_others_takes_what_all_of_them_take(
    build: Callable[[], Any], part: str
) -> None:
    model = models.pipeline(use_case_of(build), use_case_of(build).candidates[0])

    assert part in [name for name, _, _ in model["prepare"].transformers]


@pytest.mark.parametrize("build", [boosting, LogisticRegression, GaussianNB])
def test_words_of_a_text_tell_something_and_a_missing_text_is_no_word(
    build: Callable[[], Any],
) -> None:
    rows = flights()
    rows["delayed"] = rows["notes"].str.contains("rain")
    case = use_case_of(build, numeric=(), categorical=("carrier",), text=("notes",))

    output = models.predict(fitted(case, rows), rows)
    without = models.predict(fitted(case, rows), rows.assign(notes=None))

    assert (output.labels == rows["delayed"]).mean() > 0.99
    assert without.probabilities is not None and np.isfinite(without.probabilities).all()


def test_the_vocabulary_is_bounded() -> None:
    rows = flights().assign(notes=[f"word{n} word{n + 1}" for n in range(3_000)])

    dense = fitted(use_case_of(numeric=(), categorical=(), text=("notes",)), rows)
    wide = fitted(
        use_case_of(LogisticRegression, numeric=(), categorical=(), text=("notes",)), rows
    )

    assert prepared(dense, rows).shape[1] == 64
    assert prepared(wide, rows).shape[1] == 1_000 and sparse.issparse(prepared(wide, rows))


def own() -> Pipeline:
    """Return a preparation of one's own before a linear model."""
    hot = OneHotEncoder(handle_unknown="ignore")
    numbers = make_pipeline(SimpleImputer(strategy="mean"), PolynomialFeatures(2))
    prepare = ColumnTransformer([("n", numbers, ["distance"]), ("c", hot, ["carrier"])])
    return Pipeline([("mine", prepare), ("linear", LogisticRegression(max_iter=500))])


def test_a_pipeline_of_ones_own_gets_the_declared_columns_and_nothing_of_ours() -> None:
    rows = flights()
    candidate = Candidate(name="own", build=own, columns=("carrier", "distance"))
    model = models.pipeline(use_case_of(), candidate, {"linear__C": 0.5})

    found = prepared(model.fit(rows, rows["delayed"]), rows)

    assert list(found.columns) == ["distance", "carrier"]
    assert found["distance"].equals(rows["distance"])
    assert model["estimator"]["linear"].C == 0.5
    assert models.predict(model, rows).probabilities is not None


def test_a_pipeline_may_ask_for_our_preparation() -> None:
    candidate = Candidate(
        name="two", build=lambda: make_pipeline(GaussianNB()), prepares_itself=False
    )

    model = models.pipeline(use_case_of(), candidate)

    assert "numeric" in [name for name, _, _ in model["prepare"].transformers]


def calibrated(method: str) -> CalibratedClassifierCV:
    return CalibratedClassifierCV(boosting(), method=method, cv=3)


@pytest.mark.parametrize(
    "build",
    [own, boosting, LogisticRegression, *(partial(calibrated, m) for m in ("sigmoid", "isotonic"))],
    ids=["own", "boosting", "linear", "sigmoid", "isotonic"],
)
def test_what_was_saved_answers_the_same_and_has_the_same_recipe(
    build: Callable[[], Any], tmp_path: Path
) -> None:
    rows = flights()
    case = use_case_of(build, text=("notes",))
    recipe = Recipe.of(case, case.candidates[0], {})
    model = recipe.fresh(threshold=0.4, positive=True).fit(rows, rows["delayed"])

    again = models.load(tmp_path / "m", models.save(model, tmp_path / "m"))

    assert models.reproduces(again, models.golden(model, rows.head(300))) == 0
    assert Recipe.behind(again, recipe.ref).digest == recipe.digest


def test_monotone_constraints_are_declared_by_name() -> None:
    rows = flights()
    build = partial(HistGradientBoostingClassifier, max_iter=20, monotonic_cst={"distance": 1})
    model = fitted(use_case_of(build), rows)

    rising = rows.head(1).loc[[0] * 50].assign(distance=np.linspace(0, 2000, 50))

    assert (np.diff(models.predict(model, rising).positive) >= 0).all()


def test_a_linear_model_of_prices_is_not_led_by_the_unit_of_the_target() -> None:
    rows = flights().assign(delayed=lambda all_: all_["delayed"] * 1e6)
    case = replace(
        use_case_of(Ridge), kind=Kind.REGRESSION, gate=Gate(metric="mae", floors={"mae": 30})
    )

    found = prepared(fitted(case, rows), rows)

    dense = found.toarray() if sparse.issparse(found) else found
    assert np.abs(dense).max() < 100
