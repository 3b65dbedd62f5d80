"""Paired differences: the estimate is exact, the interval covers what it should."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from evergreen.judging.differences import (
    by_slice,
    compare,
    distance,
    has_fallen,
    paired_difference,
)
from evergreen.judging.evidence import Difference
from evergreen.judging.influence import influence
from evergreen.judging.units import Units
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import METRICS, Gate, Kind
from learning import CATALOG

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


def rivals(rows: int, count: int, seed: int) -> tuple[Any, dict[str, Output], Output]:
    """Draw truth, and numbers that are as good as those of the last model."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=rows)
    outputs = [Output(truth + generator.normal(size=rows)) for _ in range(count + 1)]
    return truth, {str(n): output for n, output in enumerate(outputs[1:])}, outputs[0]


def test_the_same_seed_gives_the_same_intervals() -> None:
    truth, ours, theirs = rivals(200, 3, seed=4)
    units = Units.of(None, None, 200)

    first, again, other = (
        compare(Kind.REGRESSION, "mae", truth, ours, theirs, units, seed=seed) for seed in (7, 7, 8)
    )

    assert first == again
    assert first != other


def test_intervals_are_wider_where_several_compete() -> None:
    truth, ours, theirs = rivals(200, 20, seed=5)
    units = Units.of(None, None, 200)

    alone = compare(Kind.REGRESSION, "mae", truth, {"0": ours["0"]}, theirs, units)["0"]
    among = compare(Kind.REGRESSION, "mae", truth, ours, theirs, units)["0"]

    assert among.over == 20
    assert 1.3 < width(among) / width(alone) < 1.7  # 3.0 (Bonferroni: 3.07) of 2.0 errors


def over_days(rows: int, gain: Any) -> dict[str, Any]:
    """A model that is better by `gain` on each of some days, with a row each."""
    generator = np.random.default_rng(8)
    truth, error = generator.normal(size=rows), generator.normal(5, 0.3, size=(2, rows))
    times = pd.Series(pd.date_range("2026-01-01", periods=rows, freq="D"))
    return {
        "kind": Kind.REGRESSION, "metric": "mae", "truth": truth,
        "challengers": {"short": Output(truth + error[0] - gain)},
        "other": Output(truth + error[1]), "units": Units.of(times, None, rows),
    }  # fmt: skip


def test_what_is_better_since_the_concept_changed_is_told_by_the_newest_half() -> None:
    changed = np.repeat([-2.0, 1.0], [50, 50])

    found = compare(**over_days(100, changed))["short"]

    assert found.estimate > 0 and found.low > 0
    assert (found.stretch, found.units) == ("the newest 50 of 100 days", 50)


def test_the_newest_half_of_a_panel_is_told_in_days() -> None:
    panel = over_days(800, np.repeat([-2.0, 1.0], [400, 400]))
    days = pd.Series(pd.date_range("2026-01-01", periods=80, freq="D").repeat(10))
    stores = pd.Series(list("abcdefghij") * 80, name="store")

    found = compare(**panel | {"units": Units.of(days, stores, 800)})["short"]

    assert (found.unit.split(", ")[1], found.units) == ("and store", 10)
    assert found.stretch == "the newest 40 of 80 days"


def test_what_is_unknown_over_all_rows_is_not_told_by_the_newest_half() -> None:
    drawn = over_days(100, 1.0)
    drawn["challengers"]["short"].labels[3] = np.nan

    found = compare(**drawn)["short"]

    assert np.isnan([found.estimate, found.low]).all()
    assert found.stretch == ""


def test_what_is_better_all_the_time_is_told_by_all_rows() -> None:
    found = compare(**over_days(100, 1.0))["short"]

    assert found.low > 0
    assert (found.stretch, found.units) == ("", 100)


def test_what_is_better_by_less_than_the_bar_is_told_by_all_rows() -> None:
    found = compare(**over_days(100, np.repeat([-2.0, 1.0], [50, 50])), bar=2.0)["short"]

    assert found.stretch == ""


def test_few_days_are_not_halved() -> None:
    found = compare(**over_days(39, np.repeat([-2.0, 1.0], [20, 19])))["short"]

    assert (found.stretch, found.units) == ("", 39)


LATE = np.concatenate([np.full(75, -0.3), np.linspace(-0.2, 1.2, 25)])
"""A short window fills with the new world, from day to day."""


@pytest.mark.parametrize(("fallen", "stretch"), [(True, "the newest 25 of 100 days"), (False, "")])
def test_the_newest_quarter_is_looked_at_where_the_model_in_charge_has_fallen(
    fallen: bool, stretch: str
) -> None:
    found = compare(**over_days(100, LATE), fallen=fallen)["short"]

    assert (found.low > 0, found.stretch) == (fallen, stretch)


