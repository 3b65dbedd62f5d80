"""Expected metrics are what labels drawn by the chances give on average."""

from typing import Any

import numpy as np
import pytest

from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind
from evergreen.watching.chances import Calibrated
from evergreen.watching.expected import ESTIMATORS, expected


def answered(classes: list[Any], rows: int = 2000) -> tuple[np.ndarray, Output]:
    """Answers of a model, and chances that are not what it says."""
    draw = np.random.default_rng(0)
    given = draw.dirichlet(np.ones(len(classes)), rows).round(2)
    given /= given.sum(axis=1, keepdims=True)
    chances = 0.7 * given + 0.3 * draw.dirichlet(np.ones(len(classes)), rows)
    labels = np.array(classes)[given.argmax(axis=1)]
    return chances, Output(labels, given, np.array(classes))


def drawn(chances: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return classes[
        (draw.random(len(chances))[:, None] > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
    ]


@pytest.mark.parametrize("metric", sorted(ESTIMATORS))
@pytest.mark.parametrize("classes", [[0, 1], ["a", "b", "c"]])
def test_it_is_the_mean_over_labels_that_come_by_chance(metric: str, classes: list[Any]) -> None:
    chances, output = answered(classes)
    kind = Kind.BINARY if len(classes) == 2 else Kind.MULTICLASS
    if metric not in metrics.SCORERS[kind]:
        assert expected(metric, chances, output) is None
        return

    found = expected(metric, chances, output)

    told = [
        metrics.score(kind, drawn(chances, np.array(classes), seed), output, [metric])[metric]
        for seed in range(200)
    ]
    error = np.std(told) / np.sqrt(len(told))
    assert found == pytest.approx(np.mean(told), abs=4 * error + 0.0005)


def test_a_row_is_no_pair_with_itself() -> None:
    output = Output(np.array([1, 0]), np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([0, 1]))

    found = expected("roc_auc", np.array([[0.1, 0.9], [0.8, 0.2]]), output)

    assert found == pytest.approx(0.9 * 0.8 / (0.9 * 0.8 + 0.2 * 0.1))


def test_what_cannot_be_estimated_is_none() -> None:
    chances, output = answered([0, 1])

    assert expected("worth", chances, output) is None
    assert expected("roc_auc", chances, Output(output.labels, None, output.classes)) is None


@pytest.mark.parametrize("rows", [300, 5000])
def test_chances_are_learned_where_a_model_exaggerates(rows: int) -> None:
    draw = np.random.default_rng(0)
    true = draw.random(rows)
    odds = 3 * np.log(true / (1 - true))
    given = 1 / (1 + np.exp(-odds))
    truth = (draw.random(rows) < true).astype(int)
    output = Output(truth, np.column_stack([1 - given, given]), np.array([0, 1]))

    chances = Calibrated.fit(truth, output).of(output)

    assert np.abs(chances[:, 1] - true).mean() < 0.04 < np.abs(given - true).mean()
    assert chances.sum(axis=1) == pytest.approx(1.0)


def test_chances_of_several_classes_add_up() -> None:
    chances, output = answered(["a", "b", "c"])
    truth = drawn(chances, np.array(["a", "b", "c"]), 1)

    found = Calibrated.fit(truth, output).of(output)

    assert found.sum(axis=1) == pytest.approx(1.0)
    assert np.abs(found - chances).mean() < 0.12
