"""The demo tables are loaded once, fed without end, and always the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from evergreen.data.warehouse import connect
from evergreen.errors import EvergreenError
from evergreen_workshop import demo
from evergreen_workshop.demo import iris, weather

UNTIL = date(2026, 8, 23)


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_loads_four_years_of_weather_that_end_on_the_day_asked_for(database_url: str) -> None:
    assert demo.load("weather", database_url, UNTIL) == 1461

    [found] = query(database_url, "SELECT count(*), min(date), max(date) FROM weather")

    assert found == (1461, date(2022, 8, 24), UNTIL)


@pytest.mark.parametrize("name", demo.names())
def test_loading_again_changes_nothing(database_url: str, name: str) -> None:
    demo.load(name, database_url, UNTIL)
    before = query(database_url, f"SELECT * FROM {name}")

    assert demo.load(name, database_url, UNTIL + timedelta(days=9)) == 0

    assert query(database_url, f"SELECT * FROM {name}") == before


@pytest.mark.parametrize(
    "name, rows",
    [("weather", 1461), ("iris", 150), ("churn", 7043), ("crop", 1026), ("energy", 365 * 48)],
)
def test_loading_twice_at_once_loads_once(database_url: str, name: str, rows: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: demo.load(name, database_url, UNTIL), range(4)))

    assert sorted(loaded) == [0, 0, 0, rows]


def test_a_feed_brings_the_next_days(database_url: str) -> None:
    demo.load("weather", database_url, UNTIL)

    assert demo.feed("weather", database_url, 3) == 3

    newest = query(database_url, "SELECT date FROM weather ORDER BY date DESC LIMIT 4")
    assert [day for (day,) in newest] == [UNTIL + timedelta(days=n) for n in (3, 2, 1, 0)]


def test_a_feed_brings_what_a_later_load_would_have(postgres: Any, database_url: str) -> None:
    demo.load("weather", database_url, UNTIL)
    demo.feed("weather", database_url, 400)
    other = database_url + "_later"
    postgres.create_database(other.rsplit("/", 1)[1])

    demo.load("weather", other, UNTIL + timedelta(days=400))

    since = f"SELECT * FROM weather WHERE date > '{UNTIL}' ORDER BY date"
    assert query(database_url, since) == query(other, since)


def test_feeding_nothing_is_harmless(database_url: str) -> None:
    demo.load("weather", database_url, UNTIL)

    assert demo.feed("weather", database_url, 0) == 0


@pytest.mark.parametrize(
    "name, rows", [("weather", 1), ("iris", 1), ("churn", 19), ("crop", 1), ("energy", 48)]
)
def test_feeds_at_once_do_not_collide(database_url: str, name: str, rows: int) -> None:
    demo.load(name, database_url, UNTIL)
    [(before,)] = query(database_url, f"SELECT count(*) FROM {name}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: demo.feed(name, database_url, 5), range(4)))

    assert query(database_url, f"SELECT count(*) FROM {name}") == [(before + 20 * rows,)]


@pytest.mark.parametrize("name", demo.names())
def test_what_has_not_been_loaded_cannot_be_fed(database_url: str, name: str) -> None:
    with pytest.raises(EvergreenError, match=f"evergreen db load {name}"):
        demo.feed(name, database_url, 1)


def test_an_unknown_name_is_told_with_the_one_that_was_meant(database_url: str) -> None:
    with pytest.raises(EvergreenError, match=r"did you mean 'weather'.*iris, stocks, weather"):
        demo.load("wether", database_url, UNTIL)


@pytest.mark.parametrize(
    "day, source",
    [
        (date(2024, 2, 29), date(2012, 2, 29)),
        (date(2025, 7, 1), date(2013, 7, 1)),
        (date(2026, 12, 31), date(2014, 12, 31)),
        (date(2100, 2, 28), date(2012, 2, 28)),
        (date(2015, 1, 1), date(2015, 1, 1)),
    ],
)
def test_a_day_takes_the_weather_of_its_month_and_day(day: date, source: date) -> None:
    assert weather.observe(day)[1:] == weather.observe(source)[1:]


def test_the_weather_is_that_of_seattle() -> None:
    assert weather.observe(date(2012, 1, 2))[1:] == (10.9, 10.6, 2.8, 4.5, "rain")


def test_the_irises_are_fishers(database_url: str) -> None:
    demo.load("iris", database_url, UNTIL)

    assert query(database_url, "SELECT * FROM iris WHERE id = 1") == [
        (1, 5.1, 3.5, 1.4, 0.2, "setosa")
    ]
    assert query(
        database_url, "SELECT species, count(*) FROM iris GROUP BY species ORDER BY species"
    ) == [("setosa", 50), ("versicolor", 50), ("virginica", 50)]


def test_a_fed_iris_depends_on_its_id_alone() -> None:
    assert iris.grow(151) == iris.grow(151)
    assert iris.grow(151) != iris.grow(152)
    assert all(size > 0 for number in range(151, 400) for size in iris.grow(number)[:4])