@pytest.mark.parametrize(
    ("days", "early", "floors", "fallen"),
    [
        (100, 5.0, {"mae": 4.0}, True),
        (100, 5.0, {"mae": 6.0}, False),
        (100, 5.0, {"mae": 4.75}, False),  # but not surely
        (100, 3.0, {"mae": 4.4}, True),  # over all days it is not beyond
        (100, 5.0, {"rmse": 4.0}, False),
        (39, 5.0, {"mae": 4.0}, False),
    ],
)
def test_who_surely_is_beyond_the_floor_lately_has_fallen(
    days: int, early: float, floors: dict[str, float], fallen: bool
) -> None:
    drawn = over_days(days, 0.0)
    error = np.random.default_rng(3).normal(np.repeat([early, 5.0], [days // 2, days - days // 2]))
    energy = CATALOG.find("energy")
    judged = replace(energy, gate=replace(energy.gate, metric="mae", floors=floors))

    found = has_fallen(judged, drawn["truth"], Output(drawn["truth"] + error), drawn["units"])

    assert found is fallen


def test_who_was_not_compared_is_not_known_to_have_fallen() -> None:
    assert not has_fallen(CATALOG.find("energy"), np.zeros(9), None, Units.of(None, None, 9))


def test_twenty_models_that_are_one_pay_for_one() -> None:
    truth, ours, theirs = rivals(200, 1, seed=6)
    units = Units.of(None, None, 200)

    alone = compare(Kind.REGRESSION, "mae", truth, ours, theirs, units)["0"]
    twins = {str(n): ours["0"] for n in range(20)}
    among = compare(Kind.REGRESSION, "mae", truth, twins, theirs, units, resamples=4000)["0"]

    assert width(among) == pytest.approx(width(alone), rel=0.06)


def test_the_distance_to_a_threshold_is_in_the_direction_of_better() -> None:
    truth, ours, _ = sample(Kind.REGRESSION, 400, seed=1)
    units = Units.of(None, None, 400)

    found = distance(Kind.REGRESSION, "mae", truth, ours, 2.0, units)

    error = np.abs(truth - ours.labels)
    assert found.estimate == pytest.approx(2.0 - error.mean())
    assert width(found) == pytest.approx(2 * 1.966 * error.std() / np.sqrt(400), rel=0.01)


def test_the_rows_that_a_point_needs_would_show_it() -> None:
    truth, ours, theirs = sample(Kind.BINARY, 500, seed=2)

    found = paired_difference(Kind.BINARY, "roc_auc", truth, ours, theirs)

    assert found.rows_for_a_point
    error = width(found) / 2 / 1.965 * np.sqrt(500 / found.rows_for_a_point)
    assert 0.01 / error == pytest.approx(1.96 + 0.84, rel=0.01)
    assert found.effective_rows == pytest.approx(500, rel=0.01)
    assert Difference.from_json(found.to_json()) == found


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


DAYS = pd.Series(pd.date_range("2025-01-01", periods=300, tz="UTC"))
STORES = np.arange(1200) % 30
WORLDS = {
    "days that follow on one another": (
        Units.of(DAYS, None, 300),
        lambda draw: lfilter([1], [1, -0.7], draw.normal(size=400))[100:],
    ),
    "a panel": (
        Units.of(None, STORES, 1200),
        lambda draw: draw.normal(size=30)[STORES] + draw.normal(size=1200),
    ),
}


@pytest.mark.parametrize("world", WORLDS)
def test_the_interval_covers_where_rows_hang_together(world: str) -> None:
    units, draw_errors = WORLDS[world]
    truth = np.zeros(units.rows)
    champion = Output(truth + 50)

    def found(seed: int, units: Units) -> Difference:
        ours = Output(champion.labels + draw_errors(np.random.default_rng(seed)))
        return paired_difference(Kind.REGRESSION, "mae", truth, ours, champion, units)

    rows = Units.of(None, None, units.rows)
    held, by_rows = (
        np.mean([one.low <= 0 <= one.high for one in (found(n, of) for n in range(400))])
        for of in (units, rows)
    )
    assert 0.92 <= held <= 0.98
    assert by_rows < 0.75


def test_a_search_over_noise_promotes_no_more_often_than_one_challenger() -> None:
    units = Units.of(None, None, 40)

    def lows(seed: int) -> list[float]:
        truth, ours, theirs = rivals(40, 10, seed)
        found = compare(Kind.REGRESSION, "mae", truth, ours, theirs, units, resamples=300)
        return [one.low for one in found.values()]

    promoted = np.mean([max(lows(seed)) > 0 for seed in range(400)])

    assert promoted <= 0.045  # 2.5 %, and 2.5 Monte-Carlo errors


def covers(kind: Kind, metric: str, drawn: Sample, true: float) -> bool:
    found = paired_difference(kind, metric, *drawn, resamples=300)
    return found.low <= true <= found.high


def exact(kind: Kind, metric: str, truth: Any, ours: Output, theirs: Output) -> float:
    sign = 1 if METRICS[kind][metric] else -1
    one, other = (metrics.score(kind, truth, o)[metric] for o in (ours, theirs))
    return sign * (one - other)


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_the_influence_of_a_row_is_what_its_weight_moves(kind: Kind, metric: str) -> None:
    truth, ours, _ = sample(kind, 300, seed=2)
    found = influence(kind, metric, truth, ours)
    copies = np.arange(300)

    twice = [np.append(np.tile(copies, 40), row) for row in range(5)]  # weight 1 + 1/40

    once = metrics.score(kind, truth, ours)[metric]
    moved = [metrics.score(kind, truth[t], ours.take(t))[metric] - once for t in twice]
    assert found.sum() == pytest.approx(0, abs=1e-8)
    assert np.array(moved) * 300 * 40 == pytest.approx(found[:5], rel=0.02, abs=0.01)


def width(difference: Difference) -> float:
    return difference.high - difference.low


def test_few_positives_give_an_interval_of_few_degrees_of_freedom() -> None:
    truth, ours, theirs = sample(Kind.BINARY, 200, seed=7)
    truth = np.where(np.arange(200) < 8, "yes", "no")

    found = paired_difference(Kind.BINARY, "roc_auc", truth, ours, theirs)

    moved = (influence(Kind.BINARY, "roc_auc", truth, o) for o in (ours, theirs))
    error = np.subtract(*moved).std() / np.sqrt(200)
    assert width(found) / 2 / error > 2.1  # Student's t of 12 or less


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


@pytest.mark.parametrize("metric", ["f1", "recall"])
@pytest.mark.parametrize("called", [0, 5])
def test_a_slice_without_positives_is_not_held_against_a_floor(metric: str, called: int) -> None:
    called_positive = np.where(np.arange(60) < called, 0.9, 0.1)
    labels = np.where(called_positive > 0.5, "yes", "no")
    chances = np.stack([1 - called_positive, called_positive], axis=1)
    output = Output(labels, chances, np.array(["no", "yes"]))
    gate = Gate(metric=metric, floors={metric: 0.5})

    found = by_slice(
        replace(CATALOG.find("churn"), gate=gate), {"region": np.repeat("all", 60)},
        np.repeat("no", 60), output, None, Units.of(None, None, 60), name="the floor",
    )  # fmt: skip

    assert found == {"region": {"all": {}}}


def in_slices(champion: bool, **gate: Any) -> dict[str, dict[str, Difference]]:
    """Three regions of 200 rows: much better in one, equal in one, without positives in one."""
    region = np.repeat(["better", "equal", "no positives"], 200)
    truth, ours, theirs = sample(Kind.BINARY, 600, seed=9)
    truth = np.where(region == "no positives", "no", truth)
    perfect = np.stack([truth == "no", truth == "yes"], axis=1).astype(float)
    mixed = np.where((region == "better")[:, None], 0.9 * perfect + 0.05, theirs.probabilities)
    ours = Output(ours.classes[mixed.argmax(axis=1)], mixed, ours.classes)
    use_case = replace(
        CATALOG.find("weather"),
        gate=Gate(**{"metric": "roc_auc", "floors": {"roc_auc": 0.7, "recall": 0.5}, **gate}),
    )
    return by_slice(
        use_case,
        {"region": region},
        truth,
        ours,
        theirs if champion else None,
        Units.of(None, None, 600),
        name="champion v3" if champion else "the floor",
    )["region"]


def test_each_slice_is_compared_on_its_rows_where_the_metric_is_defined() -> None:
    found = in_slices(champion=True)

    assert found["better"]["roc_auc"].low > 0.05
    assert found["equal"]["roc_auc"].high == found["equal"]["roc_auc"].low == 0
    assert found["equal"]["roc_auc"].other == "champion v3"
    assert found["no positives"] == {}


def test_without_a_champion_a_slice_is_compared_with_the_floors() -> None:
    found = in_slices(champion=False)
    others = in_slices(champion=False, metric="accuracy")

    assert found["better"]["roc_auc"].estimate == pytest.approx(0.3)
    assert found["better"].keys() == {"roc_auc"}
    assert others["better"].keys() == {"roc_auc", "recall"}
    assert others["no positives"] == {}
