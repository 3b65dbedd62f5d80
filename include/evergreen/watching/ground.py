"""What an estimate was learned on, and how much of a window lies elsewhere.

    ground = Ground.of(rows, kinds)         # the walk forward's
    ground.outside(window)                  # Outside(column="x0", share=0.38, usual=0.12)
    ground.matrix(rows)                     # the same rows as numbers, for a model of the error

The share is the largest gap between the distributions of any column (Kolmogorov-Smirnov; of a
category the difference of its shares): at least so many of the window's rows lie where the walk
forward had none for them. What is usual is what the walk forward's own stretches, about as long as
the window, had of it against the rows before them: how far its estimates were off is known for
those, and for nothing that lies further.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from evergreen.learning.models import Array
from evergreen.refs import Ref
from evergreen.watching.distances import numeric_threshold
from evergreen.watching.drift import NUMERIC

KNOTS = 201
MOST_VALUES = 20
ALPHA = 0.01
"""Of rows that have nothing to do with one another, no column lies further but with this chance."""


@dataclass(frozen=True, kw_only=True)
class Column(Ref):
    """How the values of a column are spread."""

    name: str
    knots: tuple[float, ...] = ()
    """Quantiles; empty: a category."""
    values: tuple[str, ...] = ()
    """The most frequent categories."""
    shares: tuple[float, ...] = ()
    """Of each."""

    @classmethod
    def of(cls, name: str, known: "pd.Series[Any]", kind: str) -> Self:
        """Learn it of values without nulls, one or more."""
        if kind == NUMERIC:
            knots = np.quantile(known.to_numpy(dtype=float), np.linspace(0, 1, KNOTS))
            return cls(name=name, knots=tuple(knots.tolist()))
        shares = known.value_counts(normalize=True)[:MOST_VALUES]
        return cls(name=name, values=tuple(shares.index), shares=tuple(shares.tolist()))

    def gap(self, values: "pd.Series[Any]") -> float:
        """Return how far values lie from it, 0 to 1; 0: there are none."""
        known = values.dropna()
        if not len(known):
            return 0.0
        if not self.knots:
            now = known.value_counts(normalize=True)
            there = now.reindex(list(self.values)).fillna(0.0).to_numpy()
            new = 1 - there.sum() - (1 - sum(self.shares))
            return float(max(np.abs(there - self.shares).max(), abs(new)))
        numbers = np.sort(known.to_numpy(dtype=float))
        gaps = [
            np.searchsorted(self.knots, numbers, side) / KNOTS
            - np.searchsorted(numbers, numbers, side) / len(numbers)
            for side in ("left", "right")
        ]
        return float(np.abs(gaps).max())

    def numbers(self, values: "pd.Series[Any]") -> Array:
        """Return values as numbers, categories by their place; NaN: missing or rare."""
        if self.knots:
            return values.to_numpy(dtype=float)
        places = pd.Index(self.values).get_indexer(pd.Index(values))
        return np.where(places < 0, np.nan, places)


@dataclass(frozen=True, kw_only=True)
class Usual(Ref):
    """How far stretches of so many rows lay from the rows before them, at most."""

    rows: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Outside(Ref):
    """How much of a window lies outside what an estimate was learned on."""

    column: str
    """In which it is most."""
    share: float
    """Of the rows, at least."""
    usual: float
    """How much of it the walk forward's own stretches had, at most."""

    @property
    def extrapolated(self) -> bool:
        """Tell whether the estimate is asked about rows that its band does not speak of."""
        return self.share > self.usual

    @property
    def sentence(self) -> str:
        """What that means, to stand inside a sentence."""
        return (
            f"extrapolated: {self.share:.0%} of the rows or more are outside what it was calibrated"
            f" on (by {self.column}; stretches of the walk forward had up to {self.usual:.0%})"
        )


@dataclass(frozen=True, kw_only=True)
class Ground(Ref):
    """The rows that an estimate was learned on, column by column."""

    rows: int = 0
    columns: tuple[Column, ...] = ()
    usual: tuple[Usual, ...] = ()

    @classmethod
    def of(cls, rows: pd.DataFrame, kinds: Mapping[str, str]) -> Self:
        """Learn it of n rows; a column without any value is left out."""
        columns = [
            Column.of(name, rows[name].dropna(), kind)
            for name, kind in kinds.items()
            if rows[name].notna().any()
        ]
        return cls(rows=len(rows), columns=tuple(columns))

    def furthest(self, rows: pd.DataFrame) -> tuple[float, str]:
        """Return the largest gap of n rows, and the column that has it."""
        gaps = [(column.gap(rows[column.name]), column.name) for column in self.columns]
        return max(gaps, default=(0.0, ""))

    def outside(self, rows: pd.DataFrame) -> Outside:
        """Tell how much of n rows lies outside."""
        share, column = self.furthest(rows)
        known = [max(each.share, self._by_chance(each.rows)) for each in self.usual]
        if not known:
            return Outside(column=column, share=share, usual=self._by_chance(len(rows)))
        sizes = [abs(math.log(each.rows / max(len(rows), 1))) for each in self.usual]
        usual = max(known[int(np.argmin(sizes))], self._by_chance(len(rows)))
        return Outside(column=column, share=share, usual=usual)

    def _by_chance(self, rows: int) -> float:
        """Return the gap that so many independent rows hardly exceed in any column."""
        each = ALPHA / max(len(self.columns), 1)
        return numeric_threshold(max(self.rows, 1), max(rows, 1), each, 0.0)

    def matrix(self, rows: pd.DataFrame) -> Array:
        """Return n rows as numbers, (n, columns)."""
        return np.column_stack([column.numbers(rows[column.name]) for column in self.columns])

    @property
    def categories(self) -> list[bool]:
        """Tell which of them are categories."""
        return [not column.knots for column in self.columns]
