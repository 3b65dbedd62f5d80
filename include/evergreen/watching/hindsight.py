"""What the fit that served before would have answered: is the way back surely better?

    found = look_back(weather, window, records=records, settings=settings)
    found.surely_better, found.sentence

Live quality falls when the world changes, or when what was promoted is worse than what it replaced.
Only the second is cured by going back, and the labels that came since tell the two apart: the fit
that served when the window of labels began answers all that was asked since it was replaced, and is
held against the answers that were given, on the same labels. It was replaced before any of them was
asked, so that it has seen none.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from evergreen import dossier
from evergreen.dossier import Dossier, RawColumn
from evergreen.errors import DossierMissing, ModelRefused
from evergreen.judging.differences import compare
from evergreen.judging.units import Units
from evergreen.learning import metrics, models, tracking
from evergreen.learning.models import Output
from evergreen.records import Promotion, Records, Reviewed
from evergreen.records.errors import StatementRefused
from evergreen.refs import Window
from evergreen.serving import history
from evergreen.serving.contract import Contract, Refused, Row
from evergreen.settings import Settings
from evergreen.spec import Scale, UseCase
from evergreen.watching import quality
from evergreen.watching.facts import Hindsight

CONFIDENCE = 0.99
"""Of the interval: it is asked again whenever live quality is poor."""


def look_back(
    use_case: UseCase, end: datetime, *, records: Records, settings: Settings
) -> Hindsight:
    """Hold the fit that served before against the answers given since, on at most a sample of them.

    `end` is that of the window of labels.

    Raises:
        DatabaseAway: the database is away.
    """
    limits = use_case.monitoring
    since = end - use_case.labels_reach
    row, until = _before(records.promotions.of(use_case.name), since)
    if row is None or until is None:
        return Hindsight(problem="no earlier fit has served in the window of labels")
    found = Hindsight(version=row.version, until=until)
    asked = Window(start=max(until, since), end=end)
    told = records.predictions.reviewed(use_case.name, asked, limits.sample)
    if len(told.labels) < limits.min_labels:
        few = f"{len(told.labels)} labels have come since it was replaced, {limits.min_labels}"
        return replace(found, rows=len(told.labels), problem=f"{few} are needed")
    try:
        own = dossier.read(records.dossiers, use_case.name, row.version)
        instead = _answers(own, told, settings)
    except (DossierMissing, ModelRefused, Refused, StatementRefused) as problem:
        reason = " ".join(str(problem).split())
        return replace(found, rows=len(told.labels), problem=f"version {row.version}: {reason}")
    return _compared(found, own, told, instead, Scale(own.answers.kind, use_case.metrics))


def _before(rows: Sequence[Promotion], since: datetime) -> tuple[Promotion | None, datetime | None]:
    """Return who served at a moment (or first), and when the next came; `rows` are newest first.

    Nobody: it serves still, or is no earlier version than the one that serves.
    """
    for place, row in enumerate(rows):
        oldest = place == len(rows) - 1
        if not oldest and row.created_at and row.created_at > since:
            continue
        earlier = place > 0 and row.version < rows[0].version and row.sha256 != rows[0].sha256
        return (row, rows[place - 1].created_at) if earlier else (None, None)
    return None, None


def _answers(own: Dossier, told: Reviewed, settings: Settings) -> Output:
    """Let a version answer what was asked."""
    model = tracking.fetch_model(settings, own.model.uri, own.model.sha256)
    contract = Contract.of(own, settings.expectations_dir / f"{own.use_case}.json")
    if not own.inputs.looks_back:
        rows = [_with_moments(own.inputs.columns, row) for row in told.inputs]
        return models.predict(model, contract.frame(rows))
    keys = [
        _with_moments(own.inputs.key, (key or {}) | row)
        for key, row in zip(told.keys, told.inputs, strict=True)
    ]
    raw, places = history.read(settings.warehouse_url, contract, keys, own.inputs.lookback)
    return models.predict(model, raw).take(places)


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


def _compared(
    found: Hindsight, own: Dossier, told: Reviewed, instead: Output, scale: Scale
) -> Hindsight:
    metric = own.proof.metric
    truth, given = quality.answers(scale.kind, told)
    newest = np.argsort(np.array(told.times), kind="stable")[len(truth) // 2 :]

    def score(output: Output, rows: Any = slice(None)) -> float:
        return metrics.score(scale, truth[rows], output.take(rows), [metric]).get(metric, np.nan)

    difference = compare(
        scale, metric, truth, {"before": instead}, given,
        Units.of(pd.Series(told.times), None, len(truth)),
        name="the answers given", confidence=CONFIDENCE,
    )["before"]  # fmt: skip
    was, before, sign = score(given), score(instead), 1 if own.more_is_better else -1
    if not np.isfinite([difference.low, was, before]).all():
        problem = f"{metric} is not defined for the {len(truth)} labels since"
        return replace(found, rows=len(truth), problem=problem)
    return replace(
        found, rows=len(truth), given=was, before=before, difference=difference,
        newest=bool(sign * (score(instead, newest) - score(given, newest)) > 0),
    )  # fmt: skip
