"""What a policy would have cost and gained: figures of what it served, block by block."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from evergreen.judging.differences import paired_difference
from evergreen.judging.units import Units
from evergreen.learning import walking
from evergreen.learning.models import Output
from evergreen.replaying import recovering
from evergreen.replaying.history import History
from evergreen.replaying.policies import DECLARED, NEVER, Change, Played
from evergreen.replaying.ruling import figure

DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Gained:
    """How much better than "as declared", in the direction of better."""

    estimate: float | None
    low: float | None
    high: float | None
    """Of an interval in which days (or what follows on one another) are the units."""


@dataclass(frozen=True, kw_only=True)
class PolicyOutcome:
    """What came of one policy."""

    name: str
    metric: float | None
    """Of all rows of the period; None: it is not defined there."""
    difference: Gained
    age_days: float
    """From the newest row that the fit had seen to the row that it answered, on average."""
    trainings: int
    seconds: float
    """Of the fits that it made, to serve and to judge."""
    changes: int
    """Of the recipe in charge."""
    worse_later: int
    """Changes to a recipe that was surely worse than the one before until the next change."""
    recovery_days: float | None
    """See `recovering`; None: nothing to recover from, or it did not."""
    over_time: tuple[float | None, ...]
    """The metric of each block."""
    refused: Mapping[str, tuple[datetime, ...]]
    """When each check kept another recipe out."""


def outcomes(history: History, played: Mapping[str, Played]) -> tuple[PolicyOutcome, ...]:
    """Measure what the policies served; "as declared" must be among them."""
    said = {name: _said(history, one) for name, one in played.items()}
    over_time = {name: _over_time(history, output) for name, output in said.items()}
    days = recovering.days(history, over_time, over_time.get(NEVER))
    return tuple(
        PolicyOutcome(
            name=name,
            metric=_told(figure(history, _rows(history), said[name])),
            difference=_gained(history, said[name], said[DECLARED]),
            age_days=_age(history, one),
            trainings=len(one.trained),
            seconds=_seconds(history, one),
            changes=len(one.changes),
            worse_later=sum(_worse_later(history, one, n) for n in range(len(one.changes))),
            recovery_days=days[name],
            over_time=tuple(_told(value) for value in over_time[name]),
            refused={
                check: tuple(history.period.cuts[cut] for cut in cuts)
                for check, cuts in one.refused.items()
            },
        )
        for name, one in played.items()
    )


def _rows(history: History) -> slice:
    return slice(history.bounds[history.period.first], len(history.places))


def _said(history: History, one: Played) -> Output:
    blocks = zip(history.blocks, one.served, strict=True)
    return walking.joined([history.said(name, fit, block) for block, (name, fit) in blocks])


def _over_time(history: History, output: Output) -> NDArray[np.float64]:
    start = _rows(history).start
    found = []
    for number in history.blocks:
        rows = history.block(number)
        found.append(
            figure(history, rows, output.take(np.arange(rows.start - start, rows.stop - start)))
        )
    return np.array(found)


def _gained(history: History, output: Output, declared: Output) -> Gained:
    return _difference(history, _rows(history), output, declared)


def _difference(history: History, rows: slice, output: Output, other: Output) -> Gained:
    use_case, gate = history.use_case, history.use_case.gate
    times = history.times.iloc[rows]
    found = paired_difference(
        use_case.scale, gate.metric, history.truth[rows], output, other,
        Units.of(times, None, len(times)), name=DECLARED, confidence=gate.confidence,
    )  # fmt: skip
    return Gained(estimate=_told(found.estimate), low=_told(found.low), high=_told(found.high))


def _age(history: History, one: Played) -> float:
    total = 0.0
    for block, (name, fit) in zip(history.blocks, one.served, strict=True):
        known = history.fit(name, fit).trained_until
        total += float((history.times.iloc[history.block(block)] - known).dt.total_seconds().sum())
    rows = _rows(history)
    return float(total / max(rows.stop - rows.start, 1) / DAY)


def _seconds(history: History, one: Played) -> float:
    return float(sum(history.fit(name, cut).seconds for name, cut in sorted(one.fitted)))


def _worse_later(history: History, one: Played, number: int) -> bool:
    change: Change = one.changes[number]
    after = one.changes[number + 1].cut if number + 1 < len(one.changes) else None
    stop = len(history.places) if after is None else history.bounds[after]
    rows = slice(history.bounds[change.cut], stop)
    places = np.arange(rows.start, rows.stop)
    new, old = (history.fresh(name).take(places) for name in (change.after, change.before))
    high = _difference(history, rows, new, old).high
    return high is not None and high < 0


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
