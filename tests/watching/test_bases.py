"""Which rows of history a window is held against."""

import numpy as np
import pytest

from evergreen.watching import bases
from evergreen.watching.bases import DAY, HOUR, WEEK, YEAR, Basis

START = 3 * YEAR
HOURS = np.arange(0, START + WEEK, HOUR)


def chosen(basis: Basis, length: float = DAY, gap: float = 0.0) -> np.ndarray:
    """The hours that are chosen, in days before the window begins."""
    return (START - HOURS[basis.near(HOURS, START, length, gap)]) / DAY


def named(name: str, length: float = DAY) -> Basis:
    return next(basis for basis in bases.of(length) if name in basis.name)


def test_all_rows_but_those_of_the_window_itself() -> None:
    found = chosen(named("all"), length=DAY)

    assert len(found) == len(HOURS) - 24
    assert not np.any((found <= 0) & (found > -1))


def test_the_weeks_before_end_where_the_gap_begins() -> None:
    found = chosen(named("4 weeks before"), gap=2 * DAY)

    assert (found.min(), found.max()) == (pytest.approx(2 + 1 / 24), 30.0)


def test_the_same_weekday_is_that_of_the_window() -> None:
    found = chosen(named("weekday"), length=DAY)

    assert len(found) == 8 * 24
    assert set(np.ceil(found).astype(int) % 7) == {0}


def test_the_same_hours_are_those_of_the_window() -> None:
    found = chosen(named("same hours", HOUR), length=HOUR)

    assert len(found) == 28
    assert np.allclose(found % 1, 0)


def test_the_season_is_that_of_other_years_only() -> None:
    found = chosen(named("season"), length=WEEK)

    years = np.round(found / 365.25)
    assert set(years) == {1.0, 2.0, 3.0}
    assert np.abs(found - years * 365.25).max() <= 15 + 7


@pytest.mark.parametrize(("length", "count"), [(HOUR, 6), (DAY, 5), (WEEK, 4), (4 * WEEK, 3)])
def test_longer_windows_have_fewer_that_are_like_them(length: float, count: int) -> None:
    assert len(bases.of(length)) == count
