"""What the live metric probably is while no label has come, and how far that may be off.

    learned = Learned.of(scale, ["roc_auc"], walk)      # of rows that no fit had seen
    learned.estimates(scale, later)                     # (Estimate(value=…, error=…), …)
    learned.ground.outside(later.rows).extrapolated     # it may be further off than the error says

The answers of the walk forward, whose labels are known, tell how often each probability comes true
(`chances`), or how large the error of a value is (`losses`), and so what each metric is expected to
be (`probable`). The labels of a window come by chance, and scatter: that is one part of the error.
The other is how much further stretches of the walk forward, as long as the window, were from what
was expected of them by what the rows before tell: seasons, and days that have something in common,
which no column tells.

What it cannot see: that the same rows have other labels now. Then the probabilities are wrong, and
it tells what they say. The labels alone tell, when they come. How far it is off where rows go that
the walk forward has never held, it does not know, and says so (`ground`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from scipy.stats import t

from evergreen.learning.models import Array
from evergreen.refs import Ref
from evergreen.spec import Kind, Scale
from evergreen.spec.kinds import attainable
from evergreen.watching import losses
from evergreen.watching.expected import ESTIMATORS
from evergreen.watching.ground import Outside, Usual
from evergreen.watching.walked import Answered, Miss, Past, Told

FEWEST = 200
DRAWS = 100
BAND = 0.95
"""Of the band that is shown."""


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
        """The band that holds the metric of the labels, when they come, in 95 of 100 windows.

        It ends where the metric does.
        """
        room, (least, most) = self.room((1 - BAND) / 2), attainable(self.name)
        return max(self.value - room, least), min(self.value + room, most)

    def room(self, alpha: float) -> float:
        """Return how far off it is on one side with a chance of alpha at most."""
        return float(t.isf(alpha, self.freedom)) * self.error


@dataclass(frozen=True, kw_only=True)
class Learned(Ref):
    """What the walk forward tells of a recipe's answers."""

    told: Told | None = None
    rows: int = 0
    """Rows of the walk forward that it was learned of."""
    noise: dict[str, float] = field(default_factory=dict)
    """Of a regression: see `ByLosses`."""
    misses: dict[str, tuple[Miss, ...]] = field(default_factory=dict)
    """Of each metric that can be estimated, by the length of a stretch."""
    problem: str = ""
    """Why nothing can be estimated; empty: it can."""

    @classmethod
    def of(cls, scale: Scale, names: Sequence[str], walk: Answered, truth: Array) -> Self:
        """Learn from n answers to rows that no fit had seen, in their order, and their labels."""
        regression, output = scale.kind is Kind.REGRESSION, walk.output
        if not regression and (output.probabilities is None or output.classes is None):
            return cls(problem="the champion gives no probabilities")
        if len(truth) < FEWEST:
            few = f"{len(truth)} rows of the walk forward are known"
            return cls(problem=f"{few}, and it takes {FEWEST}")
        known = [n for n in names if (losses.estimable(n) if regression else n in ESTIMATORS)]
        if not known:
            return cls(problem=f"none of {', '.join(names)} can be estimated")
        past = Past.of(scale, known, walk, truth)
        told = Told.by(scale.kind, known, walk, truth)
        usual = tuple(Usual(rows=size, share=past.furthest(size)) for size in past.sizes)
        misses = {name: past.misses(name) for name in known}
        found = {name: each for name, each in misses.items() if each}
        return cls(
            told=replace(told, ground=replace(told.ground, usual=usual)), rows=len(truth),
            noise=past.noise, misses=found,
            problem="" if found else f"{', '.join(known)}: not defined in its stretches",
        )  # fmt: skip

    def estimates(self, scale: Scale, answered: Answered) -> tuple[Estimate, ...]:
        """Estimate each metric of n answers."""
        if self.told is None or not len(answered):
            return ()
        told = self.told.probable(scale, answered, self.noise)
        chance = told.scatter(list(self.misses), DRAWS)
        found = []
        for name, misses in self.misses.items():
            value = told.expected(name)
            miss = min(misses, key=lambda each: abs(math.log(each.rows / len(answered))))
            if value is not None and name in chance:
                error = math.hypot(chance[name], miss.spread)
                freedom = float(miss.blocks - 1)
                found.append(Estimate(name=name, value=value, error=error, freedom=freedom))
        return tuple(found)

    def outside(self, answered: Answered) -> Outside | None:
        """Tell how much of n answers lies outside what this was learned on; None: none was."""
        return self.told.ground.outside(answered.rows) if self.told and len(answered) else None
