"""Rows in chunks that can be scored: what may be asked, with the rows that features look back at.

Usage::

    for chunk in Chunks(dossier.inputs, raw, interval):
        engine.frame(chunk.frame, chunk.wanted)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from evergreen.data.streams import row_groups
from evergreen.dossier import Inputs
from evergreen.errors import DataRefused
from evergreen.learning.models import Array
from evergreen.scoring.admission import Admission, needed, times
from evergreen.scoring.raw import Raw, ScoringInterval

CHUNK = 50_000
"""Rows that are scored at once."""
TAINTED = "a row that its features look back at was refused"
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Chunk:
    """Rows to predict, with the rows before them."""

    frame: pd.DataFrame
    """n raw rows with the types of training, in time order where features look back."""
    wanted: Array
    """Places of the m rows to predict."""
    rows: pa.Table
    """These m rows: the key and the raw columns, as they were read."""


@dataclass
class Chunks:
    """The chunks of raw rows, and what became of the rows on the way."""

    inputs: Inputs
    raw: Raw
    interval: ScoringInterval | None
    """Which rows are predicted, where features look back; None: all."""
    admission: Admission = field(init=False)
    rows: int = 0
    """Rows that were to be predicted, the refused ones among them."""
    first: datetime | None = None
    """Where features look back, the time of the first row that was read."""
    target: datetime | None = None
    """And of the first that was to be predicted."""

    def __post_init__(self) -> None:
        self.admission = Admission(self.inputs, self.raw.schema)

    def __iter__(self) -> Iterator[Chunk]:
        names = needed(self.inputs)
        schema = pa.schema([self.raw.schema.field(name) for name in names])
        tables = row_groups((batch.select(names) for batch in self.raw.batches), schema, CHUNK)
        chunks = self._with_history(tables) if self.inputs.looks_back else self._alone(tables)
        yield from (chunk for chunk in chunks if len(chunk.wanted))

    def _alone(self, tables: Iterator[pa.Table]) -> Iterator[Chunk]:
        for table in tables:
            self.rows += len(table)
            fit = self.admission.admit(table, np.ones(len(table), dtype=bool))
            rows = table.filter(pa.array(fit))
            yield Chunk(self.admission.frame(rows), np.arange(len(rows)), rows)

    def _with_history(self, tables: Iterator[pa.Table]) -> Iterator[Chunk]:
        past = _Past(str(self.inputs.timestamp), self.inputs.lookback // MICROSECOND)
        for table in tables:
            moments = times(table[past.time])
            wanted = self._within(moments)
            fit = self.admission.admit(table, wanted)
            self._count(moments, wanted)
            past.add(table.filter(pa.array(fit)), moments[~fit])
            tainted = past.follow(moments) & fit & wanted
            self.admission.refuse(TAINTED, int(tainted.sum()))
            places = np.flatnonzero((wanted & ~tainted)[fit]) + len(past.rows) - int(fit.sum())
            frame = self.admission.frame(past.rows)
            yield Chunk(frame, places, past.rows.take(pa.array(places)))
            past.forget()

    def _within(self, moments: Array) -> Array:
        if self.interval is None:
            return np.ones(len(moments), dtype=bool)
        start, end = (_microseconds(m) for m in (self.interval.start, self.interval.end))
        within: Array = (moments >= start) & (moments < end)
        return within

    def _count(self, moments: Array, wanted: Array) -> None:
        self.rows += int(wanted.sum())
        if self.first is None and len(moments):
            self.first = _moment(moments[0])
        if self.target is None and wanted.any():
            self.target = _moment(moments[wanted][0])


class _Past:
    """The rows that features may look back at, and when one of them was refused."""

    def __init__(self, time: str, back: int) -> None:
        self.time, self._back = time, back
        """Column of the event time; microseconds that features look back."""
        self.rows: pa.Table = None
        self._bad: Array = np.empty(0, np.int64)

    def add(self, rows: pa.Table, bad: Array) -> None:
        """Take the next rows, and the times of those that were refused.

        Raises:
            DataRefused: a row is before the one above it.
        """
        self.rows = rows if self.rows is None else pa.concat_tables([self.rows, rows])
        self._bad = np.sort(np.concatenate([self._bad, bad]))
        if (np.diff(times(self.rows[self.time])) < 0).any():
            raise DataRefused([f"the rows are not in the order of {self.time}"])

    def follow(self, moments: Array) -> Array:
        """Tell which moments look back at one that was refused."""
        if not len(self._bad):
            return np.zeros(len(moments), dtype=bool)
        place = np.searchsorted(self._bad, moments, side="right") - 1
        near = moments - self._bad[np.maximum(place, 0)] <= self._back
        found: Array = (place >= 0) & near
        return found

    def forget(self) -> None:
        """Drop what the rows to come do not look back at."""
        known = times(self.rows[self.time])
        if len(known):
            since = known[-1] - self._back
            self.rows, self._bad = (
                self.rows.filter(pa.array(known >= since)).combine_chunks(),
                self._bad[self._bad >= since],
            )


def _microseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // MICROSECOND


def _moment(value: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(value))
