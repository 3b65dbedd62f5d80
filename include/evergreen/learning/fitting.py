"""Search, cross-validate and fit one candidate on the training rows. Knows no MLflow."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.learning import features, intervals, metrics, models, searching, worth
from evergreen.learning.features import PART, RawHoldout
from evergreen.learning.models import Output
from evergreen.learning.searching import Found, Trial
from evergreen.spec import Candidate, UseCase

Array = NDArray[Any]

IMPORTANCE_ROWS = 2_000
IMPORTANCE_REPEATS = 3


@dataclass(frozen=True)
class Fitted:
    """A fitted candidate, with all that its run will say of it."""

    model: Pipeline
    trials: Sequence[Trial]
    best: Trial
    output: Output
    """Of the held-out rows."""
    metrics: dict[str, float]
    """On the held-out rows."""
    importance: dict[str, float]
    seconds: float
    worth: dict[str, float] = field(default_factory=dict)
    """The business figures on the held-out rows; empty: none is declared."""


def fit(
    use_case: UseCase,
    candidate: Candidate,
    frame: pd.DataFrame,
    holdout: RawHoldout,
    raw: pd.DataFrame | None = None,
) -> Fitted:
    """Choose the parameters by cross-validation, fit on all training rows, score the holdout.

    The predictions of the cross-validation also choose the decision threshold and the width of the
    intervals, where the use case declares them.

    Args:
        use_case: the declaration.
        candidate: one of its candidates or baselines.
        frame: what `features.load` returns.
        holdout: the raw held-out rows, which the fitted model gets as they are.
        raw: the raw training rows, which the worth of a threshold is measured on.
    """
    began = time.perf_counter()
    training = frame[frame[PART] == TRAINING]
    truth = features.labels(use_case, training[use_case.source.target])
    found = searching.search(use_case, candidate, training, truth)
    extras, best = _extras(use_case, found, truth, raw)
    model = models.pipeline(use_case, candidate, best.parameters, **extras)
    model[1:].fit(training, truth)  # the features are computed already, with all their history
    output = models.predict(model, holdout.rows).take(holdout.mask)
    return Fitted(
        model=model,
        trials=found.trials,
        best=best,
        output=output,
        metrics=metrics.score(use_case.kind, holdout.truth, output),
        importance=importance(use_case, candidate, model, frame[frame[PART] == HOLDOUT]),
        seconds=time.perf_counter() - began,
        worth=worth.measure(use_case, holdout.held_out, holdout.truth, output),
    )


def _extras(
    use_case: UseCase, found: Found, truth: Array, raw: pd.DataFrame | None
) -> tuple[dict[str, Any], Trial]:
    """Return what the model shall hold besides its parameters, and the best trial with it."""
    if use_case.interval is not None:
        errors = truth[found.tested.rows] - found.tested.labels
        return {"half_width": intervals.half_width(errors, use_case.interval)}, found.best
    classes = found.tested.outputs[0].classes
    if raw is None or classes is None or found.tested.outputs[0].probabilities is None:
        return {}, found.best
    threshold = worth.threshold(use_case, raw, truth, found.tested)
    decided = found.tested.decided(threshold)
    return {"threshold": threshold, "positive": classes[-1].item()}, searching.score(
        use_case, found.best.parameters, truth, decided
    )


def importance(
    use_case: UseCase, candidate: Candidate, model: Pipeline, holdout: pd.DataFrame
) -> dict[str, float]:
    """Return how much worse the gate's metric gets when a feature is shuffled, for each feature.

    Mean of a few shuffles of at most 2,000 held-out rows, seeded; all are predicted at once.
    Source: Breiman, "Random Forests", Machine Learning 45 (2001), section 10.
    """
    rows = holdout.sample(min(len(holdout), IMPORTANCE_ROWS), random_state=use_case.seed)
    names = list(candidate.columns or use_case.features.columns)
    truth = features.labels(use_case, rows[use_case.source.target])
    rng = np.random.default_rng(use_case.seed)
    copies = [rows]
    for name in names:
        for _ in range(IMPORTANCE_REPEATS):
            shuffled = rows[name].to_numpy(copy=True)[rng.permutation(len(rows))]
            copies.append(rows.assign(**{name: shuffled}))
    output = models.predict(model[1:], pd.concat(copies, ignore_index=True))
    scores = _scores(use_case, truth, output)
    lost = (scores[0] - scores[1:]) * (1 if use_case.more_is_better else -1)
    mean = lost.reshape(len(names), IMPORTANCE_REPEATS).mean(axis=1)
    return dict(zip(names, np.nan_to_num(mean).tolist(), strict=True))


def _scores(use_case: UseCase, truth: Array, output: Output) -> Array:
    """Score each of the copies of the same rows, one after another, in `output`."""
    metric = use_case.gate.metric
    parts = np.arange(len(output)).reshape(-1, len(truth))
    found = (metrics.score(use_case.kind, truth, output.take(p), [metric]) for p in parts)
    return np.array([scores.get(metric, np.nan) for scores in found])
