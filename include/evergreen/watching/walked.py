"""Answers whose labels are known, and how far estimates of them would have been off.

    past = Past.of(scale, ["mae"], walk, truth)
    past.misses("mae")                      # (Miss(rows=50, blocks=40, spread=0.02), …)
    past.furthest(200)                      # 0.12: how far stretches of 200 rows lay from before

Each stretch of the walk forward but the first is judged by what the rows before it tell.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

from evergreen.learning import metrics
from evergreen.learning.models import Array, Output
from evergreen.refs import Ref
from evergreen.spec import Kind, Scale
from evergreen.watching import losses
from evergreen.watching.chances import Calibrated
from evergreen.watching.drift import NUMERIC
from evergreen.watching.ground import Ground
from evergreen.watching.losses import Losses
from evergreen.watching.probable import ByChances, ByLosses, Probable

FOLDS = 5
"""Stretches of the walk forward, each but the first judged by those before it."""
SIZES = (50, 200, 800, 3_200)
"""Rows of the stretches whose misses are looked at."""
LEAST_BLOCKS, MOST_BLOCKS = 8, 40
FEW_DRAWS = 20
CHANCES = "chances"
ANSWER = "the answer"
"""The column of what was said: a value, or of classes the top probability."""


@dataclass(frozen=True)
class Answered:
    """Rows that were asked, and what was answered."""

    rows: pd.DataFrame
    """Columns that can be compared, numbers as float64, categories as text, and `ANSWER`."""
    kinds: Mapping[str, str]
    """NUMERIC or CATEGORICAL of each."""
    output: Output

    @classmethod
    def of(cls, rows: pd.DataFrame, kinds: Mapping[str, str], output: Output) -> Self:
        """Put rows and answers beside one another."""
        sure = output.probabilities
        said = output.labels if sure is None else sure.max(axis=1)
        if sure is None and output.classes is not None:
            return cls(rows, kinds, output)
        return cls(rows.assign(**{ANSWER: said}), {**kinds, ANSWER: NUMERIC}, output)

    def __len__(self) -> int:
        return len(self.output)

    def take(self, rows: Array) -> "Answered":
        """Return some of them: by positions."""
        chosen = self.rows.iloc[rows].reset_index(drop=True)
        return Answered(chosen, self.kinds, self.output.take(rows))


@dataclass(frozen=True, kw_only=True)
class Miss(Ref):
    """How far stretches of so many rows were off, more than by the chance of their labels."""

    rows: int
    blocks: int
    spread: float
    """A standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Told(Ref):
    """What rows with labels tell of others."""

    ground: Ground
    calibrated: Calibrated | None = None
    """Of a classification."""
    losses: dict[str, Losses] = field(default_factory=dict)
    """Of a regression, by its metrics."""

    @classmethod
    def by(cls, kind: Kind, names: Sequence[str], walk: Answered, truth: Array) -> Self:
        """Learn it of n rows."""
        ground, output = Ground.of(walk.rows, walk.kinds), walk.output
        if kind is not Kind.REGRESSION:
            return cls(ground=ground, calibrated=Calibrated.fit(truth, output))
        found = {n: Losses.fit(n, ground, walk.rows, truth, output.labels) for n in names}
        return cls(ground=ground, losses=found)

    def guessed(self, answered: Answered) -> dict[str, Array]:
        """Return the chances of each class, (n, k), or the loss of each metric, (n,)."""
        if self.calibrated is not None:
            return {CHANCES: self.calibrated.of(answered.output)}
        return {name: each.of(self.ground, answered.rows) for name, each in self.losses.items()}

    def probable(self, scale: Scale, answered: Answered, noise: Mapping[str, float]) -> Probable:
        """Return what is known of n answers without their labels."""
        return _probable(scale, answered.output, self.guessed(answered), noise)


def _probable(
    scale: Scale, output: Output, guessed: Mapping[str, Array], noise: Mapping[str, float]
) -> Probable:
    if CHANCES in guessed:
        return ByChances(scale, guessed[CHANCES], output)
    return ByLosses(guessed, noise)


@dataclass(frozen=True)
class Past:
    """The walk forward but for its first part, each row judged by what was known before it."""

    scale: Scale
    names: Sequence[str]
    walk: Answered
    truth: Array
    guessed: Mapping[str, Array]
    grounds: Sequence[Ground]
    """What each row's part is held against, (n,)."""

    @classmethod
    def of(cls, scale: Scale, names: Sequence[str], walk: Answered, truth: Array) -> Self:
        """Go through n rows in their order."""
        part = np.arange(len(truth)) * FOLDS // len(truth)
        guessed: list[dict[str, Array]] = []
        grounds: list[Ground] = []
        for fold in range(1, FOLDS):
            here, before = np.flatnonzero(part == fold), np.flatnonzero(part < fold)
            told = Told.by(scale.kind, names, walk.take(before), truth[before])
            guessed.append(told.guessed(walk.take(here)))
            grounds += [told.ground] * len(here)
        after = np.flatnonzero(part > 0)
        whole = {name: np.concatenate([each[name] for each in guessed]) for name in guessed[0]}
        return cls(scale, names, walk.take(after), truth[after], whole, grounds)

    @property
    def sizes(self) -> list[int]:
        """The lengths of stretches of which there are enough."""
        rows = len(self.truth)
        found = [size for size in SIZES if rows // size >= LEAST_BLOCKS]
        return found or [rows // LEAST_BLOCKS]

    @cached_property
    def noise(self) -> dict[str, float]:
        """How far the losses of rows were from what was guessed: see `ByLosses`."""
        return {
            name: self._noise(name, guess)
            for name, guess in self.guessed.items()
            if name != CHANCES
        }

    def _noise(self, name: str, guess: Array) -> float:
        lost = losses.loss(name, self.truth, self.walk.output.labels)
        usual = float((guess**2).mean())
        return math.sqrt(float(((lost - guess) ** 2).mean()) / usual) if usual else 0.0

    def furthest(self, size: int) -> float:
        """Return how far a stretch of a size lay from the rows before it, at most."""
        found: float = max(
            self.grounds[rows[0]].furthest(self.walk.rows.iloc[rows])[0]
            for rows in self._stretches(size)
        )
        return found

    def misses(self, name: str) -> tuple[Miss, ...]:
        """Return how far a metric was off in stretches of each size of which enough define it."""
        found = (self._miss(name, size) for size in self.sizes)
        return tuple(miss for miss in found if miss)

    def _miss(self, name: str, size: int) -> Miss | None:
        found = list(self._squares(name, size))
        if len(found) < LEAST_BLOCKS:
            return None
        more = math.sqrt(max(float(np.mean(found)), 0.0))
        return Miss(rows=size, blocks=len(found), spread=more)

    def _squares(self, name: str, size: int) -> Iterator[float]:
        """Yield squared misses of stretches, without what the chance of their labels explains."""
        whole = _probable(self.scale, self.walk.output, self.guessed, self.noise)
        for rows in self._stretches(size):
            part = whole.take(rows)
            live = metrics.score(self.scale, self.truth[rows], self.walk.output.take(rows), [name])
            value, spread = part.expected(name), part.scatter([name], FEW_DRAWS)
            if name in live and name in spread and value is not None:
                yield (live[name] - value) ** 2 - spread[name] ** 2

    def _stretches(self, size: int) -> Iterator[Array]:
        """Yield the rows of stretches of a size."""
        count = len(self.truth) // size
        for start in np.unique(np.linspace(0, count - 1, min(count, MOST_BLOCKS)).round()):
            yield np.arange(int(start) * size, int(start) * size + size)
