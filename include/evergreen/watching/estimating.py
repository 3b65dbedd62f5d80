"""What the live metric probably is while no label has come, and how far that may be off.

    learned = Learned.of(scale, ["roc_auc"], truth, output)     # of rows that no fit had seen
    learned.estimates(scale, later)                             # (Estimate(value=…, error=…), …)

The answers of the walk forward, whose labels are known, tell how often each probability comes true
(`chances`), and so what each metric is expected to be (`expected`). The labels of a window come by
chance, and are drawn as often as it takes to see how far the metric then is from what is expected:
that is one part of the error. The other is how much further stretches of the walk forward, as long
as the window, were from what was expected of them by the curves of rows before: seasons, and days
that have something in common, which no column tells.

What it cannot see: that the same rows have other labels now. Then the probabilities are wrong, and
it tells what they say. The labels alone tell, when they come.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from scipy.stats import t

from evergreen.learning import metrics
from evergreen.learning.models import Array, Output
from evergreen.refs import Ref
from evergreen.spec import Scale
from evergreen.watching.chances import Calibrated
from evergreen.watching.expected import ESTIMATORS, expected

SEED = 0
FOLDS = 5
"""Stretches of the walk forward, each but the first calibrated by those before it."""
SIZES = (50, 200, 800, 3_200)
"""Rows of the stretches whose misses are looked at."""
FEWEST, LEAST_BLOCKS, MOST_BLOCKS = 200, 8, 40
DRAWS, FEW_DRAWS = 100, 20
BAND = 0.95
"""Of the band that is shown."""


@dataclass(frozen=True, kw_only=True)
class Miss(Ref):
    """How far stretches of so many rows were off, more than by the chance of their labels."""

    rows: int
    blocks: int
    spread: float
    """A standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Estimate(Ref):
    """What a metric probably is."""

    name: str
    value: float
    error: float
    """Standard error."""
    freedom: float
    """Its degrees of freedom."""

    @property
    def band(self) -> tuple[float, float]:
        """The band that holds the metric of the labels, when they come, in 95 of 100 windows."""
        room = self.room((1 - BAND) / 2)
        return self.value - room, self.value + room

    def room(self, alpha: float) -> float:
        """Return how far off it is on one side with a chance of alpha at most."""
        return float(t.isf(alpha, self.freedom)) * self.error


@dataclass(frozen=True, kw_only=True)
class Learned(Ref):
    """What the walk forward tells of a recipe's probabilities."""

    calibrated: Calibrated | None = None
    rows: int = 0
    """Rows of the walk forward that it was learned of."""
    misses: dict[str, tuple[Miss, ...]] = field(default_factory=dict)
    """Of each metric that can be estimated, by the length of a stretch."""
    problem: str = ""
    """Why nothing can be estimated; empty: it can."""

    @classmethod
    def of(cls, scale: Scale, names: Sequence[str], truth: Array, output: Output) -> Self:
        """Learn from n answers to rows that no fit had seen, in their order, and their labels."""
        if output.probabilities is None or output.classes is None:
            return cls(problem="the champion gives no probabilities")
        if len(truth) < FEWEST:
            few = f"{len(truth)} rows of the walk forward are known"
            return cls(problem=f"{few}, and it takes {FEWEST}")
        known = [name for name in names if name in ESTIMATORS]
        if not known:
            return cls(problem=f"none of {', '.join(names)} can be estimated")
        first = -(-len(truth) // FOLDS)
        chances, after = _forward(truth, output)[first:], output.take(np.arange(first, len(truth)))
        misses: dict[str, list[Miss]] = {name: [] for name in known}
        for size in _sizes(len(chances)):
            for name, miss in _missed(scale, known, truth[first:], after, chances, size):
                misses[name].append(miss)
        told = {name: tuple(each) for name, each in misses.items() if each}
        return cls(
            calibrated=Calibrated.fit(truth, output), rows=len(truth), misses=told,
            problem="" if told else f"{', '.join(known)}: not defined in its stretches",
        )  # fmt: skip

    def estimates(self, scale: Scale, output: Output) -> tuple[Estimate, ...]:
        """Estimate each metric of n answers."""
        if self.calibrated is None or not len(output):
            return ()
        chances = self.calibrated.of(output)
        chance = _spread_by_chance(scale, list(self.misses), chances, output, DRAWS)
        found = []
        for name, misses in self.misses.items():
            value = expected(name, chances, output)
            miss = min(misses, key=lambda each: abs(math.log(each.rows / len(output))))
            if value is not None and name in chance:
                error = math.hypot(chance[name], miss.spread)
                freedom = float(miss.blocks - 1)
                found.append(Estimate(name=name, value=value, error=error, freedom=freedom))
        return tuple(found)


def _sizes(rows: int) -> list[int]:
    """Return the lengths of stretches of which there are enough."""
    found = [size for size in SIZES if rows // size >= LEAST_BLOCKS]
    return found or [rows // LEAST_BLOCKS]


def _forward(truth: Array, output: Output) -> Array:
    """Return the chances of each row, (n, k), by the curves of the stretches before its own."""
    stretch = np.arange(len(truth)) * FOLDS // len(truth)
    found = np.full_like(np.asarray(output.probabilities, dtype=float), np.nan)
    for fold in range(1, FOLDS):
        here, before = stretch == fold, stretch < fold
        calibrated = Calibrated.fit(truth[before], output.take(before))
        found[here] = calibrated.of(output.take(here))
    return found


def _missed(
    scale: Scale, names: Sequence[str], truth: Array, output: Output, chances: Array, size: int
) -> Iterator[tuple[str, Miss]]:
    """Yield how far the metrics of stretches of a size were from what was expected of them."""
    count = len(truth) // size
    starts = np.unique(np.linspace(0, count - 1, min(count, MOST_BLOCKS)).round().astype(int))
    squares: dict[str, list[float]] = {name: [] for name in names}
    for start in starts * size:
        rows = np.arange(start, start + size)
        part, chance = output.take(rows), chances[rows]
        told = metrics.score(scale, truth[rows], part, names)
        spread = _spread_by_chance(scale, names, chance, part, FEW_DRAWS)
        for name in names:
            value = expected(name, chance, part)
            if name in told and name in spread and value is not None:
                squares[name].append((told[name] - value) ** 2 - spread[name] ** 2)
    for name, found in squares.items():
        if len(found) >= LEAST_BLOCKS:
            more = math.sqrt(max(float(np.mean(found)), 0.0))
            yield name, Miss(rows=size, blocks=len(found), spread=more)


def _spread_by_chance(
    scale: Scale, names: Sequence[str], chances: Array, output: Output, draws: int
) -> Mapping[str, float]:
    """Return the standard deviation of each metric over labels that are drawn by their chances."""
    assert output.classes is not None, "answers with probabilities"  # noqa: S101
    draw, below = np.random.default_rng(SEED), chances.cumsum(axis=1)[:, :-1]
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(draws):
        at = (draw.random(len(chances))[:, None] > below).sum(axis=1)
        for name, value in metrics.score(scale, output.classes[at], output, names).items():
            found[name].append(value)
    return {n: float(np.std(v, ddof=1)) for n, v in found.items() if len(v) > draws / 2}
