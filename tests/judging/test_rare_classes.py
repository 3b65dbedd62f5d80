"""Metrics of a class that has hardly any rows: how far they may be off is unknown, not 0."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from evergreen.judging.differences import compare, distance, paired_difference
from evergreen.judging.influence import OF_CLASSES, influence
from evergreen.judging.units import Units
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind

ROWS = 100
DAYS = pd.Series(pd.date_range("2026-01-01", periods=ROWS, freq="4h", tz="UTC"))
DAY = pd.date_range("2026-01-01", periods=ROWS // 4, tz="UTC")
UNITS = Units.of(DAYS, None, ROWS)


def said(chance: Any) -> Output:
    return Output((chance >= 0.5).astype(int), np.stack([1 - chance, chance], 1), np.array([0, 1]))


def rivals(truth: Any, seed: int) -> tuple[Output, Output]:
    """Two models of the same quality, whose ROC AUC is about 0.9."""
    draw = np.random.default_rng(seed)
    common = draw.normal(size=len(truth)) + 2 * truth
    one, other = (norm.cdf(common + 0.7 * draw.normal(size=len(truth)) - 1.2) for _ in "ab")
    return said(one), said(other)


def positives(*rows: int) -> Any:
    return np.isin(np.arange(ROWS), rows).astype(int)


@pytest.mark.parametrize("metric", sorted(OF_CLASSES - {"precision"}))
@pytest.mark.parametrize(
    ("rows", "told"),
    [((), False), ((50,), False), (range(0, 70, 10), False), (range(0, 80, 10), True)],
)
def test_from_eight_positives_on_a_difference_is_told(metric: str, rows: Any, told: bool) -> None:
    truth = positives(*rows)

    found = paired_difference(Kind.BINARY, metric, truth, *rivals(truth, 1), UNITS)

    assert np.isfinite([found.low, found.high]).all() == told


@pytest.mark.parametrize("metric", ["roc_auc", "balanced_accuracy"])
def test_few_negatives_tell_as_little(metric: str) -> None:
    truth = 1 - positives(*range(0, 70, 10))

    assert np.isnan(influence(Kind.BINARY, metric, truth, said(np.linspace(0, 1, ROWS)))).all()


@pytest.mark.parametrize(("called", "told"), [(0, False), (7, False), (8, True)])
def test_from_eight_rows_called_positive_on_precision_is_told(called: int, told: bool) -> None:
    output = said(positives(*range(0, 10 * called, 10)).astype(float))

    found = influence(Kind.BINARY, "precision", np.arange(ROWS) % 2, output, UNITS)

    assert np.isfinite(found).all() == told


@pytest.mark.parametrize(("apart", "told"), [(1, False), (12, True)])
def test_positives_of_two_days_are_two_units_however_many_they_are(apart: int, told: bool) -> None:
    units = Units.of(pd.Series(DAY.repeat(4)), None, ROWS)
    truth = positives(*range(0, 8 * apart, apart))

    found = influence(Kind.BINARY, "recall", truth, said(np.linspace(0, 1, ROWS)), units)

    assert np.isfinite(found).all() == told


def test_a_slice_of_fewer_units_is_told_by_positives_of_all_of_them() -> None:
    units = Units.of(None, pd.Series(np.arange(ROWS) % 4, name="store"), ROWS)

    in_all, in_three = (
        influence(Kind.BINARY, "recall", truth, said(np.linspace(0, 1, ROWS)), units)
        for truth in (positives(*range(12)), positives(*(n for n in range(20) if n % 4)))
    )

    assert np.isfinite(in_all).all()
    assert np.isnan(in_three).all()


def test_a_rival_that_calls_hardly_any_positive_leaves_the_others_their_intervals() -> None:
    truth = np.arange(ROWS) % 2
    one, other = rivals(truth, 1)

    found = compare(
        Kind.BINARY, "precision", truth, {"a": one, "never": said(np.zeros(ROWS))}, other, UNITS
    )

    assert {name: bool(np.isfinite(d.low)) for name, d in found.items()} == {
        "a": True, "never": False,
    }  # fmt: skip


@pytest.mark.parametrize("metric", ["roc_auc", "recall", "average_precision"])
@pytest.mark.parametrize("base", [0.02, 0.1])
def test_of_equal_models_none_is_surely_better_however_rare_the_class(
    metric: str, base: float
) -> None:
    draw = np.random.default_rng(1)

    def surely_better(seed: int) -> bool:
        truth = (draw.random(ROWS) < base).astype(int)
        one, other = rivals(truth, seed)
        return paired_difference(
            Kind.BINARY, metric, truth, one, other, UNITS, confidence=0.99
        ).low > 0  # fmt: skip

    assert np.mean([surely_better(seed) for seed in range(400)]) <= 0.0125  # 0.5 %, and 2 errors


@pytest.mark.parametrize("metric", sorted(OF_CLASSES))
def test_few_metrics_are_surely_below_what_they_truly_are(metric: str) -> None:
    draw = np.random.default_rng(1)
    truth = (draw.random(100_000) < 0.05).astype(int)
    output = rivals(truth, 1)[0]
    true = metrics.score(Kind.BINARY, truth, output)[metric]

    def surely_below(start: int) -> bool:
        rows = slice(start, start + ROWS)
        part = output.take(rows)
        return distance(Kind.BINARY, metric, truth[rows], part, true, UNITS).high < 0

    below = np.mean([surely_below(start) for start in range(0, 50_000, ROWS)])

    coarse = metric == "precision"  # a share of hardly more than eight rows
    assert below <= (0.045 if coarse else 0.04)  # 2.5 %, and 2 errors


@pytest.mark.parametrize("metric", ["recall", "precision", "f1", "balanced_accuracy"])
@pytest.mark.parametrize("right", [True, False])
def test_what_was_always_so_may_be_otherwise(metric: str, right: bool) -> None:
    truth = positives(*range(0, 80, 10))
    output = said((truth if right else 1 - truth).astype(float))

    found = distance(Kind.BINARY, metric, truth, output, 0.5, UNITS)

    assert found.low < found.estimate < found.high


def test_that_none_of_many_was_found_is_surely_poor() -> None:
    truth = np.arange(ROWS) % 2

    assert distance(Kind.BINARY, "recall", truth, said(np.zeros(ROWS)), 0.3, UNITS).high < 0


def test_models_that_both_find_all_are_equal() -> None:
    truth = np.arange(ROWS) % 2
    output = said(truth.astype(float))

    found = paired_difference(Kind.BINARY, "recall", truth, output, output, UNITS)

    assert found.low == found.high == 0


@pytest.mark.parametrize("metric", ["recall", "balanced_accuracy"])
def test_the_error_of_a_share_of_few_rows_is_that_of_a_sample(metric: str) -> None:
    truth = positives(*range(0, 80, 10))
    hit = positives(0, 10, 20, 30)

    moved = influence(Kind.BINARY, metric, truth, said(hit.astype(float)))

    share = 1.0 if metric == "recall" else 0.5
    unbiased = share * np.std(hit[truth == 1], ddof=1) / np.sqrt(8)
    assert np.sqrt((moved[truth == 1] ** 2).sum()) / ROWS >= unbiased
