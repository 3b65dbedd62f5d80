"""How far windows of the past lay from what came before them: what "normal" means here.

    measured = measure({"wind": coded(times, values, NUMERIC)}, length=WEEK, gap=2 * DAY)
    limits = measured.limits(start, times, ["wind"], alpha=0.02)   # or None: history is too short
    limits.largest["wind"], limits.bases["wind"].name, limits.enough

History is cut into blocks as long as the window. Each is held against the other rows, by every
`bases.Basis`, without those as near to it as the window is to the newest row that was learned from.

The limit of a column is m + q s: m the median of its distances, s their spread above it, and q the
one number that, among blocks of the season, at most a share alpha has any column beyond. So the
rate holds for all columns at once, however they go together: the maximum of studentised statistics
(Westfall & Young, Resampling-Based Multiple Testing, 1993, ch. 2). q is the ⌈(1 − alpha)(n + 1)⌉-th
smallest of the n blocks' maxima, which a further block of the same kind exceeds with a chance of at
most alpha, whatever their distribution (Vovk, Gammerman & Shafer, Algorithmic Learning in a Random
World, 2005, ch. 2). It takes n ≥ 1/alpha − 1 blocks. Where the season has
fewer, all blocks are taken, and no limit is below what the season's own have reached; with fewer
than `LEAST_BLOCKS` of the season that is not `enough`. Of many blocks, `MOST` are taken.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from evergreen.refs import Ref
from evergreen.watching import bases, together
from evergreen.watching.bases import DAY, YEAR, Array, Basis
from evergreen.watching.distances import gaps_of_counts, half_w
from evergreen.watching.drift import NUMERIC
from evergreen.watching.together import LEAST_SPREAD, TOGETHER, Scores, UsualPairs, plain

BINS, CATEGORIES = 200, 20
MOST, AT_ONCE = 800, 200
LEAST_ROWS, LEAST_BLOCKS = 20, 10
QUARTER = 45 * DAY
"""Blocks of the same season: so much before and after that day of the year."""
SMALL_EXPECTED = 5


@dataclass(frozen=True)
class Coded:
    """A column of history: a bin or category for each row that has a value."""

    times: Array
    codes: Array
    size: int
    """How many bins or categories there are."""
    kind: str

    def counts(self, starts: Array, length: float) -> Array:
        """Count the codes in each block, (blocks, size)."""
        block, within = _placed(self.times, starts, length)
        cells = block[within] * self.size + self.codes[within]
        found = np.bincount(cells, minlength=len(starts) * self.size)
        return found.reshape(len(starts), self.size).astype(float)

    def distances(self, blocks: Array, others: Array) -> Array:
        """Return how far blocks lie from others, (k,); NaN: too few rows to tell."""
        distance = gaps_of_counts if self.kind == NUMERIC else half_w
        with np.errstate(invalid="ignore"):
            found = distance(blocks, blocks + others)
        few = (others.sum(axis=1) < LEAST_ROWS) | (blocks.sum(axis=1) == 0)
        return np.where(few, np.nan, found)


def coded(times: Array, values: "pd.Series[Any]", kind: str, rows: float) -> Coded:
    """Code a column; `rows`: of a window, which shall expect some of each category.

    Numbers fall into bins of equally many rows, so that their largest gap is told to 1 / `BINS`.
    """
    known = values.notna().to_numpy()
    values, times = values[known], times[known]
    if kind == NUMERIC:
        numbers = values.to_numpy(dtype=float)
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(numbers, inner, method="inverted_cdf"))
        return Coded(times, np.searchsorted(edges, numbers), len(edges) + 1, kind)
    shares = values.value_counts(normalize=True)
    often = shares[shares * rows >= SMALL_EXPECTED].index[:CATEGORIES]
    often = often if len(often) else shares.index[:1]
    codes = pd.Index(often).get_indexer(values)
    return Coded(times, np.where(codes < 0, len(often), codes), len(often) + 1, kind)


@dataclass(frozen=True)
class Limits:
    """What is usual for a window."""

    bases: dict[str, Basis]
    """What each column is held against."""
    largest: dict[str, float]
    """The distance beyond which it is unusual."""
    blocks: int
    """How many windows of the past the limits rest on."""
    needed: int
    """How many the rate of false alarms asks for."""
    of_season: int
    """How many of them are of the window's season."""
    confidence: tuple[float, float] | None = None
    """Mean and standard deviation of the blocks' mean top probability."""

    @property
    def enough(self) -> bool:
        """Tell whether they are many enough, and the season is among them."""
        return self.blocks >= self.needed and self.of_season >= LEAST_BLOCKS


