"""Units: what of the rows is independent, and how far a mean over them may be off.

    units = Units.of(rows["time"], rows["store"], len(rows))
    units.name                              # "day, and store"
    units.spread(values).error              # standard errors of the means of the columns

Rows of one day err together, and days follow on one another; rows of one store err together too.
Whoever takes them for independent finds differences that are none. So the error of a mean is
estimated from sums over units:

| rows have | units | error of the mean |
| --- | --- | --- |
| neither time nor group | rows | s / √n |
| a time | days (hours, or moments, if there are few days) | long-run variance by cosines |
| a group | the groups | cluster-robust |
| both | both | the sum of both less that of the cells |

Each with as many degrees of freedom as it has. Cosines: Lazarus, Lewis, Stock & Watson, JBES 36
(2018). Groups: Liang & Zeger, Biometrika 73 (1986); both: Cameron, Gelbach & Miller, JBES 29
(2011), with the days' long-run variance (Thompson, JFE 99, 2011). `benchmarks/gate.py` counts how
often the intervals hold the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.fft import dct

from evergreen.spec import UseCase

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

ENOUGH = 20
"""Days from which on days are the units; fewer: hours, then distinct moments."""
FEWEST = 8
"""Fewer moments, or fewer groups beside a time, are no sample of anything: they are not units."""
TOLD = 4
"""Units of time, of a slice, from which on how far its mean may be off is told; fewer: unknown."""
BUNDLES = 20_000
"""More independent rows are summed up in so many bundles, which are as independent."""
FLAT = 0.5
"""Cosines are used as long as the spectrum of an AR(1) like the units is above this share of its
value at 0 (of which the mean is then told by those used, and corrected for)."""
SLOWEST = 0.98
"""No more than this is taken to be left of anything a unit later."""


@dataclass(frozen=True)
class Spread:
    """How far the means of k columns may be off."""

    error: Floats
    """Standard errors, (k,)."""
    freedom: Floats
    """Degrees of freedom of each, (k,)."""
    correlation: Floats
    """Between the columns, (k, k)."""
    in_a_row: float
    """So many units in a row tell as much as one independent one; 1: units without time."""


@dataclass(frozen=True)
class Units:
    """The units of some rows."""

    rows: int
    name: str
    """In words: `row`, `day`, `store`, `day, and store`."""
    time: Array | None = None
    """The moment of each row, counted from 0 without gaps, (rows,)."""
    group: Array | None = None
    """The group of each row, counted from 0, (rows,)."""

    @classmethod
    def of(
        cls,
        times: "pd.Series[Any] | None",
        groups: "Sequence[Any] | pd.DataFrame | pd.Series[Any] | None",
        rows: int,
    ) -> "Units":
        """Find the units of the rows.

        Args:
            times: event time of each row; None: they have none.
            groups: what each row belongs to (a panel's store): values, or the columns of a key.
            rows: how many there are.
        """
        words, time, group = [], None, None
        if times is not None and rows:
            unit, time = _moments(times)
            words += [unit] * (time is not None)
        if groups is not None and rows:
            unit, group = _groups(groups, FEWEST if time is not None else 2)
            words += [unit] * (group is not None)
        return cls(rows, ", and ".join(words) or "row", time, group)

    @classmethod
    def of_rows(cls, use_case: UseCase, rows: pd.DataFrame) -> "Units":
        """Find the units of raw rows: by their time, and by the key beside it (or `group`)."""
        time, key = use_case.source.timestamp, use_case.source.key
        own = use_case.windows.group or use_case.features.entity or key
        entity = [c for c in own if c != time and c in rows]
        groups = rows[entity[0]] if len(entity) == 1 else rows[entity] if entity else None
        return cls.of(rows[time] if time else None, groups, len(rows))

    def take(self, chosen: Array) -> "Units":
        """Return the units of some of the rows: a mask or positions.

        All of one group: beside a time, that alone tells how far they may be off; else nothing.
        """
        time, group = (
            None if codes is None else _codes(codes[chosen]) for codes in (self.time, self.group)
        )
        name, rows = self.name, len(np.arange(self.rows)[chosen])
        if time is not None and group is not None and group.max(initial=0) == 0:
            name, group = name.partition(", and ")[0], None
        return Units(rows, name, time, group)

    def newest(self, part: int = 2) -> Array | None:
        """Return where the rows of the newest half (or quarter: 4) of the moments are; None: there
        are too few moments to look at a part of them.
        """
        if self.time is None or (moments := int(self.time.max(initial=-1)) + 1) < 2 * ENOUGH:
            return None
        return np.asarray(self.time >= moments - moments // part)

    @property
    def count(self) -> int:
        """How many units there are: of both kinds, the fewer."""
        kinds = [int(c.max(initial=-1)) + 1 for c in (self.time, self.group) if c is not None]
        return min(kinds, default=self.rows)

    def words(self, spread: Spread) -> str:
        """Return the name, and how much units that follow on one another are alike."""
        alike = spread.in_a_row >= 1.5
        return f"{self.name}, {spread.in_a_row:.0f} in a row as one" if alike else self.name

    def spread(self, values: Floats, moving: bool = False) -> Spread:
        """Return how far the mean of each column of the values, (rows, k), may be off.

        Args:
            values: one column for each mean.
            moving: it may move from the oldest unit to the newest, which is then no noise.
        """
        if self.time is None:
            codes = np.arange(self.rows) % BUNDLES if self.group is None else self.group
            found = _Variance.of_clusters(_sums(codes, values))
            return found.spread(self.rows)
        found = _Variance.of_series(_sums(self.time, values), moving)
        if self.group is not None:
            cells = _sums(_codes(self.time * (self.group.max() + 1) + self.group), values)
            found = found.beside(_Variance.of_clusters(_sums(self.group, values)), cells)
        return found.spread(self.rows)


@dataclass(frozen=True)
class _Variance:
    """The variance of k sums."""

    value: Floats
    freedom: Floats
    sums: Floats
    """The sums of the units, (units, k): how the columns go together."""
    in_a_row: float = 1.0

    @classmethod
    def of_clusters(cls, sums: Floats) -> "_Variance":
        """Sum the squares; few units that bear all of it are few degrees of freedom.

        A variance of n values of kurtosis κ has the relative variance (κ − 1) / n, as one of
        2 n / (κ − 1) normal values (Satterthwaite, Biometrics Bulletin 2, 1946). How groups differ
        is not told by one of them: from two on (of two, by one degree of freedom).
        """
        n, squares = len(sums), (sums**2).sum(axis=0)
        if n < 2:
            return cls(np.full(sums.shape[1], np.nan), np.ones(sums.shape[1]), sums)
        kurtosis = n * _ratio((sums**4).sum(axis=0), squares**2, 3.0)
        freedom = np.minimum(n - 1, 2 * n / np.maximum(kurtosis - 1, 1e-9))
        return cls(squares * n / (n - 1), np.maximum(freedom, 1.0), sums)

    @classmethod
    def of_series(cls, sums: Floats, moving: bool = False) -> "_Variance":
        """Sum the squares of the first cosines, of which there are 0.4 n^⅔, fewer if it is slow.

        What moves from one end to the other is the first cosine (99 % of a straight line, 81 % of a
        step in the middle): where it is no noise, that one is spared.
        """
        n, spared = len(sums), int(moving)
        if n < TOLD:
            return cls(np.full(sums.shape[1], np.nan), np.ones(sums.shape[1]), sums)
        waves = dct(sums, type=2, axis=0, norm="ortho")
        still = sums - _first_cosine(n) * waves[1] if moving else sums
        slow = float(_persistence(still, spared).max(initial=0.0))
        most = min(n - 1, max(6, int(0.4 * n ** (2 / 3))))
        frequency = np.pi * np.arange(1, most + 1) / n
        flat = (1 - slow) ** 2 / (1 - 2 * slow * np.cos(frequency) + slow**2)
        used = max(int((flat >= FLAT).sum()), min(4, most))
        value = n * (waves[1 + spared : used + 1] ** 2).mean(axis=0) / flat[spared:used].mean()
        in_a_row = float(np.nanmax(_ratio(value, (still**2).sum(axis=0), 1.0), initial=1.0))
        return cls(value, np.full(sums.shape[1], float(used - spared)), still, in_a_row)

    def beside(self, groups: "_Variance", cells: Floats) -> "_Variance":
        """Return the variance that comes from both: no less than from either."""
        both = self.value + groups.value
        value = np.maximum(both - (cells**2).sum(axis=0), np.maximum(self.value, groups.value))
        apart = self.value**2 / self.freedom + groups.value**2 / groups.freedom
        freedom = _ratio(both**2, apart, 1.0)
        return _Variance(value, freedom, np.vstack([self.sums, groups.sums]), self.in_a_row)

    def spread(self, rows: int) -> Spread:
        scale = np.sqrt((self.sums**2).sum(axis=0))
        scaled = np.divide(self.sums, scale, out=np.zeros_like(self.sums), where=scale > 0)
        return Spread(np.sqrt(self.value) / rows, self.freedom, scaled.T @ scaled, self.in_a_row)


def _moments(times: "pd.Series[Any]") -> tuple[str, Array | None]:
    moments = pd.to_datetime(times, utc=True)
    for unit, rounded in {
        "day": moments.dt.floor("D"),
        "hour": moments.dt.floor("h"),
        "moment": moments,
    }.items():
        codes = _codes(rounded.to_numpy())
        if codes.max() + 1 >= (FEWEST if unit == "moment" else ENOUGH):
            return unit, codes
    return "", None


def _groups(groups: Any, fewest: int) -> tuple[str, Array | None]:
    if isinstance(groups, pd.DataFrame):
        by_all = groups.groupby(list(groups), sort=True, dropna=False)
        found, name = by_all.ngroup().to_numpy(), " × ".join(map(str, groups))
    else:  # who has no name is one of them
        found = pd.factorize(pd.Series(groups), use_na_sentinel=False)[0]
        name = str(getattr(groups, "name", None) or "group")
    several = fewest <= found.max() + 1 < len(found)
    return name, found if several else None


def _codes(values: Array) -> Array:
    return np.unique(values, return_inverse=True)[1]


def _sums(codes: Array, values: Floats) -> Floats:
    found, units = [np.bincount(codes, column) for column in values.T], int(codes.max(initial=-1))
    return np.array(found, dtype=float).reshape(len(found), units + 1).T


def _first_cosine(n: int) -> Floats:
    """Return the slowest wave that n units hold, of length 1, (n, 1)."""
    return np.asarray(np.sqrt(2 / n) * np.cos(np.pi * (np.arange(n) + 0.5) / n))[:, None]


def _persistence(sums: Floats, spared: int = 0) -> Floats:
    """How much of each column is left a unit later.

    The first autocorrelation, without its bias (Kendall, Biometrika 41, 1954), and half a standard
    error more: to take slow units for quick ones costs more than the reverse. If the slow part is
    small beside the noise, the autocorrelations are small but stay: then how they fall, as in an
    ARMA(1, 1), where the first two are surely more than nothing. In n units nobody can tell what
    takes more than a third of them to pass.
    """
    n = len(sums)
    squares = (sums**2).sum(axis=0)
    first, second, third = (
        (_ratio((sums[k:] * sums[:-k]).sum(axis=0), squares, 0.0) + (1 + spared) / n)
        / (1 - (3 + 2 * spared) / n)
        for k in (1, 2, 3)
    )
    stays = np.where(first + second > 2.8 / np.sqrt(n), first + second, np.inf)
    slow: Floats = np.maximum(first + 0.5 / np.sqrt(n), (second + third) / stays)
    return np.clip(slow, 0.0, min(SLOWEST, 1 - 3 / n))


def _ratio(above: Floats, below: Floats, otherwise: float) -> Floats:
    return np.divide(above, below, out=np.full_like(above, otherwise), where=below > 0)
