"""How far two samples of a column lie apart, from 0 (the same) to 1, and how far is too far.

    numeric_distance(reference, current)                     # 0.31
    numeric_threshold(len(reference), len(current), alpha=0.001, min_effect=0.1)   # 0.17

A distance beyond its threshold is drift. The threshold is the critical value of a two-sample test
at these sizes, so that samples of one population stay below it with probability 1 − alpha; and at
least `min_effect`, since of many rows even a trifle is significant.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, hypergeom, ks_2samp, kstwo

LEAST_EXPECTED = 5
"""Categories with fewer expected rows are pooled (Cochran, Biometrics 10, 1954)."""
DRAWS = 20_000
"""Permutations, with a fixed seed, where rows are too few for Pearson's test."""

Array = npt.NDArray[Any]


def numeric_distance(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> float:
    """Return the Kolmogorov-Smirnov distance: the largest gap between the distributions.

    sup |F_reference(x) − F_current(x)|; both without nulls.
    """
    return float(ks_2samp(reference, current, method="asymp").statistic)


def numeric_threshold(reference: int, current: int, alpha: float, min_effect: float) -> float:
    """Return the critical distance of two samples of these sizes.

    The quantile of the one-sample distance at the effective size n·m / (n + m), as scipy's
    asymptotic test has it (Hodges, Arkiv för Matematik 3, 1958). Ties make it conservative.
    """
    size = max(round(reference * current / (reference + current)), 1)
    return max(min_effect, min(1.0, float(kstwo.isf(alpha, size))))


@dataclass(frozen=True)
class Frequencies:
    """How often each category occurs in two samples, rare ones pooled."""

    reference: Array
    current: Array

    @classmethod
    def of(cls, reference: "pd.Series[Any]", current: "pd.Series[Any]") -> "Frequencies":
        """Count two samples without nulls."""
        both = pd.concat(
            [reference.value_counts(sort=False), current.value_counts(sort=False)], axis=1
        )
        return cls(*_pooled(both.fillna(0).to_numpy(dtype=float)))

    @property
    def distance(self) -> float:
        """Half of Cohen's w between the two samples, at most 1: √(χ²·(n+m) / (n·m)) / 2.

        χ² is that of the 2 × k table; dividing its size out makes the figure comparable between
        windows. Two equally large samples without a common category are 1 apart.
        Source: Cohen, Statistical Power Analysis, 1988, ch. 7.
        """
        return float(half_w(self.current, self.reference + self.current))

    def threshold(self, alpha: float, min_effect: float) -> float:
        """Return the critical distance: Pearson's, or of a permutation test where rows are few."""
        together = (self.reference + self.current).astype(int)
        n, m = int(self.current.sum()), int(self.reference.sum())
        if len(together) < 2:
            return min_effect
        if together.min() * min(n, m) / (n + m) >= LEAST_EXPECTED:
            root = np.sqrt(chi2.isf(alpha, len(together) - 1))
            critical = float(root * np.sqrt((n + m) / (n * m)) / 2)
        else:
            drawn = np.random.default_rng(0).multivariate_hypergeometric(together, n, size=DRAWS)
            critical = float(np.quantile(half_w(drawn, together), 1 - alpha, method="higher"))
        return max(min_effect, min(1.0, critical))


def half_w(current: Array, together: Array) -> Array:
    """Return the distance of counts, (…, categories), from the rest of all."""
    n, rest = current.sum(axis=-1, keepdims=True), together - current
    gaps = current / n - rest / rest.sum(axis=-1, keepdims=True)
    shares = together / together.sum(axis=-1, keepdims=True)
    distance: Array = np.sqrt((gaps**2 / np.where(shares > 0, shares, 1)).sum(axis=-1)) / 2
    return np.minimum(distance, 1.0)


def gaps_of_counts(current: Array, together: Array) -> Array:
    """Return the largest gap between the distributions of binned counts and the rest, (…,)."""
    now, rest = current.cumsum(axis=-1), (together - current).cumsum(axis=-1)
    largest: Array = np.abs(now / now[..., -1:] - rest / rest[..., -1:]).max(axis=-1)
    return largest


def _pooled(counts: Array) -> tuple[Array, Array]:
    """Pool the rarest categories until each expects enough rows, but keep two if there are."""
    counts = counts[np.argsort(counts.sum(axis=1), kind="stable")]
    share = counts.sum(axis=0).min() / counts.sum()
    expected = np.cumsum(counts.sum(axis=1)) * share
    rare = int(np.searchsorted(expected, LEAST_EXPECTED)) + 1  # the first so many make one
    rare = min(rare, len(counts) - 1)
    if rare > 1:
        counts = np.vstack([counts[:rare].sum(axis=0), counts[rare:]])
    return counts[:, 0], counts[:, 1]


def more_often(reference: tuple[int, int], current: tuple[int, int]) -> float:
    """Return the chance of so many hits in the current rows, were the rate the reference's.

    Each is (hits, rows). One-sided exact test: hypergeometric (Fisher, 1935).
    """
    hits = reference[0] + current[0]
    return float(hypergeom.sf(current[0] - 1, reference[1] + current[1], hits, current[1]))
