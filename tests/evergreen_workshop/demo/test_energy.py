from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database import query
from evergreen_workshop import demo
from evergreen_workshop.demo import energy
from evergreen_workshop.demo.energy import observe, source

FIRST = date(2025, 8, 24)
DAYS = st.dates(date(2010, 1, 1), date(2060, 1, 1))


@given(first=DAYS, later=st.integers(0, 2000))
def test_a_day_takes_a_day_of_2014_of_its_weekday(first: date, later: int) -> None:
    day = first + timedelta(days=later)

    found = source(day, first)

    assert found.year == 2014
    assert found.weekday() == day.weekday()


@given(first=DAYS)
def test_whenever_it_is_loaded_the_same_weeks_are_held_out(first: date) -> None:
    last = first + timedelta(days=364)

    assert abs(source(last, first) - date(2014, 11, 21)) <= timedelta(days=3)


def test_a_day_is_what_it_was_in_2014() -> None:
    new_year = date(2014, 1, 1)
    (first, *_) = observe(new_year, new_year - timedelta(days=40))

    assert source(new_year, new_year - timedelta(days=40)) == new_year
    assert first[0] == datetime(2014, 1, 1)
    assert first[1:3] == (pytest.approx(3.914647), 18.2)
    assert first[4] is False


def test_the_forecast_is_tomorrows_temperature_with_one_error_for_the_day() -> None:
    today, tomorrow = (list(observe(date(2026, 5, n), FIRST)) for n in (4, 5))

    errors = [now[3] - later[2] for now, later in zip(today, tomorrow, strict=True)]

    assert errors == pytest.approx([errors[0]] * 48, abs=0.051)
    assert 0 < abs(errors[0]) < 5 * energy.FORECAST_ERROR


def test_the_half_hours_of_the_history_follow_each_other_up_to_the_day(database_url: str) -> None:
    until = date(2026, 8, 23)
    demo.load("energy", database_url, until)
    demo.feed("energy", database_url, 2)

    gaps = query(
        database_url,
        "SELECT DISTINCT gap FROM (SELECT time - lag(time) OVER (ORDER BY time) AS gap FROM energy)"
        " AS gaps WHERE gap IS NOT NULL",
    )

    assert gaps == [(timedelta(minutes=30),)]
    assert query(database_url, "SELECT max(time) FROM energy") == [(datetime(2026, 8, 25, 23, 30),)]
