"""The rows that features may look back at, while rows to predict come by in chunks.

Usage::

    past = Past(dossier.inputs, by_entity=True)
    tainted = past.add(table, fit)          # which of its rows look back at one that was refused
    past.rows                               # what is known, these rows last
    past.forget()                           # what the rows to come do not look back at
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from evergreen.dossier import Inputs
from evergreen.errors import DataRefused
from evergreen.learning.models import Array
from evergreen.scoring.admission import times

MICROSECOND = timedelta(microseconds=1)


class Past:
    """Rows in time order, or (`by_entity`) entity by entity, each in time order."""

    def __init__(self, inputs: Inputs, by_entity: bool) -> None:
        self.time = str(inputs.timestamp)
        """Column of the event time."""
        self.rows: pa.Table = None
        self._back, self._by_entity = inputs.lookback // MICROSECOND, by_entity
        self._entities = _Entities(inputs.entity)
        self._whose: Array = np.empty(0, np.int64)
        """Of each row, the number of its entity."""
        self._last = -1
        """The entity of the row that came last, fit or not."""
        self._bad = {"whose": self._whose, "moment": self._whose}
        """The rows that were refused."""

    def add(self, table: pa.Table, fit: Array) -> Array:
        """Take the next n rows, of which some are fit, and tell which look back at one that is not.

        Raises:
            DataRefused: a row is before the one above it.
        """
        whose, moments = self._entities.numbers(table), times(table[self.time])
        self._last = whose[-1] if len(whose) else self._last
        rows = table.filter(pa.array(fit))
        self.rows = rows if self.rows is None else pa.concat_tables([self.rows, rows])
        self._whose = np.concatenate([self._whose, whose[fit]])
        self._bad = {
            "whose": np.concatenate([self._bad["whose"], whose[~fit]]),
            "moment": np.concatenate([self._bad["moment"], moments[~fit]]),
        }
        self._check_order()
        return self._follow(whose, moments)

    def forget(self) -> None:
        """Drop what the rows to come do not look back at."""
        known, moments = times(self.rows[self.time]), self._bad["moment"]
        keep, bad = np.ones(len(known), dtype=bool), np.ones(len(moments), dtype=bool)
        if self._by_entity:
            keep, bad = self._whose == self._last, self._bad["whose"] == self._last
        if keep.any():
            since = known[keep][-1] - self._back
            keep, bad = keep & (known >= since), bad & (moments >= since)
        self.rows, self._whose = (
            self.rows.filter(pa.array(keep)).combine_chunks(),
            self._whose[keep],
        )
        self._bad = {name: values[bad] for name, values in self._bad.items()}

    def _check_order(self) -> None:
        backwards = np.diff(times(self.rows[self.time])) < 0
        if self._by_entity:
            backwards &= np.diff(self._whose) == 0
        if backwards.any():
            raise DataRefused([f"the rows are not in the order of {self.time}"])

    def _follow(self, whose: Array, moments: Array) -> Array:
        """Tell which of n rows look back at one that was refused, of their own entity."""
        found = np.zeros(len(moments), dtype=bool)
        for one in np.unique(self._bad["whose"]):
            own = whose == one
            bad = np.sort(self._bad["moment"][self._bad["whose"] == one])
            place = np.searchsorted(bad, moments[own], side="right") - 1
            near = moments[own] - bad[np.maximum(place, 0)] <= self._back
            found[own] = (place >= 0) & near
        return found


class _Entities:
    """Numbers for entities, the same in every chunk."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._known: dict[tuple[Any, ...], int] = {}

    def numbers(self, table: pa.Table) -> Array:
        """Return the number of each row's entity; without entities all are one."""
        if not self._names:
            return np.zeros(len(table), dtype=np.int64)
        rows = table.select(self._names).to_pandas()
        codes = rows.groupby(self._names, sort=False, dropna=False).ngroup().to_numpy()
        first = np.unique(codes, return_index=True)[1]
        named = [tuple(map(_plain, row)) for row in rows.iloc[first].itertuples(index=False)]
        numbers = [self._known.setdefault(name, len(self._known)) for name in named]
        found: Array = np.array(numbers, dtype=np.int64)[codes]
        return found


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value
