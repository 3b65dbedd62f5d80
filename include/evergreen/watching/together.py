"""Which two columns go apart only together: each by itself is as ever, their correlation is not.

    scores = Scores.of(reference.frame, kinds, order)       # what of each column is looked at
    before, now = (scores.among(frame) for frame in (reference, window))
    apart(correlations(totals(before)), correlations(totals(now)))      # per pair, 0 to 1

A number has two scores: its rank among the reference's, and how far that lies from the middle; a
category has one for each value that is common. Two columns are as far apart as the furthest of
their scores' correlations: half of the difference, 0 to 1. Margins are no part of it, as a window
and its reference have ranks of their own (windows of the past those of all history, and their own
means and deviations, so that they lie a little further); a missing value counts as an average one.

This sees what a classifier of window and reference would have to learn first, and more of it in
less time: see `benchmarks/together.py`. What three columns do only together it does not see.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import norm

from evergreen.refs import Ref
from evergreen.watching.bases import Array
from evergreen.watching.drift import NUMERIC

TOGETHER = "how columns go together"
"""The name of all pairs among what is compared."""
MOST_SCORES = 40
"""Of the columns that matter most."""
COMMON, MOST_VALUES = 0.05, 4
"""A value of a category is looked at if this share of the rows has it; so many at most."""
KNOTS = 201
TOLD_SHARE = 0.5
"""So many windows of the past must tell of a pair."""
LEAST_SPREAD = 0.005
LEAST_ROWS = 5
"""Fewer rows have no correlation worth the name."""


@dataclass(frozen=True)
class Score:
    """What of a column is looked at."""

    column: str
    told: str
    """In words, such as `age` or `city = Wien`."""
    knots: Array | None = None
    """Quantiles of the reference; None: a category."""
    middle: bool = False
    """Not the rank, but how far it lies from the middle."""
    value: str = ""
    """Of a category."""

    def of(self, values: "pd.Series[Any]") -> Array:
        """Return the score of each value, (n,); NaN: there is none."""
        if self.knots is None:
            return np.where(values.isna(), np.nan, (values == self.value).to_numpy(dtype=float))
        numbers = values.to_numpy(dtype=float)
        below, upto = (np.searchsorted(self.knots, numbers, side) for side in ("left", "right"))
        rank = np.where(np.isnan(numbers), np.nan, (below + upto) / len(self.knots) - 1)
        return np.abs(rank) if self.middle else rank


@dataclass(frozen=True)
class Scores:
    """The scores whose pairs are looked at."""

    found: tuple[Score, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame, kinds: Mapping[str, str], order: Sequence[str]) -> Self:
        """Choose the scores of columns, by a sample of the reference.

        Args:
            frame: the sample.
            kinds: NUMERIC or CATEGORICAL of each column that may be compared.
            order: the columns, those first that matter most.
        """
        found: list[Score] = []
        for name in order:
            known = frame[name].dropna() if name in kinds else frame.iloc[:0, 0]
            more = _numeric(name, known) if kinds.get(name) == NUMERIC else _values(name, known)
            if len(found) + len(more) <= MOST_SCORES:
                found += more
        return cls(tuple(found))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are looked at."""
        return tuple(dict.fromkeys(score.column for score in self.found))

    @cached_property
    def pairs(self) -> tuple[Array, Array]:
        """Positions of the scores of each pair, (pairs,) each: of different columns."""
        first, second = np.triu_indices(len(self.found), 1)
        names = np.array([score.column for score in self.found])
        apart = names[first] != names[second] if len(names) else np.array([], dtype=bool)
        return first[apart], second[apart]

    def among(self, values: pd.DataFrame) -> Array:
        """Return the scores of n rows with ranks among themselves, so that no margin tells."""
        found = [
            score if score.knots is None else replace(score, knots=_knots(values[score.column]))
            for score in self.found
        ]
        return Scores(tuple(found)).rows(values)

    def rows(self, values: Mapping[str, "pd.Series[Any]"] | pd.DataFrame) -> Array:
        """Return the scores of n rows, (n, scores); a missing value has the average."""
        table = np.column_stack([score.of(values[score.column]) for score in self.found])
        known = np.isfinite(table)
        sums = np.where(known, table, 0.0).sum(axis=0)
        average = sums / np.maximum(known.sum(axis=0), 1)
        return np.where(known, table, average)


def _numeric(name: str, known: "pd.Series[Any]") -> list[Score]:
    if known.nunique() < 2:
        return []
    knots = _knots(known)
    ranks = Score(name, name, knots)
    return [ranks, Score(name, f"how far {name} lies from its middle", knots, middle=True)]


def _knots(values: "pd.Series[Any]") -> Array:
    known = values.dropna().to_numpy(dtype=float)
    return np.quantile(known, np.linspace(0, 1, KNOTS)) if len(known) else np.zeros(KNOTS)


def _values(name: str, known: "pd.Series[Any]") -> list[Score]:
    shares = known.value_counts(normalize=True)
    common = shares[(shares >= COMMON) & (shares <= 1 - COMMON)].index[:MOST_VALUES]
    told = common[:1] if len(shares) == 2 else common
    return [Score(name, f"{name} = {value}", value=str(value)) for value in told]


