"""A search is declared, seeded, bounded in time, and always on the same folds."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from evergreen.errors import DeclarationError
from evergreen.learning import searching, tracking, training
from evergreen.learning.searching import Found
from evergreen.learning.training import Forgetful
from evergreen.settings import Settings
from evergreen.spec import Between, Candidate, UseCase
from fakes import FakeTrainings
from learning import IRIS, built, flowers, folds, iris_rows

ROWS = flowers()
CHOOSING = folds(ROWS)
FOREST = IRIS.candidate("forest")
RANGES = replace(
    FOREST,
    search={"n_estimators": Between(2, 5), "max_features": Between(0.1, 1.0), "max_depth": [1, 3]},
    trials=5,
)
LOGISTIC = replace(IRIS.candidate("logistic"), search={"C": Between(1e-4, 1.0, log=True)}, trials=4)


@cache
def found_by_logistic() -> Found:
    return search(LOGISTIC)


def search(candidate: Candidate, use_case: UseCase = IRIS) -> Found:
    return searching.search(use_case, candidate, ROWS, CHOOSING, Forgetful())


def points(found: Found) -> list[dict[str, Any]]:
    return [trial.parameters for trial in found.trials]


def test_a_range_is_searched_within_its_ends() -> None:
    found = points(search(RANGES))

    assert len(found) == 5
    assert all(isinstance(p["n_estimators"], int) and 2 <= p["n_estimators"] <= 5 for p in found)
    assert all(0.1 <= p["max_features"] <= 1.0 for p in found)
    assert {p["max_depth"] for p in found} <= {1, 3}


def test_the_same_seed_gives_the_same_trials_and_another_seed_others() -> None:
    first, again, other = search(RANGES), search(RANGES), search(RANGES, replace(IRIS, seed=1))

    assert first.trials == again.trials
    assert points(first) != points(other)


def test_the_best_trial_is_the_best_by_the_metric_of_the_gate() -> None:
    found = found_by_logistic()

    assert found.best.mean["f1"] == max(trial.mean["f1"] for trial in found.trials)


def test_no_trial_begins_after_the_budget_and_those_before_are_the_same() -> None:
    cut = search(replace(LOGISTIC, budget=timedelta(0)))

    assert points(cut) == points(found_by_logistic())[:1]


def test_the_recipe_has_the_parameters_of_the_best_trial_and_its_answers() -> None:
    found = found_by_logistic()

    assert found.recipe.parameters == found.best.parameters
    right = [(block.labels == ROWS.truth[block.fold.test]).mean() for block in found.walked.blocks]
    assert np.mean(right) == pytest.approx(found.best.mean["accuracy"])


@pytest.mark.parametrize("ends", [(2, 1), (1, 1)])
def test_a_range_without_room_is_refused(ends: tuple[int, int]) -> None:
    with pytest.raises(DeclarationError, match="low < high"):
        Between(*ends)


def test_a_logarithmic_range_is_positive() -> None:
    with pytest.raises(DeclarationError, match="positive"):
        Between(0.0, 1.0, log=True)


def test_the_trials_are_runs_nested_below_the_candidates(settings: Settings) -> None:
    ref, trainings = built(IRIS, iris_rows(), settings), FakeTrainings()

    trained = training.train(IRIS, ref, "logistic", trainings=trainings, settings=settings)

    found = tracking.experiment(settings, "iris")
    below = f"tags.`{tracking.PARENT}` = '{trained.run_id}'"
    trials = found.client.search_runs([found.id], below)
    assert sorted(run.data.params["C"] for run in trials) == ["0.1", "1.0", "10.0"]
    assert {run.info.status for run in trials} == {"FINISHED"}
    best = max(trials, key=lambda run: run.data.metrics["cv_f1"])
    assert best.data.metrics["cv_f1"] == pytest.approx(trained.cv["f1"])
    assert training.train(IRIS, ref, "logistic", trainings=trainings, settings=settings).reused


def test_a_search_that_is_remembered_fits_nothing_again() -> None:
    memory = FakeTrainings()
    first = searching.search(IRIS, LOGISTIC, ROWS, CHOOSING, memory)

    again = searching.search(IRIS, LOGISTIC, ROWS, CHOOSING, memory)

    assert first.walked.fitted == 5
    assert again.walked.fitted == 0
    assert again.trials == first.trials
