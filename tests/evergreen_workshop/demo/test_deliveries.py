"""Days come on time, late, in part, twice, corrected or not at all; the next delivery makes up."""

from datetime import date, timedelta
from typing import Any

import pytest

from database import query
from evergreen.errors import DeclarationError, EvergreenError
from evergreen_workshop import demo
from evergreen_workshop.demo.deliveries import Way, parse

SUNDAY = date(2026, 8, 23)
MONDAY = SUNDAY + timedelta(days=1)
PER_DAY = {"churn": 19, "energy": 48, "stocks": 4, "weather": 1}


@pytest.fixture(params=demo.WITH_DAYS)
def table(request: pytest.FixtureRequest, database_url: str) -> str:
    """A demo table that ends on a Sunday."""
    demo.load(request.param, database_url, SUNDAY)
    return str(request.param)


def contents(url: str, table: str) -> list[tuple[Any, ...]]:
    return query(url, f"SELECT * FROM {table} ORDER BY 1, 2")


def test_every_way_ends_like_one_that_was_on_time(table: str, database_url: str) -> None:
    rows = PER_DAY[table]
    before = contents(database_url, table)

    assert demo.deliver(table, database_url, MONDAY, Way.NOT_AT_ALL).rows == 0
    assert demo.deliver(table, database_url, MONDAY, Way.LATE).rows == 0
    assert contents(database_url, table) == before
    assert demo.deliver(table, database_url, MONDAY, Way.PARTIAL).rows == rows // 2
    assert demo.deliver(table, database_url, MONDAY, Way.TWICE).rows == rows - rows // 2
    after = contents(database_url, table)
    assert demo.deliver(table, database_url, MONDAY).rows == 0
    assert contents(database_url, table) == after
    assert len(after) == len(before) + rows


def test_a_correction_changes_other_days_once(table: str, database_url: str) -> None:
    first = demo.deliver(table, database_url, MONDAY, Way.CORRECTED)
    second = demo.deliver(table, database_url, MONDAY, Way.CORRECTED)

    assert first.rows == PER_DAY[table]
    assert first.corrected > 0
    assert (second.rows, second.corrected) == (0, 0)


def test_days_that_were_missed_are_made_up(database_url: str) -> None:
    demo.load("energy", database_url, SUNDAY)

    assert demo.deliver("energy", database_url, SUNDAY + timedelta(days=5)).rows == 5 * 48


def test_what_has_no_days_never_lacks_any(database_url: str) -> None:
    demo.load("iris", database_url, SUNDAY)

    assert demo.deliver("iris", database_url, MONDAY).rows == 0
    with pytest.raises(EvergreenError, match="iris has no days"):
        demo.feed("iris", database_url, 1, Way.LATE)


def test_an_unknown_way_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(DeclarationError, match="did you mean 'partial'"):
        parse("partal")