@dataclass(frozen=True, kw_only=True)
class Calibration(Ref):
    """The distances of windows of the past."""

    length: float
    """Seconds."""
    gap: float
    rows: float
    """Median rows of a block."""
    starts: tuple[float, ...]
    distances: dict[str, dict[str, tuple[float | None, ...]]]
    """Column → basis → distance of each block; None: there was too little before it."""
    confidence: tuple[float | None, ...] = ()
    """Mean top probability in each block."""
    pairs: UsualPairs = UsualPairs()  # noqa: RUF009
    """What `TOGETHER` among the distances is measured by."""

    def limits(
        self,
        start: float,
        times: Array,
        names: Sequence[str],
        alpha: float,
        known: Mapping[str, Array] | None = None,
    ) -> Limits | None:
        """Return the limits of a window that begins at `start`; None: history is too short.

        Args:
            start: of the window.
            times: moments of the rows that it is held against.
            names: the columns that are compared.
            alpha: chance that any of them is called drifted although nothing changed.
            known: of a column that not every row has a value of, the moments of those that do.
        """
        seen = known or {}
        chosen = {name: self._nearest(name, start, seen.get(name, times)) for name in names}
        if not names or any(basis is None for basis in chosen.values()):
            return None
        found = {name: basis for name, basis in chosen.items() if basis}
        rows = [self.distances[name][basis.name] for name, basis in found.items()]
        table = np.array(rows, dtype=float)
        told, season = np.isfinite(table).all(axis=0), self._season(start)
        needed = math.ceil(1 / alpha) - 1
        like = int((told & season).sum())
        used = told & season if like >= needed else told
        if used.sum() < LEAST_BLOCKS:
            return None
        limits = _largest(table[:, used], alpha, season[used])
        return Limits(
            bases=found,
            largest=dict(zip(names, limits, strict=True)),
            blocks=int(used.sum()),
            needed=needed,
            of_season=like,
            confidence=self._sureness(used),
        )

    def _nearest(self, name: str, start: float, times: Array) -> Basis | None:
        """Return the basis that blocks lay nearest to, of those that there is for this window."""
        found: dict[float, Basis] = {}
        for basis in bases.of(self.length):
            there = np.array(self.distances.get(name, {}).get(basis.name, ()), dtype=float)
            known = there[np.isfinite(there)]
            now = basis.near(times, start, self.length).sum()
            if len(known) >= max(LEAST_BLOCKS, len(there) / 2) and now >= LEAST_ROWS:
                found.setdefault(float(np.median(known)), basis)
        return found[min(found)] if found else None

    def _season(self, start: float) -> Array:
        off = np.abs((np.array(self.starts) - start + YEAR / 2) % YEAR - YEAR / 2)
        return np.asarray(off <= QUARTER)

    def _sureness(self, used: Array) -> tuple[float, float] | None:
        if not self.confidence:
            return None
        sure = np.array(self.confidence, dtype=float)[used]
        sure = sure[np.isfinite(sure)]
        return (float(sure.mean()), float(sure.std(ddof=1))) if len(sure) > 1 else None


