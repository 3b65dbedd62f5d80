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
from evergreen.learning.models import Array
from evergreen.scoring.admission import Admission, needed, times
from evergreen.scoring.past import Past
from evergreen.scoring.raw import Raw, ScoringInterval
from evergreen.serving.left_out import LeftOut, microseconds

CHUNK = 50_000
"""Rows that are scored at once."""
TAINTED = "a row that its features look back at was refused"


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
    left_out: LeftOut | None = None
    """What training has not seen: nothing looks back at it."""
    admission: Admission = field(init=False)
    rows: int = 0
    """Rows that were to be predicted, the refused ones among them."""
    first: datetime | None = None
    """Where features look back, the earliest time of the rows that were read."""
    target: datetime | None = None
    """And of those that were to be predicted."""

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
        past = Past(self.inputs, self.raw.by_entity)
        for table in map(self._seen, tables):
            moments = times(table[past.time])
            wanted = self._within(moments)
            fit = self.admission.admit(table, wanted)
            self._count(moments, wanted, fit)
            tainted = past.add(table, fit) & fit & wanted
            self.admission.refuse(TAINTED, int(tainted.sum()))
            places = np.flatnonzero((wanted & ~tainted)[fit]) + len(past.rows) - int(fit.sum())
            frame = self.admission.frame(past.rows)
            yield Chunk(frame, places, past.rows.take(pa.array(places)))
            past.forget()

    def _seen(self, table: pa.Table) -> pa.Table:
        """Return the rows to predict, and those before them that training has not left out."""
        if self.left_out is None:
            return table
        moments, key = times(table[str(self.inputs.timestamp)]), [c.name for c in self.inputs.key]
        bad = self.left_out.among(moments, lambda: table.select(key).to_pylist())
        return table.filter(pa.array(self._within(moments) | ~bad))

    def _within(self, moments: Array) -> Array:
        if self.interval is None:
            return np.ones(len(moments), dtype=bool)
        start, end = (microseconds(m) for m in (self.interval.start, self.interval.end))
        within: Array = (moments >= start) & (moments < end)
        return within

    def _count(self, moments: Array, wanted: Array, fit: Array) -> None:
        self.rows += int(wanted.sum())
        self.first = _earliest(self.first, moments[fit])
        self.target = _earliest(self.target, moments[wanted & fit])


def _earliest(known: datetime | None, moments: Array) -> datetime | None:
    if not len(moments):
        return known
    found = _moment(moments.min())
    return found if known is None else min(known, found)


def _moment(value: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(value))
