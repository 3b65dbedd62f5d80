"""Bands of estimates hold what the labels tell, and what no estimate sees stays unseen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind, Scale
from evergreen.watching.drift import CATEGORICAL, NUMERIC
from evergreen.watching.estimating import Estimate, Learned
from evergreen.watching.walked import Answered

NAMES = ["accuracy", "roc_auc", "log_loss"]
SCALE = Scale(Kind.BINARY)
ERRORS = ["mae", "rmse"]
VALUES = Scale(Kind.REGRESSION)


def answered(
    rows: int, seed: int, *, spread: float = 1.0, days: float = 0.0
) -> tuple[Answered, np.ndarray]:
    """Answers of a model that is a little too sure, and labels."""
    draw = np.random.default_rng(seed)
    common = np.repeat(draw.normal(size=-(-rows // 50)), 50)[:rows] * days
    odds = draw.normal(scale=spread, size=rows)
    truth = (draw.random(rows) < 1 / (1 + np.exp(-odds - common))).astype(int)
    given = 1 / (1 + np.exp(-1.5 * odds))
    chances = np.column_stack([1 - given, given])
    output = Output((given > 0.5).astype(int), chances, np.array([0, 1]))
    return Answered.of(pd.DataFrame({"x": odds}), {"x": NUMERIC}, output), truth


def valued(rows: int, seed: int, *, shift: float = 0.0, hanging_on: float = 0.0) -> tuple:
    """Answers of a model whose error grows with a column, and what came true."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=rows) + shift
    said = draw.normal(size=rows)
    scale = np.sqrt(1 - hanging_on**2)
    error = lfilter([scale], [1, -hanging_on], draw.normal(size=rows)) * np.exp(0.5 * x)
    frame = pd.DataFrame({"x": x, "city": draw.choice(["Graz", "Wien"], rows)})
    kinds = {"x": NUMERIC, "city": CATEGORICAL}
    return Answered.of(frame, kinds, Output(said)), said + error


@pytest.mark.parametrize("days", [0.0, 0.5])
def test_bands_hold_the_metrics_of_calm_windows(days: float) -> None:
    learned = Learned.of(SCALE, NAMES, *answered(5000, 0, days=days))
    held: dict[str, list[bool]] = {name: [] for name in NAMES}
    for seed in range(1, 81):
        window, truth = answered(50, seed, days=days)
        told = metrics.score(SCALE, truth, window.output, NAMES)
        for one in learned.estimates(SCALE, window):
            low, high = one.band
            held[one.name].append(low <= told[one.name] <= high)

    for each in held.values():
        assert np.mean(each) >= 0.9  # of 80 at 95 %: 72 or more but once in 25


def test_days_that_have_something_in_common_make_the_band_wider() -> None:
    calm, common = (
        Learned.of(SCALE, ["accuracy"], *answered(5000, 0, days=days)) for days in (0.0, 1.5)
    )

    spreads = [learned.misses["accuracy"][0].spread for learned in (calm, common)]

    assert spreads[1] > 2 * spreads[0]


def test_rows_that_are_harder_to_tell_are_seen_without_labels() -> None:
    learned = Learned.of(SCALE, NAMES, *answered(5000, 0))
    window, truth = answered(1000, 1, spread=0.3)
    told = metrics.score(SCALE, truth, window.output, NAMES)

    found = {one.name: one for one in learned.estimates(SCALE, window)}

    usual = {one.name: one for one in learned.estimates(SCALE, answered(1000, 2)[0])}
    assert found["roc_auc"].band[1] < usual["roc_auc"].band[0]
    for name, one in found.items():
        assert one.band[0] <= told[name] <= one.band[1]


def test_labels_that_turn_round_are_not_seen() -> None:
    learned = Learned.of(SCALE, ["roc_auc"], *answered(5000, 0))
    window, truth = answered(1000, 1)

    [found] = learned.estimates(SCALE, window)

    live = metrics.score(SCALE, 1 - truth, window.output, ["roc_auc"])["roc_auc"]
    assert live < 0.35 < 0.6 < found.band[0]


