"""A recipe has one digest wherever it comes from, and comes out of its own fit."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sklearn.linear_model import LogisticRegression

from evergreen.errors import DeclarationError
from evergreen.learning.recipes import Recipe
from evergreen.spec import Candidate, UseCase
from learning import IRIS, WEATHER, weather_rows


def recipe(use_case: UseCase = WEATHER, name: str = "logistic", **parameters: object) -> Recipe:
    return Recipe.of(use_case, use_case.candidate(name), parameters)


def test_comes_out_of_its_own_fit_with_the_same_digest() -> None:
    asked, rows = recipe(C=0.1), weather_rows()
    model = asked.fresh(threshold=0.3, positive=1)
    model.fit(rows, rows["rain_tomorrow"].astype(int))

    found = Recipe.behind(model, asked.ref)

    assert found.digest == asked.digest
    assert found.fresh()[-1].get_params() == asked.fresh()[-1].get_params()


def test_other_parameters_windows_seeds_or_columns_are_other_recipes() -> None:
    short = replace(WEATHER.candidate("logistic"), windows=(timedelta(days=60),))
    features = replace(WEATHER.features, lookback=timedelta(days=15), numeric=("wet_today",))

    digests = {
        recipe().digest,
        recipe(C=0.1).digest,
        recipe(name="forest").digest,
        recipe(IRIS).digest,
        Recipe.of(WEATHER, short, {}).digest,
        recipe(replace(WEATHER, features=features)).digest,
        recipe(replace(WEATHER, seed=1)).digest,
    }

    assert len(digests) == 7


def test_what_does_not_make_fits_does_not_make_a_recipe() -> None:
    gate = replace(WEATHER.gate, floors={"roc_auc": 0.1})

    assert recipe(replace(WEATHER, gate=gate, owner="ada")).digest == recipe().digest


def test_a_candidate_competes_once_for_each_of_its_windows() -> None:
    windows = (None, timedelta(days=60), timedelta(hours=36))
    forest = Candidate(name="forest", build=LogisticRegression, windows=windows)

    contenders = replace(WEATHER, candidates=(forest,)).contenders

    assert [one.name for one in contenders] == ["forest", "forest_60d", "forest_36h"]
    assert [one.window for one in contenders] == list(windows)


@pytest.mark.parametrize("windows", [(), (timedelta(0),), (timedelta(days=-1), None)])
def test_windows_have_a_length(windows: tuple[timedelta | None, ...]) -> None:
    with pytest.raises(DeclarationError, match=r"candidate\.windows"):
        Candidate(name="forest", build=LogisticRegression, windows=windows)


def test_no_candidate_is_called_champion() -> None:
    with pytest.raises(DeclarationError, match="names that differ"):
        replace(WEATHER, candidates=(Candidate(name="champion", build=LogisticRegression),))