def totals(rows: Array, block: Array | None = None, blocks: int = 1) -> Array:
    """Return what correlations are made of, summed up by block.

    Args:
        rows: scores, (n, s).
        block: of each row, (n,); None: all are of one.
        blocks: how many there are.

    Returns:
        (blocks, 1 + s + s (s + 1) / 2): rows, sums of scores, sums of their products.
    """
    if block is None:
        block = np.zeros(len(rows), dtype=int)
    places = sparse.csr_array(
        (np.ones(len(rows)), (block, np.arange(len(rows)))), shape=(blocks, len(rows))
    )
    parts = [places @ np.ones((len(rows), 1)), places @ rows]
    parts += [places @ (rows[:, i : i + 1] * rows[:, i:]) for i in range(rows.shape[1])]
    return np.hstack(parts)


def correlations(sums: Array, scores: Scores) -> Array:
    """Return the correlation of each pair from totals, (…, pairs); NaN: one does not vary."""
    s = len(scores.found)
    count = sums[..., :1]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[..., 1 : s + 1] / count
        first, second = scores.pairs
        place = np.zeros((s, s), dtype=int)
        place[np.triu_indices(s)] = s + 1 + np.arange(s * (s + 1) // 2)
        squares = sums[..., np.diag(place)] / count - means**2
        products = sums[..., place[first, second]] / count
        spread = np.sqrt(np.where(squares > 1e-9, squares, np.nan))
        found = (products - means[..., first] * means[..., second]) / (
            spread[..., first] * spread[..., second]
        )
    return np.where(count >= LEAST_ROWS, np.clip(found, -1, 1), np.nan)


def apart(before: Array, now: Array) -> Array:
    """Return the distance of correlations: half of their difference, 0 to 1."""
    return np.asarray(np.abs(now - before) / 2)


def critical(before: Array, now: Array, scores: Scores, alpha: float) -> Array:
    """Return the distance of each pair that any of independent rows exceeds with a chance of alpha.

    The variance of a correlation r of standardised x and y is that of x y − r (x² + y²) / 2, over
    n (Hampel, JASA 69, 1974, for its influence function): that of both samples, as if nothing had
    changed, since few rows that lie far off seem to scatter little. Alpha is shared between pairs.

    Args:
        before: scores of m rows, (m, s).
        now: of n rows, (n, s).
        scores: what they are.
        alpha: for all pairs together.
    """
    pairs, sizes = max(len(scores.pairs[0]), 1), (len(before), len(now))
    each = np.average([_variance(rows, scores) for rows in (before, now)], axis=0, weights=sizes)
    variance = each / sizes[0] + each / sizes[1]
    return np.asarray(norm.isf(alpha / pairs / 2) * np.sqrt(variance) / 2)


@dataclass(frozen=True, kw_only=True)
class UsualPairs(Ref):
    """How far pairs usually are apart: the distance of each is (distance − middle) / spread."""

    middle: tuple[float | None, ...] = ()
    """Median over windows of the past; None: too few of them could tell."""
    spread: tuple[float, ...] = ()

    @classmethod
    def of(cls, distances: Mapping[str, Array]) -> Self:
        """Learn it of the distances of blocks, (blocks, pairs), by the basis that lies nearest."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of pairs that no block could tell
            table = min(distances.values(), key=_usual_distance)
            middle, high = np.nanmedian(table, axis=0), np.nanquantile(table, 0.9, axis=0)
        told = np.isfinite(table).mean(axis=0) >= TOLD_SHARE
        spread = np.maximum(np.nan_to_num(high - middle), LEAST_SPREAD)
        return cls(middle=plain(np.where(told, middle, np.nan)), spread=tuple(spread.tolist()))

    def furthest(self, table: Array) -> Array:
        """Return how far the furthest pair of each block lies from its middle, in spreads."""
        far = (table - np.array(self.middle, dtype=float)) / np.array(self.spread)
        known = np.isfinite(far)
        worst = np.where(known, far, -np.inf).max(axis=1, initial=-np.inf)
        return np.where(known.any(axis=1), worst, np.nan)

    def limits(self, largest: float) -> Array:
        """Return the distance of each pair that lies so many spreads from its middle; NaN: none."""
        middle = np.array(self.middle, dtype=float)
        return np.asarray(middle + largest * np.array(self.spread))


def _usual_distance(table: Array) -> float:
    """Return the median distance; infinite: too few windows of the past could tell of any pair."""
    finite = np.isfinite(table)
    enough = len(table) and finite.any(axis=1).mean() >= TOLD_SHARE
    return float(np.median(table[finite])) if enough else np.inf


def plain(values: Array) -> tuple[float | None, ...]:
    """Return figures for JSON, rounded; NaN is None."""
    return tuple(None if np.isnan(v) else round(float(v), 5) for v in values)


def _variance(rows: Array, scores: Scores) -> Array:
    first, second = scores.pairs
    centred = rows - rows.mean(axis=0)
    x = centred / np.maximum(centred.std(axis=0), 1e-9)
    n, square = len(x), x**2
    r, both = (x.T @ x / n)[first, second], (square.T @ square / n)[first, second]
    crossed = ((square * x).T @ x / n)[first, second] + (x.T @ (square * x) / n)[first, second]
    fourth = (square**2).mean(axis=0)
    spread = both - r * crossed + r**2 / 4 * (fourth[first] + 2 * both + fourth[second])
    return np.asarray(np.maximum(spread, 0.0))