@pytest.mark.parametrize(
    ("name", "value", "band"),
    [
        ("roc_auc", 0.9, (0.509, 1.0)),
        ("brier", 0.1, (0.0, 0.491)),
        ("mae", 0.1, (0.0, 0.491)),
        ("r2", 0.9, (0.509, 1.0)),
        ("my_own", 0.1, (-0.291, 0.491)),
    ],
)
def test_a_band_ends_where_its_metric_does(
    name: str, value: float, band: tuple[float, float]
) -> None:
    found = Estimate(name=name, value=value, error=0.2, freedom=1e4)

    assert found.band == pytest.approx(band, abs=0.002)


def test_what_is_needed_and_lacking_is_said() -> None:
    window, truth = answered(100, 0)
    without = Output(window.output.labels, None, window.output.classes)

    few = Learned.of(SCALE, NAMES, window, truth)
    unsure = Learned.of(SCALE, NAMES, replace(window, output=without), truth)
    own = Learned.of(SCALE, ["worth"], *answered(500, 0))

    assert few.problem == "100 rows of the walk forward are known, and it takes 200"
    assert unsure.problem == "the champion gives no probabilities"
    assert own.problem == "none of worth can be estimated"
    assert few.estimates(SCALE, window) == ()
    assert few.outside(window) is None


@pytest.mark.parametrize("of", [answered, valued])
def test_it_survives_json(of) -> None:
    scale, names = (SCALE, NAMES) if of is answered else (VALUES, ERRORS)
    learned = Learned.of(scale, names, *of(500, 0))

    again = Learned.from_json(learned.to_json())

    assert again == learned
    assert again.estimates(scale, of(100, 1)[0]) == learned.estimates(scale, of(100, 1)[0])


@pytest.mark.parametrize("hanging_on", [0.0, 0.9])
def test_bands_hold_the_errors_of_calm_windows_of_values(hanging_on: float) -> None:
    learned = Learned.of(VALUES, ERRORS, *valued(5000, 0, hanging_on=hanging_on))
    held: dict[str, list[bool]] = {name: [] for name in ERRORS}
    for seed in range(1, 81):
        window, truth = valued(50, seed, hanging_on=hanging_on)
        told = metrics.score(VALUES, truth, window.output, ERRORS)
        for one in learned.estimates(VALUES, window):
            low, high = one.band
            held[one.name].append(low <= told[one.name] <= high)

    for each in held.values():
        assert np.mean(each) >= 0.88  # of 80 at 95 %: 70 or more but once in 100


def test_an_error_that_grows_with_the_rows_is_seen_without_labels() -> None:
    learned = Learned.of(VALUES, ERRORS, *valued(5000, 0))
    window, truth = valued(1000, 1, shift=1.0)
    told = metrics.score(VALUES, truth, window.output, ERRORS)

    found = {one.name: one for one in learned.estimates(VALUES, window)}

    usual = {one.name: one for one in learned.estimates(VALUES, valued(1000, 2)[0])}
    for name in ERRORS:
        assert found[name].band[0] > usual[name].band[1]
        assert found[name].value == pytest.approx(told[name], rel=0.2)


def test_what_goes_where_no_row_of_the_walk_was_is_told() -> None:
    learned = Learned.of(VALUES, ERRORS, *valued(5000, 0))

    calm = [learned.outside(valued(200, seed)[0]).extrapolated for seed in range(1, 21)]
    far = learned.outside(valued(200, 1, shift=1.0)[0])

    assert sum(calm) <= 2
    assert far.extrapolated
    assert far.column == "x"
    assert 0.3 < far.share < 0.5


def test_only_means_of_losses_are_estimated_of_values() -> None:
    learned = Learned.of(VALUES, ["r2"], *valued(500, 0))

    assert learned.problem == "none of r2 can be estimated"
