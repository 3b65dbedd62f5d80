"""Correlations of scores: margins are no part of them, chance stays below the limits."""

import numpy as np
import pandas as pd
import pytest

from evergreen.watching.bases import DAY, Array
from evergreen.watching.calibration import measure
from evergreen.watching.drift import CATEGORICAL, NUMERIC
from evergreen.watching.together import (
    MOST_SCORES,
    TOGETHER,
    Scores,
    UsualPairs,
    apart,
    correlations,
    critical,
    totals,
)

KINDS = {"x": NUMERIC, "y": NUMERIC, "city": CATEGORICAL}


def rows(count: int, together: float = 0.0, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    x, noise = draw.normal(size=(2, count))
    y = together * x + np.sqrt(1 - together**2) * noise
    return pd.DataFrame({"x": x, "y": np.exp(y), "city": draw.choice(["Graz", "Wien"], count)})


def scores_of(frame: pd.DataFrame) -> Scores:
    return Scores.of(frame, KINDS, list(KINDS))


def distances(before: pd.DataFrame, now: pd.DataFrame) -> dict[tuple[str, str], float]:
    scores = scores_of(before)
    whole = [correlations(totals(scores.among(frame))[0], scores) for frame in (before, now)]
    told = [
        (scores.found[a].told, scores.found[b].told) for a, b in zip(*scores.pairs, strict=True)
    ]
    return dict(zip(told, apart(*whole).tolist(), strict=True))


def test_a_correlation_that_turns_round_is_as_far_as_half_of_the_difference() -> None:
    found = distances(rows(5000, 0.6), rows(5000, -0.6, seed=1))

    assert found["x", "y"] == pytest.approx(0.58, abs=0.03)  # of ranks, 0.58 and -0.58
    assert found["x", "city = Graz"] < 0.05


def test_margins_alone_are_no_part_of_it() -> None:
    before = rows(5000, 0.5)

    found = distances(before, before.assign(x=before["x"] * 1.3 + 0.3, y=before["y"] * 1.5))

    assert max(found.values()) < 0.05


def test_what_goes_together_by_its_spread_is_found_too() -> None:
    before = rows(5000)
    wider = before.assign(y=np.exp(np.log(before["y"]) * np.exp(before["x"])))

    found = distances(before, wider)

    assert max(found, key=lambda pair: found[pair]) == ("x", "how far y lies from its middle")


def test_a_missing_value_counts_as_an_average_one() -> None:
    before = rows(2000, 0.8)
    scores = scores_of(before)

    table = scores.rows(before.assign(x=before["x"].where(before.index % 2 == 0)))

    assert np.isfinite(table).all()
    assert table[1::2, 0].std() == pytest.approx(0.0)


def test_a_window_in_which_nothing_varies_has_no_correlation() -> None:
    before = rows(500)
    scores = scores_of(before)

    found = correlations(totals(scores.rows(before.iloc[[0] * 50]))[0], scores)

    assert np.isnan(found).all()


@pytest.mark.parametrize("count", [50, 200])
@pytest.mark.parametrize("together", [0.0, 0.9])
def test_of_independent_rows_any_pair_hardly_ever_lies_beyond(together: float, count: int) -> None:
    before = rows(5000, together)
    scores = scores_of(before)
    known = scores.among(before)
    expected = correlations(totals(known)[0], scores)
    beyond = 0
    for seed in range(1, 301):
        now = scores.among(rows(count, together, seed))
        far = apart(expected, correlations(totals(now)[0], scores))
        beyond += bool((far > critical(known, now, scores, 0.05)).any())

    assert beyond <= 24  # of 300 at 5 %: 15 expected, 24 once in 70


def test_columns_that_matter_most_come_first_and_all_have_a_bound() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 60))).rename(columns=str)

    scores = Scores.of(frame, dict.fromkeys(frame, NUMERIC), list(frame)[::-1])

    assert len(scores.found) == MOST_SCORES
    assert scores.columns[0] == "59"


def stream(days: int, season: float) -> tuple[Array, pd.DataFrame]:
    """Fifty rows a day of two numbers whose correlation has a season."""
    times = np.arange(days * 50) * DAY / 50
    draw = np.random.default_rng(0)
    x, noise = draw.normal(size=(2, len(times)))
    r = season * np.sin(2 * np.pi * times / (30 * DAY))
    return times, pd.DataFrame({"x": x, "y": r * x + np.sqrt(1 - r**2) * noise})


@pytest.mark.parametrize("season", [0.0, 0.6])
def test_what_is_usual_is_told_by_windows_of_the_past(season: float) -> None:
    times, frame = stream(300, season)
    scores = Scores.of(frame, dict.fromkeys(frame, NUMERIC), list(frame))

    measured = measure({}, times, DAY, 0.0, pairs=(scores, scores.rows(frame)))
    limits = measured.limits(times.max(), times, [TOGETHER], 0.05)

    assert limits is not None
    (pair,) = [n for n, (a, b) in enumerate(zip(*scores.pairs, strict=True)) if (a, b) == (0, 2)]
    largest = measured.pairs.limits(limits.largest[TOGETHER])[pair]
    assert (largest > 0.3) == bool(season)  # calm days of the second lie that far apart


def test_pairs_that_too_few_windows_tell_of_have_no_limit() -> None:
    table = np.random.default_rng(0).random((40, 2))
    table[5:, 1] = np.nan

    usual = UsualPairs.of({"all": table})

    assert usual.middle[1] is None
    assert np.isnan(usual.limits(3.0)).tolist() == [False, True]
    assert np.isfinite(usual.furthest(table)).all()


def test_what_few_windows_tell_is_not_taken_for_usual_however_near_it_lies() -> None:
    draw = np.random.default_rng(0)
    near, far = draw.random((60, 3)) / 10, draw.random((60, 3))
    near[25:] = np.nan  # as "the same season of other years" in a history of little more than one

    usual = UsualPairs.of({"other years": near, "the weeks before": far})

    assert usual == UsualPairs.of({"the weeks before": far})
    assert None not in usual.middle
