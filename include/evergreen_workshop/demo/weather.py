"""Seattle's daily weather, 2012 to 2015 (NOAA, packaged by vega_datasets), going on for ever.

A day of any year takes the weather of the same month and day of `2012 + year % 4`: leap years fall
on 2012, so 29 February always has its own.
"""

import csv
import importlib.resources
from datetime import date, datetime, timedelta
from functools import cache

from psycopg2.extensions import cursor

from evergreen_workshop.demo.tables import fill

DAYS = 4 * 365 + 1
DDL = """
    CREATE TABLE IF NOT EXISTS weather (
        date date PRIMARY KEY,
        precipitation double precision NOT NULL,
        temp_max double precision NOT NULL,
        temp_min double precision NOT NULL,
        wind double precision NOT NULL,
        condition text NOT NULL
    )
"""
KEY, DAY, CORRECTION = "date", "date", ("temp_max", "ceil(temp_max)")
Row = tuple[date, float, float, float, float, str]


def load(url: str, until: date) -> int:
    """Fill `weather` with four years that end on the day `until`; return how many rows."""
    days = [until - timedelta(days=ago) for ago in reversed(range(DAYS))]
    return fill(url, DDL, "weather", lambda: [observe(day) for day in days])


def of_day(statement: cursor, day: date) -> list[Row]:  # noqa: ARG001 (looks at no other row)
    """Return the row of a day."""
    return [observe(day)]


def observe(day: date) -> Row:
    """Return the row of a day: mm of rain, °C, °C, m/s and the condition in a word."""
    return (day, *_history()[day.replace(year=2012 + day.year % 4)])


@cache
def _history() -> dict[date, tuple[float, float, float, float, str]]:
    file = importlib.resources.files("vega_datasets") / "_data" / "seattle-weather.csv"
    with file.open() as lines:
        return {
            datetime.strptime(row["date"], "%Y/%m/%d").date(): (
                float(row["precipitation"]),
                float(row["temp_max"]),
                float(row["temp_min"]),
                float(row["wind"]),
                row["weather"],
            )
            for row in csv.DictReader(lines)
        }
