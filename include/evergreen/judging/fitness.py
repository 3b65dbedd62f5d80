"""What can be known of a fit before its labels come: of the very bytes that are to serve.

facts = examine(use_case, evaluation, fitted, "refresh", evidence, usual=(0.01,), settings=...)
facts.model_tests, facts.golden_difference, facts.fit.disagreement
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from evergreen.data.calendar import block_length
from evergreen.errors import ModelRefused
from evergreen.judging import model_tests
from evergreen.judging.evidence import Evidence, Fit, Schema
from evergreen.learning import features, fitting, hiccups, models, tracking, training
from evergreen.learning.data import Data
from evergreen.learning.features import RawHoldout
from evergreen.learning.models import Array, Output
from evergreen.refs import CandidateRef, ChampionRef, EvaluationRef, InCharge, Span
from evergreen.settings import Settings
from evergreen.spec import UseCase

ANSWERS = 30
"""How often one answer is timed."""
STRETCH = timedelta(days=14)
STRETCHES = 52
"""How many stretches of history tell the usual label."""


def examine(
    use_case: UseCase,
    evaluation: EvaluationRef,
    fitted: CandidateRef,
    kind: str,
    evidence: Evidence,
    *,
    in_charge: InCharge | None,
    usual: Sequence[float],
    settings: Settings,
) -> Evidence:
    """Return the evidence with what the fit itself shows.

    Args:
        use_case: the declaration.
        evaluation: the recipes' evaluation.
        fitted: the recipe with the model that is to serve.
        kind: `change` or `refresh`.
        evidence: about the recipes.
        in_charge: the champion that serves now.
        usual: how much the refreshes before it disagreed with the fits before them.
        settings: where models and snapshots are.
    """
    recipe = training.recipe_of(use_case, fitted, in_charge, settings)
    data = features.data(evaluation.features, use_case, settings, recipe.code)
    holdout = features.held_out(use_case, data)
    model = tracking.fetch_model(settings, fitted.model_uri, fitted.sha256)
    output = models.predict(model, holdout.rows).take(holdout.mask)
    subject = model_tests.Subject(use_case, model, holdout, output, data.rows.classes)
    fit = Fit(
        kind=kind,
        name=evidence.challenger.name if kind == "change" else recipe.name,
        sha256=fitted.sha256,
        training=_span(data, fitting.learned(recipe, data)),
        before=in_charge.champion.training if in_charge else None,
        disagreement=_disagreement(in_charge, holdout, output, settings),
        usual=tuple(usual),
        **_labels(use_case, data),
    )
    return _reloaded(
        replace(
            evidence,
            fit=fit,
            model_tests=model_tests.examine(subject),
            latency_ms=_latency(subject),
            size_bytes=_size(model),
        ),
        model, fitted, holdout, settings,
    )  # fmt: skip


def _reloaded(
    evidence: Evidence,
    model: Pipeline,
    fitted: CandidateRef,
    holdout: RawHoldout,
    settings: Settings,
) -> Evidence:
    try:
        golden = tracking.fetch_golden(settings, fitted.run_id)
    except ModelRefused as error:
        return replace(evidence, golden_problem=str(error))
    offered = {str(name): str(kind) for name, kind in holdout.rows.dtypes.items()}
    takes = {str(name): str(kind) for name, kind in golden.rows.dtypes.items()}
    return replace(
        evidence,
        golden_difference=models.reproduces(model, golden),
        schema=Schema(takes=takes, offered=offered),
    )


def _disagreement(
    in_charge: InCharge | None, holdout: RawHoldout, output: Output, settings: Settings
) -> float | None:
    """Return how far the new fit's answers to the newest rows are from those of the present one."""
    if in_charge is None:
        return None
    champion: ChampionRef = in_charge.champion
    try:
        model = tracking.fetch_model(settings, champion.model_uri, champion.sha256)
        before = models.predict(model, holdout.rows).take(holdout.mask)
    except Exception as error:  # it cannot be asked any more: nothing to agree with
        if hiccups.passes(error):
            raise
        return None
    return apart(output, before, holdout.truth)


def apart(output: Output, before: Output, truth: Array) -> float:
    """Return how far two fits' answers to the same rows are from one another.

    Classes: the share of the rows that is answered otherwise; with probabilities, their mean total
    variation distance, 0 to 1, over what either knows: a class may come into a short window, or
    leave it. Values: the mean difference, in standard deviations of the truth.
    """
    if output.classes is None or before.classes is None:
        spread = float(np.std(truth)) or 1.0
        return float(np.abs(output.labels - before.labels).mean() / spread)
    if output.probabilities is None or before.probabilities is None:
        return float((output.labels != before.labels).mean())
    either = np.union1d(output.classes, before.classes)
    new, old = (np.asarray(one.over(either).probabilities) for one in (output, before))
    return float((np.abs(new - old).sum(axis=1) / 2).mean())


def _labels(use_case: UseCase, data: Data) -> dict[str, Any]:
    """Return the mean label of the newest stretch, and of each such stretch before it.

    One with less than half as many rows as is usual, such as the last, cut off, tells nothing.
    """
    times, truth = data.rows.times, data.rows.truth
    if not use_case.windows.temporal or times is None or truth.dtype.kind not in "fiu":
        return {}
    known, length = times.iloc[data.folds.newest], min(block_length(use_case), STRETCH)
    ages = ((known.max() - known) // length).to_numpy()
    stretches = pd.Series(truth[data.folds.newest], dtype=float).groupby(ages)
    told = stretches.agg(["mean", "size"]).iloc[: STRETCHES + 1]
    before = told.iloc[1:]
    telling = before["mean"][2 * before["size"] >= before["size"].median()]
    error = float(stretches.sem().iloc[0])
    return {
        "label": float(told["mean"].iloc[0]),
        "label_error": error if np.isfinite(error) else None,
        "labels": tuple(telling.tolist()),
    }


def _span(data: Data, rows: Any) -> Span:
    if data.rows.times is None:
        return Span(rows=len(rows))
    times = data.rows.times.iloc[rows]
    return Span(rows=len(rows), start=times.min().to_pydatetime(), end=times.max().to_pydatetime())


def _latency(subject: model_tests.Subject) -> float:
    """Return the median of the milliseconds of one answer, history and features included.

    Of the processor: what else the machine does at the moment is not the model's fault.
    """
    rows = subject.latest()
    times = []
    for _ in range(ANSWERS):
        start = time.process_time()
        subject.answers(rows)
        times.append(time.process_time() - start)
    return statistics.median(times) * 1000


def _size(model: Pipeline) -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, tracking.MODEL_FILE)
        models.save(model, file)
        return file.stat().st_size
