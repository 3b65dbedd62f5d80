"""Distances of windows of the past: calm ones stay below the limits, shifted ones do not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evergreen.watching import calibration
from evergreen.watching.bases import DAY, WEEK, YEAR, Array
from evergreen.watching.calibration import Calibration, coded, measure
from evergreen.watching.distances import half_w, numeric_distance
from evergreen.watching.drift import CATEGORICAL, NUMERIC

ROWS, ALPHA = 50, 0.02


def stream(days: int, season: float = 2.0, seed: int = 0) -> tuple[Array, dict[str, Array]]:
    """Three columns with a season and noise of one standard deviation."""
    times = np.arange(days * ROWS) * DAY / ROWS
    noise = np.random.default_rng(seed).normal(size=(3, len(times)))
    wave = season * np.cos(2 * np.pi * times / YEAR)
    return times, {f"x{n}": wave + one for n, one in enumerate(noise)}


def measured(times: Array, columns: dict[str, Array], **more: Any) -> Calibration:
    coding = {n: coded(times, pd.Series(v), NUMERIC, ROWS) for n, v in columns.items()}
    return measure(coding, times, **{"length": DAY, "gap": 0.0} | more)


def beyond(past: float, shift: float = 0.0) -> list[list[str]]:
    """Watch days after so much of a stream; return which columns lie beyond their limits."""
    times, columns = stream(1100)
    known = times < past
    history = measured(times[known], {name: v[known] for name, v in columns.items()})
    found = []
    for start in np.arange(past, past + 60 * DAY, DAY):
        limits = history.limits(start, times[known], list(columns), ALPHA)
        assert limits is not None
        now = (times >= start) & (times < start + DAY)
        far = []
        for name, values in columns.items():
            near = limits.bases[name].near(times[known], start, DAY)
            gap = numeric_distance(values[known][near], values[now] + shift)
            far += [name] * (gap > limits.largest[name])
        found.append(far)
    return found


def test_calm_days_of_a_season_hardly_ever_lie_beyond() -> None:
    alarms = sum(bool(far) for far in beyond(1000 * DAY))

    assert alarms <= 4  # of 60 at 2 %: 1.2 expected, 5 once in 130


def test_a_shift_of_one_deviation_is_found_on_top_of_the_season() -> None:
    found = sum(len(far) == 3 for far in beyond(1000 * DAY, shift=1.0))

    assert found >= 57


@pytest.mark.parametrize("columns", [1, 5])
def test_at_most_alpha_of_the_blocks_have_any_column_beyond(columns: int) -> None:
    table = np.random.default_rng(0).gamma(2.0, size=(columns, 199))

    largest = calibration._largest(table, 0.05, np.ones(199, dtype=bool))

    assert (table > np.array(largest)[:, None]).any(axis=0).sum() == 9  # of 199 and the next: 10


def test_among_blocks_of_all_seasons_none_of_its_own_lies_beyond() -> None:
    table = np.random.default_rng(0).gamma(2.0, size=(2, 199))
    season = np.arange(199) == table.max(axis=0).argmax()

    largest = calibration._largest(table, 0.05, season)

    assert (table[:, season] <= np.array(largest)[:, None] + 1e-9).all()


@pytest.mark.parametrize(("days", "enough"), [(300, False), (730, True)])
def test_a_history_that_hardly_holds_the_season_is_not_enough(days: int, enough: bool) -> None:
    times, columns = stream(days)
    history = measured(times, columns, length=WEEK)

    limits = history.limits(times.max() + DAY, times, list(columns), ALPHA)

    assert limits is not None
    assert (limits.enough, limits.needed) == (enough, 49)
    assert limits.blocks >= 30


def test_a_history_of_a_few_windows_tells_nothing() -> None:
    times, columns = stream(60)

    history = measured(times, columns, length=WEEK)

    assert history.limits(times.max() + DAY, times, list(columns), ALPHA) is None


def test_bins_tell_the_exact_distance_but_for_the_width_of_one() -> None:
    times, columns = stream(200, season=0.0)
    values = columns["x0"]
    coding = coded(times, pd.Series(values), NUMERIC, ROWS)
    counts = coding.counts(np.arange(200) * DAY, DAY)

    told = coding.distances(counts[:1], counts[1:].sum(axis=0, keepdims=True))

    exact = numeric_distance(values[ROWS:], values[:ROWS])
    assert told[0] == pytest.approx(exact, abs=1 / calibration.BINS)


def test_categories_too_rare_for_a_window_are_one() -> None:
    values = pd.Series(["a"] * 60 + ["b"] * 36 + ["c", "d", "e", None])

    coding = coded(np.arange(100.0), values, CATEGORICAL, ROWS)

    assert coding.size == 3
    assert np.bincount(coding.codes).tolist() == [60, 36, 3]
    assert half_w(np.array([6.0, 0.0]), np.array([6.0, 6.0])) == pytest.approx(1.0)


def test_confidence_is_told_by_the_windows_of_the_past() -> None:
    times, columns = stream(400)
    sure = 0.8 + 0.01 * np.sign(np.sin(times / DAY))

    history = measured(times, columns, sure=(times, sure))
    limits = history.limits(times.max(), times, list(columns), ALPHA)

    assert limits is not None
    assert limits.confidence == (pytest.approx(0.8, abs=0.01), pytest.approx(0.006, abs=0.005))


def test_it_survives_json() -> None:
    times, columns = stream(40)

    history = measured(times, columns)

    assert Calibration.from_json(history.to_json()) == history
