"""Some rows count more than others in a fit, and none of those that judge it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from evergreen.errors import DataRefused, DeclarationError
from evergreen.learning import features, fitting, models, training, weighing
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.settings import Settings
from evergreen.spec import Candidate, UseCase
from fakes import FakeTrainings
from flights import flights, use_case_of
from learning import IRIS, WEATHER, built, weather_rows

DAYS = pd.Series(pd.date_range("2026-01-01", periods=4, tz="UTC"))
ROWS = Rows(pd.DataFrame({"x": [1.0, 2, 3, 4]}), np.array([0, 1, 0, 1]), DAYS)


def test_the_older_a_row_the_less_it_counts() -> None:
    found = weighing.weights(ROWS, np.array([0, 1, 2]), timedelta(days=1))

    assert found is not None
    assert found.tolist() == [0.25, 0.5, 1.0]


def test_a_column_and_the_age_are_multiplied() -> None:
    rows = replace(ROWS, weights=np.array([4.0, 2.0, 1.0, 9.0]))

    both = weighing.weights(rows, np.array([0, 1, 2]), timedelta(days=1))
    alone = weighing.weights(rows, np.array([1, 3]), None)

    assert both is not None and both.tolist() == [1.0, 1.0, 1.0]
    assert alone is not None and alone.tolist() == [2.0, 9.0]
    assert weighing.weights(ROWS, np.array([1, 3]), None) is None


def test_another_weight_makes_another_row() -> None:
    heavy = replace(ROWS, weights=np.array([1.0, 1.0, 1.0, 2.0]))
    other = replace(ROWS, weights=np.array([1.0, 1.0, 1.0, 1.0]))

    assert (heavy.names != other.names).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    "build",
    [
        partial(LogisticRegression, max_iter=500),
        partial(LGBMClassifier, n_estimators=20),
        lambda: Pipeline([("dummy", DummyClassifier(strategy="prior"))]),
    ],
    ids=["linear", "lightgbm", "pipeline"],
)
@pytest.mark.parametrize("held", [{}, {"threshold": 0.3, "positive": True}], ids=["", "threshold"])
def test_a_fit_believes_what_counts(build: Callable[[], Any], held: Any) -> None:
    rows, case = flights(), use_case_of(build)
    recipe = Recipe.of(case, case.candidates[0], {})
    weights = np.where(rows["delayed"], 9.0, 1.0)
    plain, weighed = recipe.fresh(**held), recipe.fresh(**held)
    frame, truth = plain[0].transform(rows), rows["delayed"].to_numpy()

    weighing.fit(plain[1:], frame, truth, None)
    weighing.fit(weighed[1:], frame, truth, weights)

    before, after = (models.predict(model, rows) for model in (plain, weighed))
    assert after.positive.mean() > before.positive.mean() + 0.2
    assert (after.labels == (after.positive >= held.get("threshold", 0.5))).all()


def test_an_estimator_that_takes_no_weights_is_named() -> None:
    rows, case = flights(), use_case_of(KNeighborsClassifier)
    model = models.pipeline(case, case.candidates[0])

    with pytest.raises(DeclarationError, match=r"KNeighborsClassifier.*takes sample_weight"):
        weighing.fit(
            model[1:], model[0].transform(rows), rows["delayed"].to_numpy(), np.ones(len(rows))
        )


def weather(**changes: Any) -> UseCase:
    quick = Candidate(name="logistic", build=partial(LogisticRegression, max_iter=1000), **changes)
    return replace(WEATHER, candidates=(quick,))


def test_a_half_life_makes_another_recipe_that_its_fit_remembers(settings: Settings) -> None:
    use_case = weather(half_life=timedelta(days=90))
    ref = built(use_case, weather_rows(), settings)

    walked = training.train(use_case, ref, "logistic", trainings=FakeTrainings(), settings=settings)

    plain = Recipe.of(weather(), weather().candidates[0], {})
    assert walked.recipe is not None
    assert walked.recipe.half_life == timedelta(days=90)
    assert walked.recipe.digest != plain.digest
    data = features.data(ref, use_case, settings)
    recipe = Recipe.of(use_case, use_case.candidates[0], {})
    newest = fitting.newest(recipe, data, {})
    assert Recipe.behind(newest, recipe.ref).digest == recipe.digest
    coefficients = [m[-1].coef_ for m in (newest, fitting.newest(plain, data, {}))]
    assert np.abs(coefficients[0] - coefficients[1]).max() > 0.01


def test_the_rows_are_weighed_by_a_column(settings: Settings) -> None:
    rows = weather_rows().assign(trust=lambda all_: np.where(all_["rain_tomorrow"], 5.0, 1.0))
    use_case = weather()
    use_case = replace(use_case, source=replace(use_case.source, weight="trust"))
    ref = built(use_case, rows, settings)
    data = features.data(ref, use_case, settings)
    recipe = Recipe.of(use_case, use_case.candidates[0], {})

    weighed = fitting.newest(recipe, data, {})
    plain = fitting.newest(recipe, replace(data, rows=replace(data.rows, weights=None)), {})

    after, before = (models.predict(m, rows).positive.mean() for m in (weighed, plain))
    assert after > before + 0.1


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ({"trust": -1.0}, "the weight 'trust' is missing or below 0 in"),
        ({"trust": np.nan}, "the weight 'trust' is missing or below 0 in"),
        ({}, "there is no column 'trust' to weigh the rows by"),
    ],
)
def test_weights_that_are_none_are_refused(
    weights: dict[str, float], problem: str, settings: Settings
) -> None:
    use_case = replace(WEATHER, source=replace(WEATHER.source, weight="trust"))

    with pytest.raises(DataRefused, match=problem):
        built(use_case, weather_rows().assign(**weights), settings)


def test_what_is_declared_wrongly_is_told() -> None:
    with pytest.raises(DeclarationError, match=r"candidate\.half_life.*above zero"):
        Candidate(name="a", build=LogisticRegression, half_life=timedelta(0))
    fading = Candidate(name="a", build=LogisticRegression, half_life=timedelta(days=1))
    with pytest.raises(DeclarationError, match=r"source\.timestamp.*\['a'\] have half_life"):
        replace(IRIS, candidates=(fading,))
    with pytest.raises(DeclarationError, match=r"source\.weight is 'species'"):
        replace(IRIS, source=replace(IRIS.source, weight="species"))
