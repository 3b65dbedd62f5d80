"""The paired bootstrap: its point estimate is exact, its interval covers what it should."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergreen.judging import bootstrap
from evergreen.judging.bootstrap import paired_difference
from evergreen.judging.evidence import Difference
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import METRICS, Kind

CASES = [(kind, metric) for kind in Kind for metric in METRICS[kind]]
Sample = tuple[npt.NDArray[Any], Output, Output]


def sample(kind: Kind, rows: int, seed: int, noise: tuple[float, float] = (1.0, 1.2)) -> Sample:
    """Draw truth, and the answers of two models that err alike but not the same."""
    generator = np.random.default_rng(seed)
    if kind is Kind.REGRESSION:
        truth = generator.normal(10, 3, rows)
        return truth, *(Output(truth + generator.normal(0, n, rows)) for n in noise)
    classes = np.array(["no", "yes"] if kind is Kind.BINARY else ["a", "b", "c"])
    index = generator.integers(0, len(classes), rows)
    shared = np.eye(len(classes))[index] + generator.normal(size=(rows, len(classes)))
    return classes[index], *(answers(generator, shared, classes, n) for n in noise)


def answers(
    generator: np.random.Generator, shared: Any, classes: npt.NDArray[Any], noise: float
) -> Output:
    scores = np.exp((shared + noise * generator.normal(size=shared.shape)).round(1))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return Output(classes[probabilities.argmax(axis=1)], probabilities, classes)


@pytest.mark.parametrize(("kind", "metric"), CASES)
@pytest.mark.parametrize("rows", [60, 7_001])
def test_the_estimate_is_the_difference_of_the_metrics(kind: Kind, metric: str, rows: int) -> None:
    truth, ours, theirs = sample(kind, rows, seed=1)

    found = paired_difference(kind, metric, truth, ours, theirs, resamples=20)

    sign = 1 if METRICS[kind][metric] else -1
    one, other = (metrics.score(kind, truth, output)[metric] for output in (ours, theirs))
    assert found.estimate == pytest.approx(sign * (one - other), abs=1e-12)


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_a_resample_is_scored_as_its_rows_would_be(kind: Kind, metric: str) -> None:
    truth, ours, _ = sample(kind, 40, seed=2)
    rows = bootstrap.Rows(40, np.random.default_rng(0))

    (counts,) = rows.draw(5)
    found = bootstrap.metric_of(kind, metric, truth, ours, rows)(counts)

    taken = [np.repeat(np.arange(40), row.astype(int)) for row in counts]
    expected = [metrics.score(kind, truth[some], ours.take(some))[metric] for some in taken]
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("kind", "metric"), CASES)
@pytest.mark.parametrize("rows", [50, 7_001])
def test_identical_models_differ_by_exactly_nothing(kind: Kind, metric: str, rows: int) -> None:
    truth, ours, _ = sample(kind, rows, seed=3)

    found = paired_difference(kind, metric, truth, ours, ours, resamples=50)

    assert (found.estimate, found.low, found.high) == (0, 0, 0)


@settings(max_examples=40, deadline=None)
@given(case=st.sampled_from(CASES), rows=st.integers(30, 200), seed=st.integers(0, 1000))
def test_swapping_the_models_mirrors_the_interval(
    case: tuple[Kind, str], rows: int, seed: int
) -> None:
    kind, metric = case
    truth, ours, theirs = sample(kind, rows, seed)

    forth = paired_difference(kind, metric, truth, ours, theirs, resamples=100)
    back = paired_difference(kind, metric, truth, theirs, ours, resamples=100)

    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low), abs=1e-12)
    assert forth.low <= forth.high


def test_the_same_seed_gives_the_same_interval() -> None:
    truth, ours, theirs = sample(Kind.BINARY, 200, seed=4)

    first, again, other = (
        paired_difference(Kind.BINARY, "roc_auc", truth, ours, theirs, seed=seed)
        for seed in (7, 7, 8)
    )

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("kind", "metric"),
    [(Kind.BINARY, "roc_auc"), (Kind.MULTICLASS, "f1"), (Kind.REGRESSION, "rmse")],
)
def test_the_interval_covers_the_true_difference_as_often_as_it_says(
    kind: Kind, metric: str
) -> None:
    truth, ours, theirs = sample(kind, 200_000, seed=5)
    true = exact(kind, metric, truth, ours, theirs)

    trials = [covers(kind, metric, sample(kind, 150, seed), true) for seed in range(300)]

    assert 0.88 <= np.mean(trials) <= 0.99  # nominal 0.95


def covers(kind: Kind, metric: str, drawn: Sample, true: float) -> bool:
    found = paired_difference(kind, metric, *drawn, resamples=300)
    return found.low <= true <= found.high


def exact(kind: Kind, metric: str, truth: Any, ours: Output, theirs: Output) -> float:
    sign = 1 if METRICS[kind][metric] else -1
    one, other = (metrics.score(kind, truth, o)[metric] for o in (ours, theirs))
    return sign * (one - other)


@pytest.mark.parametrize(
    ("kind", "metric"), [(Kind.BINARY, "roc_auc"), (Kind.BINARY, "f1"), (Kind.REGRESSION, "r2")]
)
def test_the_approximation_for_many_rows_agrees_with_the_exact_interval(
    kind: Kind, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, ours, theirs = sample(kind, 6_000, seed=6)

    fast = paired_difference(kind, metric, truth, ours, theirs, resamples=2000)
    monkeypatch.setattr(bootstrap, "EXACT_ROWS", 6_000)
    slow = paired_difference(kind, metric, truth, ours, theirs, resamples=2000)

    assert width(fast) == pytest.approx(width(slow), rel=0.12)
    assert fast.low == pytest.approx(slow.low, abs=0.15 * width(slow))


def width(difference: Difference) -> float:
    return difference.high - difference.low


def test_resamples_without_a_class_are_left_out_and_counted() -> None:
    truth, ours, theirs = sample(Kind.BINARY, 200, seed=7)
    truth = np.where(np.arange(200) < 3, "yes", "no")

    found = paired_difference(Kind.BINARY, "roc_auc", truth, ours, theirs)

    assert 0 < found.undefined < 200
    assert np.isfinite([found.low, found.high]).all()


def test_rows_of_one_class_give_no_interval() -> None:
    _, ours, theirs = sample(Kind.BINARY, 100, seed=8)

    found = paired_difference(Kind.BINARY, "roc_auc", np.full(100, "no"), ours, theirs)

    assert np.isnan([found.estimate, found.low, found.high]).all()


def test_a_model_without_probabilities_has_no_area() -> None:
    truth, ours, theirs = sample(Kind.BINARY, 100, seed=9)

    found = paired_difference(
        Kind.BINARY, "roc_auc", truth, ours, Output(theirs.labels, None, theirs.classes)
    )

    assert np.isnan(found.low)


def test_no_rows_give_no_interval() -> None:
    nothing = Output(np.array([]))

    found = paired_difference(Kind.REGRESSION, "mae", np.array([]), nothing, nothing)

    assert np.isnan(found.low)