def measure(
    columns: Mapping[str, Coded], times: Array, length: float, gap: float,
    sure: tuple[Array, Array] | None = None, pairs: tuple[Scores, Array] | None = None,
) -> Calibration:  # fmt: skip
    """Measure the distances of windows of the past, in one pass over the rows.

    Args:
        columns: what is compared, each with the moments of its rows.
        times: moments of all rows.
        length: of a window, in seconds.
        gap: between the newest row that was learned from and the window.
        sure: moments and top probabilities of the champion's answers.
        pairs: what of all rows is looked at for how columns go together, and their scores.
    """
    numbers, rows = np.unique(times // length, return_counts=True)
    starts, usual_rows = numbers * length, float(np.median(rows))
    judged = np.flatnonzero(rows >= usual_rows / 2)
    judged = judged[np.unique(np.linspace(0, len(judged) - 1, MOST).round().astype(int))]
    counts = {name: column.counts(starts, length) for name, column in columns.items()}
    found: dict[str, dict[str, tuple[float | None, ...]]] = {name: {} for name in columns}
    sums = _sums(pairs[1], times, starts, length) if pairs else None
    tables: dict[str, Array] = {}
    for basis in bases.of(length):
        others = _chosen(basis, starts, judged, length, gap)
        for name, column in columns.items():
            apart = column.distances(counts[name][judged], others @ counts[name])
            found[name][basis.name] = plain(apart)
        if pairs and sums is not None:
            tables[basis.name] = _apart(pairs[0], sums[judged], _of_others(others, sums))
    usual = UsualPairs.of(tables) if tables else UsualPairs()
    if tables:
        found[TOGETHER] = {name: plain(usual.furthest(table)) for name, table in tables.items()}
    confidence = plain(_means(*sure, starts, length)[judged]) if sure else ()
    return Calibration(
        length=length, gap=gap, rows=usual_rows, starts=tuple(starts[judged].tolist()),
        distances=found, confidence=confidence, pairs=usual,
    )  # fmt: skip


def _sums(rows: Array, times: Array, starts: Array, length: float) -> Array:
    """Sum up what correlations are made of, in each block."""
    block, within = _placed(times, starts, length)
    return together.totals(rows[within], block[within], len(starts))


def _of_others(others: Any, sums: Array) -> Array:
    """Return the sums of what each block is held against; most of all: all but the rest."""
    if others.nnz <= others.shape[0] * others.shape[1] / 2:
        return np.asarray(others @ sums)
    rest = sparse.csr_array(1.0 - others.toarray())
    return np.asarray(sums.sum(axis=0) - rest @ sums)


def _apart(scores: Scores, blocks: Array, others: Array) -> Array:
    """Return how far the pairs of blocks lie from those of others, (k, pairs)."""
    before, now = (together.correlations(each, scores) for each in (others, blocks))
    far = together.apart(before, now)
    return np.where(others[:, :1] < LEAST_ROWS, np.nan, far)


def _chosen(basis: Basis, starts: Array, judged: Array, length: float, gap: float) -> Any:
    """Return which blocks, by their middle, each judged one is held against, (judged, blocks)."""
    middle = starts[None] + length / 2
    parts = [
        sparse.csr_array(basis.near(middle, starts[some, None], length, gap).astype(float))
        for some in np.array_split(judged, max(len(judged) // AT_ONCE, 1))
    ]
    return sparse.vstack(parts, format="csr")


def _placed(times: Array, starts: Array, length: float) -> tuple[Array, Array]:
    """Return the block of each moment, and whether there is one."""
    block = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, None)
    after = times - starts[block]
    return block, (after >= 0) & (after < length)


def _largest(table: Array, alpha: float, season: Array) -> list[float]:
    """Return the simultaneous limits of columns, by their distances in blocks, (columns, n).

    Where blocks of other seasons are among them, none that is of the `season`, (n,), lies beyond.
    """
    middle = np.median(table, axis=1)
    spread = np.maximum(np.quantile(table, 0.9, axis=1) - middle, LEAST_SPREAD)
    worst = ((table - middle[:, None]) / spread[:, None]).max(axis=0)
    rank = min(math.ceil((1 - alpha) * (len(worst) + 1)), len(worst))
    beyond = np.sort(worst)[rank - 1]
    if not season.all():
        beyond = worst[season].max(initial=beyond)
    found: list[float] = (middle + beyond * spread).tolist()
    return found


def _means(times: Array, values: Array, starts: Array, length: float) -> Array:
    block, within = _placed(times, starts, length)
    rows = np.bincount(block[within], minlength=len(starts))
    sums = np.bincount(block[within], values[within], minlength=len(starts))
    return np.asarray(sums / np.where(rows > 0, rows, np.nan))
