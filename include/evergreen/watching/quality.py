"""The recipe's quality in service, on labels that came later than the answers of its fits.

found = measure(dossier, profile, labelled, since, least=50)
found.metrics[0].live, found.metrics[0].holdout, found.coverage
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from evergreen.dossier import Answers, Dossier
from evergreen.judging.units import Units
from evergreen.learning import metrics
from evergreen.learning.models import Array, Output
from evergreen.records import Labelled, Reviewed
from evergreen.spec import Kind, Metric, Scale
from evergreen.watching.facts import MetricFacts, QualityFacts
from evergreen.watching.profile import Error, Profile, standard_errors, wanted_metrics


def measure(
    dossier: Dossier,
    profile: Profile | None,
    labelled: Labelled,
    since: datetime,
    least: int,
    own: tuple[Metric, ...] = (),
) -> QualityFacts:
    """Score the labelled answers, `least` or more, beside the walk forward and every floor.

    `profile` None: what the recipe reached in the walk forward is unknown. `own`: metrics that are
    declared today; one that is no longer, and by which the champion was gated, is undefined.
    """
    names, count, scored = wanted_metrics(dossier), labelled.labelled, len(labelled.times)
    bare = QualityFacts(since=since, due=labelled.due, labelled=count, scored=scored)
    if count < least:
        none = tuple(_facts(name, dossier, profile, {}, {}) for name in names)
        problem = (
            f"{count} of {labelled.due} labels that are due have come;"
            f" the live {dossier.proof.metric} needs {least}"
        )
        return replace(bare, metrics=none, problem=problem)
    truth, output = answers(dossier.answers, labelled)
    times = pd.Series(labelled.times)
    newest = np.argsort(np.array(labelled.times), kind="stable")[scored - scored // 2 :]
    found = _score(names, dossier, profile, truth, output, times, own)
    late = (
        _score(names, dossier, profile, truth[newest], output.take(newest), times.iloc[newest], own)
        if len(newest) >= least
        else ()
    )
    undefined = [metric.name for metric in found if metric.live is None]
    told = f"{', '.join(undefined)}: not defined for these labels, or told by too few of them"
    problem = told if undefined else ""
    return replace(bare, metrics=found, newest=late, problem=problem)


def _score(
    names: Sequence[str],
    dossier: Dossier,
    profile: Profile | None,
    truth: Array,
    output: Output,
    times: "pd.Series[Any]",
    own: tuple[Metric, ...],
) -> tuple[MetricFacts, ...]:
    """Score answers, with errors by what of them is independent; without one, nothing is known."""
    scale = Scale(dossier.answers.kind, own)
    live = metrics.score(scale, truth, output, names)
    errors = standard_errors(scale, truth, output, names, Units.of(times, None, len(truth)))
    known = {name: value for name, value in live.items() if name in errors}
    return tuple(_facts(name, dossier, profile, known, errors) for name in names)


def _facts(
    name: str,
    dossier: Dossier,
    profile: Profile | None,
    live: Mapping[str, float],
    errors: Mapping[str, Error],
) -> MetricFacts:
    return MetricFacts(
        name=name,
        more_is_better=dossier.directions[name],
        live=live.get(name),
        floor=dossier.proof.floors.get(name),
        holdout=profile.metrics.get(name) if profile and name in profile.errors else None,
        **_errors(errors.get(name), profile.errors.get(name) if profile else None),
    )


def _errors(live: Error | None, holdout: Error | None) -> dict[str, float]:
    live, holdout = live or Error(), holdout or Error()
    return {
        "error": live.value, "freedom": live.freedom,
        "holdout_error": holdout.value, "holdout_freedom": holdout.freedom,
    }  # fmt: skip


def answers(own: Answers, labelled: Labelled | Reviewed) -> tuple[Array, Output]:
    """Return truth and answers as `metrics.score` takes them."""
    if own.kind is Kind.REGRESSION:
        return np.asarray(labelled.labels, dtype=float), output_of(own, labelled.outputs, ())
    whole = all(isinstance(value, int) for value in labelled.outputs)
    truth = _classes(labelled.labels, whole)
    return truth, output_of(own, labelled.outputs, labelled.probabilities)


def output_of(
    own: Answers, outputs: Sequence[Any], rows: Sequence[Mapping[str, float] | None]
) -> Output:
    """Return logged answers as a model gives them; `rows` are their probabilities by class.

    They are of all classes that the gate measured, and of those that were logged.
    """
    if own.kind is Kind.REGRESSION:
        return Output(np.asarray(outputs, dtype=float))
    whole = all(isinstance(value, int) for value in outputs)
    said, known = _classes(outputs, whole), _classes(own.known, whole)
    if not rows or any(row is None for row in rows):
        return Output(said, None, known)
    names = sorted({name for row in rows if row for name in row}, key=int if whole else str)
    table = np.array([[(row or {}).get(name, 0.0) for name in names] for row in rows])
    logged = _classes(names, whole)
    return Output(said, table, logged).over(np.union1d(known, logged))


def _classes(values: Sequence[Any], whole: bool) -> Array:
    """Return labels as training has them: whole numbers (True is 1), or text."""
    if not whole:
        return np.array([str(value) for value in values])
    return np.array([_whole(value) for value in values], dtype=np.int64)


def _whole(value: Any) -> int:
    """Read a label given as 1, 1.0, true or "1"; anything else is none of the classes."""
    try:
        return int(float(value))
    except (TypeError, ValueError):
        return np.iinfo(np.int64).min
