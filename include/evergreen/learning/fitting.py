"""Search, cross-validate and fit one candidate on the training rows. Knows no MLflow."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline

from evergreen.data import splits
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.learning import features, metrics, models
from evergreen.learning.features import PART, RawHoldout
from evergreen.learning.models import Output
from evergreen.spec import Candidate, UseCase

Array = NDArray[Any]

IMPORTANCE_ROWS = 2_000
IMPORTANCE_REPEATS = 3


@dataclass(frozen=True)
class Trial:
    """One point of the search space, and mean and deviation of each metric over the folds."""

    parameters: dict[str, Any]
    mean: dict[str, float]
    std: dict[str, float]


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


def fit(
    use_case: UseCase, candidate: Candidate, frame: pd.DataFrame, holdout: RawHoldout
) -> Fitted:
    """Choose the parameters by cross-validation, fit on all training rows, score the holdout.

    Args:
        use_case: the declaration.
        candidate: one of its candidates or baselines.
        frame: what `features.load` returns.
        holdout: the raw held-out rows, which the fitted model gets as they are.
    """
    began = time.perf_counter()
    training = frame[frame[PART] == TRAINING]
    truth = features.labels(use_case, training[use_case.source.target])
    trials = search(use_case, candidate, training, truth)
    best = _best(use_case, trials)
    model = models.pipeline(use_case, candidate, best.parameters)
    model[1:].fit(training, truth)  # the features are computed already, with all their history
    output = models.predict(model, holdout.rows).take(holdout.mask)
    return Fitted(
        model=model,
        trials=trials,
        best=best,
        output=output,
        metrics=metrics.score(use_case.kind, holdout.truth, output),
        importance=importance(use_case, candidate, model, frame[frame[PART] == HOLDOUT]),
        seconds=time.perf_counter() - began,
    )


def search(
    use_case: UseCase, candidate: Candidate, training: pd.DataFrame, truth: Array
) -> list[Trial]:
    """Cross-validate every trial on the same folds; a candidate without a search is one trial."""
    folds = splits.folds(use_case, training)
    trials = []
    for parameters in _points(use_case, candidate):
        model = models.pipeline(use_case, candidate, parameters)[1:]
        scores = [_fold(use_case, clone(model), training, truth, *fold) for fold in folds]
        trials.append(_trial(parameters, scores))
    return trials


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


def _fold(
    use_case: UseCase,
    model: Pipeline,
    training: pd.DataFrame,
    truth: Array,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
) -> Mapping[str, float]:
    model.fit(training.iloc[train], truth[train])
    output = models.predict(model, training.iloc[test])
    return metrics.score(use_case.kind, truth[test], output)


def _trial(parameters: dict[str, Any], scores: Sequence[Mapping[str, float]]) -> Trial:
    """Average each metric over the folds in which it is defined."""
    names = dict.fromkeys(name for fold in scores for name in fold)
    found = {name: [fold[name] for fold in scores if name in fold] for name in names}
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    return Trial(parameters, mean, {name: float(np.std(v)) for name, v in found.items()})


def _points(use_case: UseCase, candidate: Candidate) -> list[dict[str, Any]]:
    """Return the whole search space, or as many seeded random points of it as are allowed."""
    grid = ParameterGrid({name: list(values) for name, values in candidate.search.items()})
    if len(grid) <= candidate.trials:
        return list(grid)
    chosen = np.random.default_rng(use_case.seed).choice(len(grid), candidate.trials, replace=False)
    return [grid[i] for i in sorted(chosen)]


def _best(use_case: UseCase, trials: Sequence[Trial]) -> Trial:
    """Return the first trial that none beats; one whose metric is not defined beats none."""
    sign = 1 if use_case.more_is_better else -1
    metric = use_case.gate.metric
    return max(trials, key=lambda t: sign * t.mean.get(metric, -sign * np.inf))
