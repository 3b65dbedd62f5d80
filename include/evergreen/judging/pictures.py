"""Coordinates of the report's small pictures; the template draws them as inline SVG.

axis = Axis.of([-0.01, 0.02], left=150, right=640)
axis.x(0.0), axis.ticks                       # pixel, [(pixel, "0.00"), ...]
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evergreen.judging.evidence import Difference, Evidence, Role, ScoredModel
from evergreen.spec import Gate

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
        return [(self.x(value), label) for value, label in self.values]

    @property
    def values(self) -> list[tuple[float, str]]:
        """Round values along the axis, each with its label."""
        rough = (self.high - self.low) / TICKS
        power = 10 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        digits = max(0, -math.floor(math.log10(step)))
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [(n * step, f"{n * step:,.{digits}f}") for n in range(first, last + 1)]


@dataclass(frozen=True)
class IntervalRow:
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
    rows: Sequence[IntervalRow]
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
            IntervalRow(f"against {d.other}", must, d, 20 + ROW * n)
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
        more = evidence.subject.directions[metric]
        known = _known(evidence.models, metric)
        if not known:
            return None
        order = sorted(evidence.models, key=lambda m: (-1 if more else 1) * known.get(m.name, 0.0))
        rated = [model for model in order if model.name in known]
        rows = [(model, known[model.name], 32 + 26 * n) for n, model in enumerate(rated)]
        floor = gate.floors.get(metric)
        axis = Axis.of([*known.values(), *([] if floor is None else [floor])])
        return cls(metric, axis, floor, more, rows, 30 + 26 * len(rows))


@dataclass(frozen=True)
class Blocks:
    """The deciding metric of the challenger and the recipe in charge, block by block."""

    ticks: Sequence[tuple[float, str]]
    """Values on the left: height and label."""
    starts: Sequence[tuple[float, str]]
    """Where each block begins, and its day."""
    lines: Sequence[tuple[ScoredModel, str, Sequence[tuple[float, float, str]]]]
    """Of each recipe: the polyline through its points, and each point with what it says."""
    floor: float | None
    height: int = 190

    @classmethod
    def of(cls, gate: Gate, evidence: Evidence) -> "Blocks | None":
        """Return the picture; None: there are no blocks in time."""
        shown = [one for one in evidence.models if one.role in SHOWN and len(one.blocks) > 1]
        values = [block.value for one in shown for block in one.blocks]
        known = [value for value in values if math.isfinite(value)]
        if not shown or not known or shown[0].blocks[0].start is None:
            return None
        floor = gate.floors.get(gate.metric)
        axis = Axis.of([*known, *([] if floor is None else [floor])])
        first = shown[0].blocks
        width = (RIGHT - LEFT) / len(first)
        return cls(
            ticks=[(cls._y(axis, value), label) for value, label in axis.values],
            starts=[(LEFT + n * width, f"{block.start:%d %b %y}") for n, block in enumerate(first)],
            lines=[cls._line(axis, one, width) for one in shown],
            floor=None if floor is None else cls._y(axis, floor),
        )

    @classmethod
    def _y(cls, axis: Axis, value: float) -> float:
        return round(10 + (axis.high - value) / (axis.high - axis.low) * (cls.height - 20), 1)

    @classmethod
    def _line(
        cls, axis: Axis, one: ScoredModel, width: float
    ) -> tuple[ScoredModel, str, list[tuple[float, float, str]]]:
        points = [
            (
                round(LEFT + (n + 0.5) * width, 1),
                cls._y(axis, block.value),
                f"{one.name}: {block.value:.3g} on {block.rows:,} rows, learned from"
                f" {block.trained_rows:,} up to {block.trained_until:%Y-%m-%d}",
            )
            for n, block in enumerate(one.blocks)
            if math.isfinite(block.value)
        ]
        return one, " ".join(f"{x},{y}" for x, y, _ in points), points


SHOWN = (Role.CHALLENGER, Role.CHAMPION)


def _known(models: Sequence[ScoredModel], metric: str) -> Mapping[str, float]:
    figures = {model.name: model.metrics.get(metric, math.nan) for model in models}
    return {name: value for name, value in figures.items() if math.isfinite(value)}
