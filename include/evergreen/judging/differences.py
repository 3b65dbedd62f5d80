"""Is a challenger better, or just lucky? Paired differences on the same rows, with intervals.

    found = compare(kind, "roc_auc", truth, {"forest": forest, "linear": linear}, champion, units)
    found["forest"]     # low=-0.010, estimate=+0.004, high=+0.018: it may as well be worse

Both models answer for the same rows, so the difference of their influences on the metric
(`influence`) is one number a row, and its mean over the units that are independent (`units`) has a
standard error with degrees of freedom. One challenger gets the interval of Student's t. Where
several compete the best of them is lucky too: all get the quantile of the largest of their |t|,
simulated with their correlation, so that any one of all the intervals misses no more often than a
single one would (White, Econometrica 68, 2000; Romano & Wolf, JASA 100, 2005).

After a change of concept the newest rows tell first. So where the units follow on one another, the
newest half of them is looked at as well, and an interval there that lies above the bar counts as
much as one over all. The chance to err is shared out between the two, four to one (a weighted
Bonferroni correction: Holm, Scandinavian Journal of Statistics 6, 1979).

Where the model in charge surely has fallen below its floor in that half, something has changed, and
the newest quarter is looked at as well, with as small a chance to err. There the difference grows
from day to day, as a short window fills with the new world; that is no noise (`units`). So nothing
is risked as long as the model in charge stands, and a fifth more once it has fallen.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from evergreen.judging.evidence import Difference
from evergreen.judging.influence import influence
from evergreen.judging.units import Spread, Units
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind, Scale, UseCase

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

SHARES = {
    *("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision"),
    *("brier", "r2", "mape"),
}
"""Metrics of which a point is 0.01; of the others it is 1 % of the figure compared with."""
POWER = 0.8
MOST_FREEDOM = 100
"""More degrees of freedom are as good as the normal distribution."""
LATELY = 0.2
"""Share of the chance to err that the newest half of the units gets: a change that matters there is
large, and the intervals over all rows are to be hardly wider for it."""
CHUNK = 100
"""Simulated draws at a time: 4 MB for fifty challengers."""


def compare(
    kind: Kind | Scale,
    metric: str,
    truth: Array,
    challengers: Mapping[str, Output],
    other: Output,
    units: Units,
    *,
    name: str = "champion",
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    bar: float = 0.0,
    fallen: bool = False,
) -> dict[str, Difference]:
    """Estimate how much better each challenger is, with intervals that hold for all at once.

    Of the intervals over all rows, over their newest half and, where the model in charge has
    `fallen`, over their newest quarter, the first is returned, unless only a later one lies above
    the bar. What is unknown over all rows stays so.

    Args:
        kind: what is predicted, or what it is measured by.
        metric: one of its metrics.
        truth: the labels, (rows,).
        challengers: the answers of all that compete, on those rows, by name.
        other: the other model's answers on the same rows.
        units: what of the rows is independent.
        name: of the other model.
        confidence: that all the intervals hold the true differences, such as 0.95.
        resamples: simulated draws of the largest |t|, where several compete.
        seed: the same seed gives the same intervals.
        bar: how much better a challenger must be.
        fallen: the model in charge has (see `has_fallen`).
    """
    asked = _Asked(name, metric, confidence, resamples, seed)
    half, quarter = units.newest(2), units.newest(4)
    share = 1.0 if half is None else 1 - LATELY
    found = replace(asked, share=share).compare(kind, truth, challengers, other, units)
    if half is None or quarter is None:
        return found
    latest = replace(asked, share=LATELY)
    parts = [latest.within(half, kind, truth, challengers, other, units)]
    if fallen:
        moving = replace(latest, moving=True)
        parts.append(moving.within(quarter, kind, truth, challengers, other, units))
    for part in parts:
        found |= {one: d for one, d in part.items() if d.low > bar >= found[one].low}
    return found


def has_fallen(use_case: UseCase, truth: Array, output: Output | None, units: Units) -> bool:
    """Tell whether the model in charge surely is beyond the floor of the metric that decides, over
    the newest half of the units; without a floor, or such a half, it is not known to be.
    """
    gate, newest = use_case.gate, units.newest(2)
    floor = gate.floors.get(gate.metric)
    if output is None or floor is None or newest is None:
        return False
    late = truth[newest], output.take(newest), floor, units.take(newest)
    return distance(use_case.scale, gate.metric, *late, confidence=gate.confidence).high < 0


def paired_difference(
    kind: Kind | Scale,
    metric: str,
    truth: Array,
    challenger: Output,
    other: Output,
    units: Units | None = None,
    **options: Any,
) -> Difference:
    """Estimate how much better one challenger is, as `compare` does; no units: rows are."""
    units = units or Units.of(None, None, len(truth))
    return compare(kind, metric, truth, {"": challenger}, other, units, **options)[""]


def promise(found: Difference, bar: float = 0.0) -> tuple[bool, float]:
    """Rank a difference: what surely is better first, by its interval; the others by estimate."""
    sure = found.low > bar
    return sure, float(np.nan_to_num(found.low if sure else found.estimate, nan=-np.inf))


def distance(
    kind: Kind | Scale,
    metric: str,
    truth: Array,
    output: Output,
    threshold: float,
    units: Units,
    *,
    name: str = "the floor",
    confidence: float = 0.95,
    resamples: int = 1000,
) -> Difference:
    """Estimate how much better than a threshold the metric is, in the direction of better."""
    at = _Moved(threshold, np.zeros(len(truth)))
    found = _Moved.by(kind, metric, truth, output, units)
    asked = _Asked(name, metric, confidence, resamples, seed=0)
    sign = 1.0 if Scale.of(kind).directions[metric] else -1.0
    return asked.differences({"": found.less(at, sign)}, threshold, units)[""]


def by_slice(
    use_case: UseCase,
    cuts: Mapping[str, Array],
    truth: Array,
    challenger: Output,
    champion: Output | None,
    units: Units,
    *,
    name: str,
) -> dict[str, dict[str, dict[str, Difference]]]:
    """Estimate how much better a challenger is in each slice: slice → value → metric → difference.

    A metric that is not defined there (no positives, say) is left out.

    Args:
        use_case: its gate names metric, floors and confidence.
        cuts: slice name to the slice of each row.
        truth: the labels, (rows,).
        challenger: its answers on those rows.
        champion: the champion's; None: there is none, the floors are compared with.
        units: of the rows.
        name: of the champion, or of the floors.
    """
    kind, gate = use_case.scale, use_case.gate
    floors = {m: v for m, v in gate.floors.items() if m == gate.metric} or gate.floors
    asked: dict[str, Any] = {"name": name, "confidence": gate.confidence}

    def at(rows: Array) -> dict[str, Difference]:
        there, ours, of = truth[rows], challenger.take(rows), units.take(rows)
        known = metrics.score_slice(kind, there, ours)
        if champion is None:
            given = {m: (there, ours, floor, of) for m, floor in floors.items() if m in known}
            return {m: distance(kind, m, *these, **asked) for m, these in given.items()}
        theirs, metric = champion.take(rows), gate.metric
        if metric not in known.keys() & metrics.score_slice(kind, there, theirs).keys():
            return {}
        return {metric: paired_difference(kind, metric, there, ours, theirs, of, **asked)}

    return {
        slice_name: {str(value): at(values == value) for value in np.unique(values)}
        for slice_name, values in cuts.items()
    }


@dataclass(frozen=True)
class _Moved:
    """A figure, and how much each row moves it."""

    figure: float
    by_row: Floats

    @classmethod
    def by(
        cls, kind: Kind | Scale, metric: str, truth: Array, output: Output, units: Units
    ) -> "_Moved":
        figure = metrics.score(kind, truth, output, [metric]).get(metric, math.nan)
        return cls(figure, influence(kind, metric, truth, output, units))

    def less(self, other: "_Moved", sign: float) -> "_Moved":
        return _Moved(sign * (self.figure - other.figure), sign * (self.by_row - other.by_row))


@dataclass(frozen=True)
class _Asked:
    """What all the differences have in common."""

    other: str
    metric: str
    confidence: float
    resamples: int
    seed: int
    share: float = 1.0
    """Of the chance to err."""
    stretch: str = ""
    """Of the judged rows, in words; empty: all of them."""
    moving: bool = False
    """The differences may move from the oldest unit to the newest."""

    def within(
        self,
        rows: Array,
        kind: Kind | Scale,
        truth: Array,
        challengers: Mapping[str, Output],
        other: Output,
        units: Units,
    ) -> dict[str, Difference]:
        """Compare on some of the rows, the newest."""
        there = units.take(rows)
        some, every = (replace(one, group=None).count for one in (there, units))
        words = f"the newest {some} of {every} {units.name.split(', ')[0]}s"
        outputs = {one: output.take(rows) for one, output in challengers.items()}
        asked = replace(self, stretch=words)
        return asked.compare(kind, truth[rows], outputs, other.take(rows), there)

    def compare(
        self,
        kind: Kind | Scale,
        truth: Array,
        challengers: Mapping[str, Output],
        other: Output,
        units: Units,
    ) -> dict[str, Difference]:
        theirs = _Moved.by(kind, self.metric, truth, other, units)
        sign = 1.0 if Scale.of(kind).directions[self.metric] else -1.0
        less = {
            name: _Moved.by(kind, self.metric, truth, output, units).less(theirs, sign)
            for name, output in challengers.items()
        }
        return self.differences(less, theirs.figure, units)

    def differences(
        self, found: Mapping[str, _Moved], figure: float, units: Units
    ) -> dict[str, Difference]:
        """Return the differences to another model, whose own figure is given."""
        known = {name: one for name, one in found.items() if math.isfinite(one.figure)}
        moved = np.array([one.by_row for one in known.values()]).reshape(len(known), units.rows).T
        spread = units.spread(moved, moving=self.moving)
        held = 1 - self.share * (1 - self.confidence)
        times = critical(spread, held, self.resamples, self.seed)
        facts = {
            name: self._facts(spread.error[k], times[k], one, figure, units)
            for k, (name, one) in enumerate(known.items())
        }
        return {
            name: Difference(
                other=self.other,
                metric=self.metric,
                estimate=one.figure,
                confidence=self.confidence,
                resamples=self.resamples,
                over=len(found),
                unit=units.words(spread),
                units=units.count,
                stretch=self.stretch,
                **facts.get(name, {"low": math.nan, "high": math.nan}),
            )
            for name, one in found.items()
        }

    def _facts(
        self, error: float, times: float, one: _Moved, figure: float, units: Units
    ) -> dict[str, Any]:
        if not math.isfinite(times * error):  # of one unit, or not defined without one
            return {"low": math.nan, "high": math.nan}
        half, alone = times * error, float(np.sqrt((one.by_row**2).sum())) / units.rows
        point = 0.01 if self.metric in SHARES else abs(figure) / 100
        seen = error * (times + norm.ppf(POWER)) / point if point else 0.0
        return {
            "low": float(one.figure - half),
            "high": float(one.figure + half),
            "effective_rows": float(units.rows * min(1.0, alone / error) ** 2) if error else None,
            "rows_for_a_point": math.ceil(units.rows * seen**2) if seen else None,
        }


def critical(spread: Spread, confidence: float, draws: int, seed: int) -> Floats:
    """Return how many standard errors to either side each interval takes, (k,).

    One: the quantile of Student's t. Several: the same for all, the quantile of the largest |t| of
    normal means over standard errors from as many normal values as there are degrees of freedom
    (the fewest that one has), all with the correlation that was found.
    """
    if not np.isfinite(spread.correlation).all():
        return np.full(len(spread.error), math.nan)
    if len(spread.error) < 2:
        return np.asarray(student.ppf((1 + confidence) / 2, spread.freedom))
    generator = np.random.default_rng(seed)
    freedom = int(min(spread.freedom.min(), MOST_FREEDOM))
    values, vectors = np.linalg.eigh(spread.correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    largest = []
    for start in range(0, draws, CHUNK):
        shape = (min(CHUNK, draws - start), freedom + 1, len(root))
        drawn = generator.normal(size=shape) @ root.T
        error = np.sqrt((drawn[:, 1:] ** 2).mean(axis=1))
        t = np.divide(np.abs(drawn[:, 0]), error, out=np.zeros_like(error), where=error > 1e-9)
        largest.append(t.max(axis=1))
    return np.full(len(root), np.quantile(np.concatenate(largest), confidence))
