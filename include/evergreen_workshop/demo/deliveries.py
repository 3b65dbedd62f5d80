"""How days come into a demo table: on time, late, in part, twice, with corrections or not at all.

Usage::

    deliver(weather, "weather", url, yesterday)                              # what is missing
    deliver(weather, "weather", url, yesterday, Way.LATE, days=2)            # two days less
    feed(weather, "weather", url, days=3)                                    # three more days

A delivery brings every row that the table lacks of its newest fortnight and of the days after it,
so that what came late or in part is made up by the next one. The same delivery twice changes
nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Protocol

from psycopg2.extensions import cursor
from psycopg2.extras import execute_values

from evergreen.errors import DeclarationError, did_you_mean
from evergreen_workshop.demo.tables import appending

FORTNIGHT = timedelta(days=14)
CORRECTED = 3
"""Days that a correction is about: those before the newest one."""
Row = tuple[Any, ...]


class Way(StrEnum):
    """How a delivery comes."""

    ON_TIME = "on_time"
    LATE = "late"
    """The newest days do not come yet."""
    PARTIAL = "partial"
    """Of the newest day the first half comes."""
    TWICE = "twice"
    """What came is delivered again."""
    CORRECTED = "corrected"
    """The days before the newest come again, with other values."""
    NOT_AT_ALL = "not_at_all"


class Days(Protocol):
    """A demo table whose rows have days."""

    KEY: str
    """Its key, as `ticker, date`."""
    DAY: str
    """SQL of a row's day."""
    CORRECTION: tuple[str, str]
    """A column, and SQL of its corrected value; that of a corrected value is itself."""

    @staticmethod
    def of_day(statement: cursor, day: date) -> Sequence[Row]:
        """Return every row of a day, in the order in which they come."""


@dataclass(frozen=True)
class Delivered:
    """What a delivery changed."""

    table: str
    rows: int
    """Rows that are new."""
    corrected: int = 0

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        changed = f", {self.corrected:,} corrected" if self.corrected else ""
        return f"{self.table}: {self.rows:,} rows{changed}"


def parse(way: str) -> Way:
    """Return the way of that name.

    Raises:
        DeclarationError: there is none.
    """
    if way not in set(Way):
        raise DeclarationError("--how", way, ", ".join(Way) + did_you_mean(way, map(str, Way)))
    return Way(way)


def deliver(
    table: Days, name: str, url: str, until: date, how: Way = Way.ON_TIME, days: int = 1
) -> Delivered:
    """Bring what is missing up to the day `until`; `days` says how many of them are late.

    Raises:
        EvergreenError: the table has not been loaded.
    """
    return _deliver(table, name, url, lambda _: until, how, days)


def feed(table: Days, name: str, url: str, days: int, how: Way = Way.ON_TIME) -> Delivered:
    """Bring that many days after the newest one.

    Raises:
        EvergreenError: the table has not been loaded.
    """
    return _deliver(table, name, url, lambda newest: newest + timedelta(days=days), how, 1)


def _deliver(
    table: Days, name: str, url: str, last: Callable[[date], date], how: Way, days: int
) -> Delivered:
    with appending(url, name, f"max({table.DAY})") as (statement, newest):
        until = last(newest) - timedelta(days=days if how is Way.LATE else 0)
        if how is Way.NOT_AT_ALL:
            return Delivered(name, 0)
        rows = _bring(statement, table, name, newest, until, how)
        if how is Way.TWICE:
            rows += _bring(statement, table, name, newest, until, how)
        corrected = _correct(statement, table, name, until) if how is Way.CORRECTED else 0
        return Delivered(name, rows, corrected)


def _bring(statement: cursor, table: Days, name: str, newest: date, until: date, how: Way) -> int:
    """Insert what is missing, day by day: a day's rows may be numbered after those before."""
    first, new = newest - FORTNIGHT, 0
    for ahead in range((until - first).days + 1):
        day = first + timedelta(days=ahead)
        rows = table.of_day(statement, day)
        if how is Way.PARTIAL and day == until:
            rows = rows[: len(rows) // 2]
        new += _insert(statement, table, name, rows)
    return new


def _insert(statement: cursor, table: Days, name: str, rows: Sequence[Row]) -> int:
    if not rows:
        return 0
    new = f"INSERT INTO {name} VALUES %s ON CONFLICT ({table.KEY}) DO NOTHING"
    execute_values(statement, new, rows, page_size=len(rows))
    return int(statement.rowcount)


def _correct(statement: cursor, table: Days, name: str, until: date) -> int:
    column, value = table.CORRECTION
    statement.execute(
        f"UPDATE {name} SET {column} = {value} WHERE {table.DAY} >= %s AND {table.DAY} < %s"
        f" AND {column} IS DISTINCT FROM {value}",
        (until - timedelta(days=CORRECTED), until),
    )
    return int(statement.rowcount)
