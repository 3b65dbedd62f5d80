"""Into which chunks the rows of a snapshot are cut: by calendar, or by hashed key without time.

Usage::

    [(chunk.name, chunk.rows) for chunk in calendar(parts)]    # [("2024", 366), ("2025-01", …), …]
    [(chunk.name, chunk.rows) for chunk in hashed(parts)]      # [("00/16", 6240), ("01/16", …), …]

A *part* is what PostgreSQL counts and sums up: the rows of a day (UTC), or of one of 256 hashes of
the key. The chunks are made of parts, by these rules, which look at nothing but the counts: the
same rows lie in the same chunks, whatever the order in which they came.

    a year          one chunk, if it holds at most SMALL rows; else a chunk for each month
    a month         one chunk, if it holds at most SMALL rows or is older than the newest two;
                    else a chunk for each day
    no event time   one chunk, at the end
    hashes          as few chunks as hold at most SMALL rows each, on average: 1, 2, 4 … 256

So one more day costs one more day, or a small chunk; a month is written once more when it has not
been among the newest two any longer; and a late correction costs its month. Over n years there are
at most 12 n + 62 chunks.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

SMALL = 10_000
"""A chunk of so many rows is not worth being cut further."""
UNDATED = 2**31 - 1
"""The number of the part of rows without an event time, after all days."""
HASHES = 256


@dataclass(frozen=True)
class Part:
    """What PostgreSQL tells of a day (since 1970-01-01) or of a hash."""

    number: int
    rows: int
    checksum: str
    """Of the rows as they would be stored, in whatever order."""


@dataclass(frozen=True)
class Planned:
    """A chunk: its rows are those of its parts."""

    name: str
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(part.rows for part in self.parts)

    @property
    def numbers(self) -> tuple[int, int]:
        """The numbers of its first and of its last part."""
        return self.parts[0].number, self.parts[-1].number

    def key(self, *context: object) -> str:
        """Name its content, by its parts and by all else that shapes its bytes."""
        parts = [(part.number, part.rows, part.checksum) for part in self.parts]
        return key(parts, *context)


def key(*context: object) -> str:
    """Return 32 hexadecimal digits that name what something was made from, as JSON tells it."""
    return hashlib.sha256(json.dumps(context).encode()).hexdigest()[:32]


def calendar(parts: Iterable[Part]) -> list[Planned]:
    """Cut days into chunks, in the order of time."""
    ordered = sorted(parts, key=lambda part: part.number)
    dated = [part for part in ordered if part.number != UNDATED]
    undated = tuple(part for part in ordered if part.number == UNDATED)
    newest = _month(dated[-1]) if dated else 0
    chunks = [
        chunk
        for year, days in groupby(dated, _year)
        for chunk in _of_year(year, tuple(days), newest)
    ]
    return [*chunks, *([Planned("undated", undated)] if undated else [])]


def hashed(parts: Iterable[Part]) -> list[Planned]:
    """Cut hashes of keys into chunks."""
    ordered = sorted(parts, key=lambda part: part.number)
    bits = width(sum(part.rows for part in ordered))
    return [
        Planned(f"{number:02x}/{HASHES >> bits}", tuple(some))
        for number, some in groupby(ordered, lambda part: part.number >> bits)
    ]


def width(rows: int) -> int:
    """Return how many bits of the hash lie within a chunk: 8 if there is one, 0 if 256."""
    return next((bits for bits in range(8, 0, -1) if rows * 2**bits <= SMALL * HASHES), 0)


def _of_year(year: int, days: Sequence[Part], newest: int) -> list[Planned]:
    if _rows(days) <= SMALL:
        return [Planned(f"{year:04d}", tuple(days))]
    return [
        chunk
        for month, some in groupby(days, _month)
        for chunk in _of_month(month, tuple(some), newest)
    ]


def _of_month(month: int, days: Sequence[Part], newest: int) -> list[Planned]:
    if _rows(days) <= SMALL or month < newest - 1:
        return [Planned(str(np.datetime64(month, "M")), tuple(days))]
    return [Planned(str(np.datetime64(day.number, "D")), (day,)) for day in days]


def _rows(parts: Iterable[Part]) -> int:
    return sum(part.rows for part in parts)


def _month(part: Part) -> int:
    return int(np.datetime64(part.number, "D").astype("datetime64[M]").astype(int))


def _year(part: Part) -> int:
    return 1970 + _month(part) // 12
