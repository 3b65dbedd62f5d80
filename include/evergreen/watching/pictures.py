"""Coordinates of a report's histograms; the template draws them as inline SVG.

picture = histogram("wind", NUMERIC, reference, window)
picture.bars          # [Bar(x=0.0, width=22.0, reference=41.2, window=12.0, label="0 to 1.2"), ...]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from evergreen.judging.figures import figure
from evergreen.watching.drift import NUMERIC

WIDTH, HEIGHT = 440.0, 120.0
BINS, CATEGORIES = 24, 10
OTHERS = "(others)"


@dataclass(frozen=True)
class Bar:
    """The share of the rows in one bin, of both samples, as heights in pixels."""

    x: float
    width: float
    reference: float
    window: float
    label: str


@dataclass(frozen=True)
class Picture:
    """The distribution of a column in the reference and in the window."""

    name: str
    bars: Sequence[Bar]
    low: str
    high: str


def histogram(
    name: str, kind: str, reference: "pd.Series[Any]", window: "pd.Series[Any]"
) -> Picture:
    """Draw both samples of a column, each as shares of its own rows."""
    before, now = reference.dropna(), window.dropna()
    if kind == NUMERIC:
        shares, labels = _numeric(before, now)
    else:
        shares, labels = _categorical(before, now)
    tallest = max(float(shares.max()), 1e-9)
    step = WIDTH / len(labels)
    bars = [
        Bar(round(n * step, 1), round(step - 2, 1), *_heights(shares[:, n], tallest), label)
        for n, label in enumerate(labels)
    ]
    numeric = kind == NUMERIC
    low = labels[0].split(" to ")[0] if numeric else labels[0]
    high = labels[-1].split(" to ")[-1] if numeric else labels[-1]
    return Picture(name, bars, low, high)


def _heights(shares: "np.ndarray[Any, Any]", tallest: float) -> tuple[float, float]:
    before, now = (round(float(share) / tallest * HEIGHT, 1) for share in shares)
    return before, now


def _numeric(before: "pd.Series[Any]", now: "pd.Series[Any]") -> tuple[Any, list[str]]:
    """Cut between the outer half percents of both; what lies beyond counts to the last bins."""
    both = np.concatenate([before, now])
    low, high = np.quantile(both, [0.005, 0.995])
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts = [
        np.histogram(np.clip(part, low, high), edges)[0] / len(part) for part in (before, now)
    ]
    return np.array(counts), [f"{figure(a)} to {figure(b)}" for a, b in pairwise(edges)]


def _categorical(before: "pd.Series[Any]", now: "pd.Series[Any]") -> tuple[Any, list[str]]:
    shares = pd.concat(
        [before.value_counts(normalize=True), now.value_counts(normalize=True)], axis=1
    ).fillna(0.0)
    shares = shares.loc[shares.max(axis=1).sort_values(ascending=False, kind="stable").index]
    labels = [str(name)[:40] for name in shares.index]
    table = shares.to_numpy().T
    if len(labels) > CATEGORIES:
        rest = table[:, CATEGORIES - 1 :].sum(axis=1, keepdims=True)
        table = np.hstack([table[:, : CATEGORIES - 1], rest])
        labels = [*labels[: CATEGORIES - 1], OTHERS]
    return table, labels
