"""Bands of estimates hold what the labels tell, and what no estimate sees stays unseen."""

import numpy as np
import pytest

from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind, Scale
from evergreen.watching.estimating import Learned

NAMES = ["accuracy", "roc_auc", "log_loss"]
SCALE = Scale(Kind.BINARY)


def answered(rows: int, seed: int, *, spread: float = 1.0, days: float = 0.0) -> tuple:
    """Labels, and answers of a model that is a little too sure."""
    draw = np.random.default_rng(seed)
    common = np.repeat(draw.normal(size=-(-rows // 50)), 50)[:rows] * days
    odds = draw.normal(scale=spread, size=rows)
    truth = (draw.random(rows) < 1 / (1 + np.exp(-odds - common))).astype(int)
    given = 1 / (1 + np.exp(-1.5 * odds))
    chances = np.column_stack([1 - given, given])
    return truth, Output((given > 0.5).astype(int), chances, np.array([0, 1]))


@pytest.mark.parametrize("days", [0.0, 0.5])
def test_bands_hold_the_metrics_of_calm_windows(days: float) -> None:
    learned = Learned.of(SCALE, NAMES, *answered(5000, 0, days=days))
    held: dict[str, list[bool]] = {name: [] for name in NAMES}
    for seed in range(1, 81):
        truth, output = answered(50, seed, days=days)
        told = metrics.score(SCALE, truth, output, NAMES)
        for one in learned.estimates(SCALE, output):
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
    truth, output = answered(1000, 1, spread=0.3)
    told = metrics.score(SCALE, truth, output, NAMES)

    found = {one.name: one for one in learned.estimates(SCALE, output)}

    usual = {one.name: one for one in learned.estimates(SCALE, answered(1000, 2)[1])}
    assert found["roc_auc"].band[1] < usual["roc_auc"].band[0]
    for name, one in found.items():
        assert one.band[0] <= told[name] <= one.band[1]


def test_labels_that_turn_round_are_not_seen() -> None:
    learned = Learned.of(SCALE, ["roc_auc"], *answered(5000, 0))
    truth, output = answered(1000, 1)

    [found] = learned.estimates(SCALE, output)

    live = metrics.score(SCALE, 1 - truth, output, ["roc_auc"])["roc_auc"]
    assert live < 0.35 < 0.6 < found.band[0]


def test_what_is_needed_and_lacking_is_said() -> None:
    truth, output = answered(100, 0)
    without = Output(output.labels, None, output.classes)

    few = Learned.of(SCALE, NAMES, truth, output)
    unsure = Learned.of(SCALE, NAMES, truth, without)
    own = Learned.of(SCALE, ["worth"], *answered(500, 0))

    assert few.problem == "100 rows of the walk forward are known, and it takes 200"
    assert unsure.problem == "the champion gives no probabilities"
    assert own.problem == "none of worth can be estimated"
    assert few.estimates(SCALE, output) == ()


def test_it_survives_json() -> None:
    learned = Learned.of(SCALE, NAMES, *answered(500, 0))

    assert Learned.from_json(learned.to_json()) == learned
