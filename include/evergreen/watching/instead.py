"""What another version would have answered, held against the answers that were given.

    told = records.predictions.reviewed("weather", window, 10_000)    # answers with their labels
    held = hold(
        own, told, scale, confidence=0.99, quarantine=records.quarantine, settings=settings
    )
    held.difference.low > 0       # it surely would have answered better

Both answer the same rows, so the comparison is paired, whoever was asked at the time. Days are the
units that are independent, as far as they are (see `judging.units`). Who is asked now must have
been fitted before any of these rows was answered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.dossier import Dossier, RawColumn
from evergreen.errors import ModelRefused
from evergreen.judging.differences import compare
from evergreen.judging.evidence import Difference
from evergreen.judging.influence import influence
from evergreen.judging.units import Units
from evergreen.learning import metrics, models, tracking, walking
from evergreen.learning.models import Array, Output
from evergreen.records import Reviewed
from evergreen.serving import history
from evergreen.serving.contract import Contract, Refused, Row
from evergreen.serving.left_out import LeftOut, Quarantined
from evergreen.settings import Settings
from evergreen.spec import Scale
from evergreen.watching import quality

LEAST_LEFT = 0.5
"""Share of the rows that must be in the source still; those that are gone count as unlabelled."""


@dataclass(frozen=True)
class Held:
    """Another version beside the answers that were given, on the same labels."""

    metric: str
    given: float
    instead: float
    difference: Difference
    """How much better the other version would have been."""
    newest: bool
    """It would have been better on the newest half of the labels, too."""
    days: float
    """Days of labels, counted as what they are worth: see `effective_days`."""
    rows: int
    """Labels that both are held by."""

    @property
    def is_defined(self) -> bool:
        """Tell whether the metric is defined for these labels."""
        figures = [self.difference.low, self.given, self.instead]
        return bool(np.isfinite(figures).all())


def hold(
    own: Dossier,
    told: Reviewed,
    scale: Scale,
    *,
    confidence: float,
    quarantine: Quarantined | None,
    settings: Settings,
) -> Held:
    """Let a version answer what was asked, and compare by the metric that it was judged by.

    Where it looks back at the source, rows that are gone from there are left out.

    Raises:
        ModelRefused: it cannot be loaded, or reads what was not asked.
        Refused: its contract takes one of the rows no more, or most of them are gone.
        StatementRefused: the rows that it looks back at cannot be read.
    """
    told = _remaining(own, told, settings)
    metric, (truth, given) = own.proof.metric, quality.answers(own.answers, told)
    instead = answers(own, told, quarantine, settings)
    if given.classes is not None:
        instead = instead.over(given.classes)
    newest = np.argsort(np.array(told.times), kind="stable")[len(truth) // 2 :]

    def score(output: Output, rows: Any = slice(None)) -> float:
        return metrics.score(scale, truth[rows], output.take(rows), [metric]).get(metric, np.nan)

    difference = compare(
        scale, metric, truth, {"instead": instead}, given,
        Units.of(pd.Series(told.times), None, len(truth)),
        name="the answers given", confidence=confidence,
    )["instead"]  # fmt: skip
    sign = 1 if own.more_is_better else -1
    better = sign * (score(instead, newest) - score(given, newest)) > 0
    apart = influence(scale, metric, truth, instead) - influence(scale, metric, truth, given)
    days = effective_days(apart, pd.Series(told.times).dt.floor("D").to_numpy())
    return Held(metric, score(given), score(instead), difference, bool(better), days, len(truth))


def effective_days(values: NDArray[np.float64], days: NDArray[Any]) -> float:
    """Return how many independent days tell as much as these, which follow on one another.

    n (1 - r) / (1 + r) for n days whose means are an AR(1) of correlation r (Bayley & Hammersley,
    Supplement to the JRSS 8, 1946). What few days show of r is too small by (1 + 3r) / n, which is
    added (Kendall, Biometrika 41, 1954); below 0 it is 0.

    Args:
        values: of each row, (rows,).
        days: of each row, (rows,).
    """
    means = pd.Series(values).groupby(days).mean().to_numpy()
    count, apart = len(means), means - means.mean()
    spread = float((apart**2).sum())
    shown = float((apart[1:] * apart[:-1]).sum()) / spread if spread else 0.0
    correlation = min(max(shown + (1 + 3 * shown) / count, 0.0), 0.99)
    return count * (1 - correlation) / (1 + correlation)


def answers(
    own: Dossier, told: Reviewed, quarantine: Quarantined | None, settings: Settings
) -> Output:
    """Let a version answer what was asked; raises as `hold` does."""
    model = tracking.fetch_model(settings, own.model.uri, own.model.sha256)
    contract = Contract.of(own, settings.expectations_dir / f"{own.use_case}.json")
    if not own.inputs.looks_back:
        rows = [_with_moments(own.inputs.columns, row) for row in told.inputs]
        return models.predict(model, contract.frame(rows))
    keys, left_out = _keys(own, told), LeftOut(own.use_case, own.inputs, quarantine)

    def answer(some: Array) -> Output:
        raw, places = history.read(
            settings.warehouse_url, contract, [keys[n] for n in some], own.inputs.lookback, left_out
        )
        return models.predict(model, raw).take(places)

    order = _neighbours(own, told)
    return walking.joined(_in_parts(order, answer)).take(np.argsort(order))


def _in_parts(some: Array, answer: Callable[[Array], Output]) -> list[Output]:
    """Answer rows at once, or half of them at a time where they look back at too many."""
    try:
        return [answer(some)]
    except history.TooMany:
        if len(some) == 1:
            raise
    half = len(some) // 2
    return [*_in_parts(some[:half], answer), *_in_parts(some[half:], answer)]


def _neighbours(own: Dossier, told: Reviewed) -> Array:
    """Return the places of the rows so that those which look back at the same are side by side."""
    time = str(own.inputs.timestamp)
    names = [*own.inputs.entity, time]
    rows = [
        {time: moment.isoformat()} | (key or {}) | row
        for moment, key, row in zip(told.times, told.keys, told.inputs, strict=True)
    ]
    return np.array(sorted(range(len(rows)), key=lambda n: [str(rows[n].get(c)) for c in names]))


def _remaining(own: Dossier, told: Reviewed, settings: Settings) -> Reviewed:
    """Leave out what the source holds no more.

    Raises:
        Refused: that is most of it.
    """
    if not own.inputs.looks_back:
        return told
    kept = history.known(settings.warehouse_url, own.inputs, _keys(own, told))
    if kept.mean() < LEAST_LEFT:
        raise Refused("keys", f"of the {len(kept)} rows, the source holds only {kept.sum()} still")
    return told.take(kept.tolist())


def _keys(own: Dossier, told: Reviewed) -> list[Row]:
    return [
        _with_moments(own.inputs.key, (key or {}) | row)
        for key, row in zip(told.keys, told.inputs, strict=True)
    ]


def _with_moments(columns: Sequence[RawColumn], row: Row) -> Row:
    """Return the columns of a logged row, with times read again: in the log they are text.

    Raises:
        ModelRefused: the row does not hold one of them.
    """
    if lacking := [column.name for column in columns if column.name not in row]:
        raise ModelRefused(f"it needs {', '.join(lacking)}, which what was asked does not hold")
    return {
        column.name: datetime.fromisoformat(row[column.name])
        if column.is_time and row[column.name] is not None
        else row[column.name]
        for column in columns
    }
