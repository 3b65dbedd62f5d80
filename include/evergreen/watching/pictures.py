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
PANEL, CELLS = 200.0, 8


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


@dataclass(frozen=True)
class Cell:
    """A square of a grid."""

    x: float
    y: float
    shade: float
    """0 to 1: its share of the sample's rows, beside the fullest cell of both samples."""
    label: str


@dataclass(frozen=True)
class Grid:
    """How two columns go together: the reference's cells on the left, the window's on the right."""

    first: str
    second: str
    panels: tuple[tuple[Cell, ...], tuple[Cell, ...]]
    """Reference and window."""
    size: float
    """Width and height of a panel in pixels."""
    wide: float
    tall: float
    """Of a cell."""


def grid(first: str, second: str, reference: pd.DataFrame, window: pd.DataFrame) -> Grid:
    """Draw two columns of both samples over the same cells, which tell of no single row."""
    across, steps = _steps(reference[first], window[first])
    up, rows = _steps(reference[second], window[second])
    tables = [_shares(x, y, (len(steps), len(rows))) for x, y in zip(across, up, strict=True)]
    fullest = max(float(table.max()) for table in tables) or 1.0
    wide, tall = PANEL / len(steps), PANEL / len(rows)
    panels = [
        tuple(
            Cell(
                round(i * wide, 1), round(PANEL - (j + 1) * tall, 1),
                round(float(share / fullest), 3), f"{steps[i]}; {rows[j]}: {share:.1%}",
            )
            for (i, j), share in np.ndenumerate(table)
            if share
        )
        for table in tables
    ]  # fmt: skip
    return Grid(first, second, (panels[0], panels[1]), PANEL, round(wide, 1), round(tall, 1))


def _steps(
    before: "pd.Series[Any]", now: "pd.Series[Any]"
) -> tuple[list["np.ndarray[Any, Any]"], list[str]]:
    """Cut a column into eighths of the reference, or its common values; -1: a row has none."""
    if before.dtype.kind == "f":
        edges = np.unique(np.nanquantile(before, np.linspace(0, 1, CELLS + 1)))
        inner = edges[1:-1]
        places = [
            np.where(np.isnan(v), -1, np.searchsorted(inner, v, side="right"))
            for v in (before.to_numpy(), now.to_numpy())
        ]
        return places, [f"{figure(a)} to {figure(b)}" for a, b in pairwise(edges)] or ["all"]
    common = pd.Index(before.value_counts().index[: CELLS - 1])
    places = [
        np.where(v.isna(), -1, np.where((at := common.get_indexer(v)) < 0, len(common), at))
        for v in (before, now)
    ]
    return places, [*(str(name)[:40] for name in common), OTHERS]


def _shares(across: Any, up: Any, shape: tuple[int, int]) -> Any:
    known = (across >= 0) & (up >= 0)
    cells = across[known] * shape[1] + up[known]
    counts = np.bincount(cells, minlength=shape[0] * shape[1])
    return counts.reshape(shape) / max(int(known.sum()), 1)


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
