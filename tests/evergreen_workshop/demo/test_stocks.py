from datetime import date, timedelta

import pytest

from database import query
from evergreen_workshop import demo
from evergreen_workshop.demo.stocks import CYCLE, FIRST, SHIFT, observe

UNTIL = date(2026, 8, 23)  # a Sunday


def closes(day: date) -> dict[str, float]:
    return {row[0]: row[6] for row in observe(day)}


def test_the_prices_are_those_of_the_day_780_weeks_before() -> None:
    apple = next(iter(observe(FIRST + SHIFT)))

    assert apple[0] == "AAPL"
    assert apple[2:6] == (31.91, 33.15, 31.73, 33.05)
    assert apple[7] == 9_028_900


def test_after_the_last_day_prices_begin_again_where_they_ended() -> None:
    last = max(d for d in days(CYCLE - timedelta(days=9), 9) if closes(d))
    first = min(d for d in days(CYCLE, 9) if closes(d))

    assert set(closes(first)) == set(closes(last)) == {"AAPL", "GOOG", "IBM", "MSFT"}
    for ticker, price in closes(first).items():
        assert price == pytest.approx(closes(last)[ticker], rel=1e-5)


def days(after: timedelta, number: int) -> list[date]:
    return [FIRST + SHIFT + after + timedelta(days=n) for n in range(number)]


def test_weekends_bring_no_rows_and_the_days_after_them_do(database_url: str) -> None:
    demo.load("stocks", database_url, UNTIL)

    assert query(database_url, "SELECT max(date) FROM stocks") == [(date(2026, 8, 21),)]
    assert demo.feed("stocks", database_url, 2) == 0
    assert demo.feed("stocks", database_url, 3) == 4
    assert query(database_url, "SELECT max(date) FROM stocks") == [(date(2026, 8, 24),)]
