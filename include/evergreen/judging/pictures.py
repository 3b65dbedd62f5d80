"""Coordinates of the report's small pictures; the template draws them as inline SVG.

axis = Axis.of([-0.01, 0.02], left=150, right=640)
axis.x(0.0), axis.ticks                       # pixel, [(pixel, "0.00"), ...]
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evergreen.judging.evidence import Difference, Evidence, ScoredModel
from evergreen.spec import METRICS, Gate

LEFT, RIGHT = 190, 700
ROW = 34
TICKS = 6


@dataclass(frozen=True)
class Axis:
    """A number line in pixels."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Axis":
        """Return an axis that holds all values, with room at both ends."""
        found = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(found), max(found)
        room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        return cls(low - room, high + room)

    def x(self, value: float) -> float:
        """Return where the value lies."""
        share = (value - self.low) / (self.high - self.low)
        return round(LEFT + share * (RIGHT - LEFT), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Round values along the axis: pixel and label."""
        rough = (self.high - self.low) / TICKS
        power = 10 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        digits = max(0, -math.floor(math.log10(step)))
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [(self.x(n * step), f"{n * step:,.{digits}f}") for n in range(first, last + 1)]


@dataclass(frozen=True)
class Interval:
    """One comparison: label, what it must lie above, and where it lies."""

    label: str
    must: float
    difference: Difference
    y: int

    @property
    def good(self) -> bool:
        """Tell whether all of it lies above what it must."""
        return self.difference.low > self.must


@dataclass(frozen=True)
class Intervals:
    """The challenger's differences to champion and best baseline, on one axis."""

    axis: Axis
    rows: Sequence[Interval]
    height: int

    @classmethod
    def of(cls, gate: Gate, evidence: Evidence) -> "Intervals | None":
        """Return the picture; None: nothing could be compared."""
        champion, baseline = evidence.against_champion, evidence.against_baseline
        compared = [(champion, gate.min_improvement), (baseline, 0.0)]
        known = [(d, must) for d, must in compared if d and math.isfinite(d.low)]
        if not known:
            return None
        values = [v for d, must in known for v in (d.low, d.high, d.estimate, must, 0.0)]
        rows = [
            Interval(f"against {d.other}", must, d, 20 + ROW * n)
            for n, (d, must) in enumerate(known)
        ]
        return cls(Axis.of(values), rows, 20 + ROW * len(rows))


@dataclass(frozen=True)
class Standing:
    """Every model's figure of one metric on one axis, with the floor."""

    metric: str
    axis: Axis
    floor: float | None
    more_is_better: bool
    rows: Sequence[tuple[ScoredModel, float, int]]
    height: int

    @classmethod
    def of(cls, gate: Gate, evidence: Evidence) -> "Standing | None":
        """Return the picture of the deciding metric, best first; None: nothing is known."""
        metric = gate.metric
        more = METRICS[evidence.subject.kind][metric]
        known = _known(evidence.models, metric)
        if not known:
            return None
        order = sorted(evidence.models, key=lambda m: (-1 if more else 1) * known.get(m.name, 0.0))
        rated = [model for model in order if model.name in known]
        rows = [(model, known[model.name], 32 + 26 * n) for n, model in enumerate(rated)]
        floor = gate.floors.get(metric)
        axis = Axis.of([*known.values(), *([] if floor is None else [floor])])
        return cls(metric, axis, floor, more, rows, 30 + 26 * len(rows))


def _known(models: Sequence[ScoredModel], metric: str) -> Mapping[str, float]:
    figures = {model.name: model.metrics.get(metric, math.nan) for model in models}
    return {name: value for name, value in figures.items() if math.isfinite(value)}
