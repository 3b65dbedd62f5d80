"""Daily prices of four US stocks, 2004 to 2013 (packaged by bokeh_sampledata), going on for ever.

A date takes the prices of the same weekday 780 weeks (15 years) earlier. When they are over they
begin again, at the level where they ended: returns stay real, only the joint is made up. Days
without trade have no rows, so that a day's feed may bring none. The package's fifth stock, FB, has
half a year, too little to begin again.
"""

import csv
import gzip
import importlib.resources
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

from psycopg2.extensions import cursor

from evergreen_workshop.demo.tables import fill

FIRST, CYCLE = date(2004, 8, 25), timedelta(weeks=444)
SHIFT = timedelta(weeks=780)
YEARS = 6
SHORT = "FB"
DDL = """
    CREATE TABLE IF NOT EXISTS stocks (
        ticker text NOT NULL,
        date date NOT NULL,
        open double precision NOT NULL,
        high double precision NOT NULL,
        low double precision NOT NULL,
        close double precision NOT NULL,
        adjusted double precision NOT NULL,
        volume bigint NOT NULL,
        PRIMARY KEY (ticker, date)
    )
"""
KEY, DAY = "ticker, date", "date"
CORRECTION = ("adjusted", "round(adjusted::numeric, 2)::float8")
Prices = tuple[float, float, float, float, float]
Row = tuple[str, date, float, float, float, float, float, int]


def load(url: str, until: date) -> int:
    """Fill `stocks` with six years that end on the day `until`; return how many rows."""
    days = [until - timedelta(days=ago) for ago in reversed(range(365 * YEARS))]
    return fill(url, DDL, "stocks", lambda: [row for day in days for row in observe(day)])


def of_day(statement: cursor, day: date) -> list[Row]:  # noqa: ARG001 (looks at no other row)
    """Return what a day brings: nothing at weekends."""
    return list(observe(day))


def observe(day: date) -> Iterator[Row]:
    """Yield a row per ticker: open, high, low, close and adjusted close in USD, and the volume."""
    cycles, within = divmod(day - SHIFT - FIRST, CYCLE)
    for ticker, prices, volume in _history().get(FIRST + within, ()):
        level = _growth()[ticker] ** cycles
        yield (ticker, day, *(round(price * level, 6) for price in prices), volume)  # type: ignore[misc]


@cache
def _history() -> dict[date, list[tuple[str, Prices, int]]]:
    """Read the prices of each day; only the last is adjusted for splits and dividends."""
    found: dict[date, list[tuple[str, Prices, int]]] = {}
    file = importlib.resources.files("bokeh_sampledata") / "_data" / "stocks.csv.gz"
    with file.open("rb") as packed, gzip.open(packed, "rt") as lines:
        for row in csv.DictReader(lines):
            if row["Ticker"] == SHORT:
                continue
            day = date.fromisoformat(row["Date"])
            prices = tuple(float(row[name]) for name in ("Open", "High", "Low", "Close"))
            entry = (row["Ticker"], (*prices, float(row["Adj Close"])), int(row["Volume"]))
            found.setdefault(day, []).append(entry)  # type: ignore[arg-type]
    return found


@cache
def _growth() -> dict[str, float]:
    """Return by how much a ticker's prices grew, first to last day of the cycle."""
    days = [day for day in sorted(_history()) if FIRST <= day < FIRST + CYCLE]
    rows = [(ticker, prices[-1]) for day in days for ticker, prices, _ in _history()[day]]
    first, last = dict(reversed(rows)), dict(rows)
    return {ticker: last[ticker] / first[ticker] for ticker in last}
