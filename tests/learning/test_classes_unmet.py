"""A recipe of a short window is measured by all classes, also by those that its fits never met."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from evergreen.data.splits import Fold
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.learning.training import Forgetful
from evergreen.learning.walking import Memory, walk
from evergreen.spec import Kind
from fakes import FakeTrainings
from learning import IRIS, flowers

CLASSES = ["setosa", "versicolor", "virginica"]
SHORT = replace(Recipe.of(IRIS, IRIS.candidate("logistic"), {}), window=timedelta(days=60))
WHOLE = replace(SHORT, window=None)


def seasons() -> tuple[Rows, Fold]:
    """Return a row a day, virginica among the oldest and the tested rows, and a fold."""
    rows = flowers()
    each = [np.flatnonzero(rows.truth == name) for name in CLASSES]
    young = np.random.default_rng(0).permutation(np.concatenate([each[0][10:], each[1][10:]]))
    order = np.concatenate([each[2][10:], young, *(one[:10] for one in each)])
    times = pd.Series(pd.date_range("2026-01-01", periods=len(order), tz="UTC"))
    ordered = Rows(rows.frame.iloc[order].reset_index(drop=True), rows.truth[order], times)
    return ordered, Fold(np.arange(len(order) - 30), np.arange(len(order) - 30, len(order)))


ROWS, FOLD = seasons()


def answered(recipe: Recipe, memory: Memory) -> Output:
    return walk(recipe, ROWS, [FOLD], memory).blocks[0].output


def scores(output: Output) -> dict[str, float]:
    return metrics.score(Kind.MULTICLASS, ROWS.truth[FOLD.test], output)


def test_a_class_that_no_fit_met_is_answered_with_probability_0() -> None:
    assert "virginica" not in ROWS.truth[FOLD.within(SHORT.window, ROWS.times).train]

    output = answered(SHORT, Forgetful())

    assert output.classes is not None and output.classes.tolist() == CLASSES
    assert output.probabilities is not None
    assert output.probabilities[:, 2].tolist() == [0] * 30
    assert output.probabilities.sum(axis=1) == pytest.approx(1)


def test_what_is_never_said_counts_against_it() -> None:
    short, whole = scores(answered(SHORT, Forgetful())), scores(answered(WHOLE, Forgetful()))

    assert short["balanced_accuracy"] == pytest.approx(short["recall"])
    assert short["balanced_accuracy"] <= 2 / 3
    assert whole["balanced_accuracy"] > 0.8


def test_what_is_remembered_is_measured_as_it_was_when_it_was_fresh() -> None:
    memory = FakeTrainings()
    fresh = scores(answered(SHORT, memory))

    again = walk(SHORT, ROWS, [FOLD], memory)

    assert again.fitted == 0
    assert scores(again.blocks[0].output) == fresh


def test_a_block_remembered_beside_others_has_no_other_classes() -> None:
    early = Fold(np.arange(45), np.arange(45, 60))
    memory = FakeTrainings()
    walk(SHORT, ROWS, [early, FOLD], memory)

    again = walk(SHORT, ROWS, [FOLD], memory)

    assert again.fitted == 0
    assert scores(again.blocks[0].output) == scores(answered(SHORT, Forgetful()))
