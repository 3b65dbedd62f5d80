"""Hyper-parameter search by cross-validation, always on the same folds. Knows no MLflow.

    found = search(use_case, candidate, training, truth)
    found.best.parameters, found.output       # the best point, and its out-of-fold predictions

Lists of values: every point if there are no more than `candidate.trials`, else seeded random ones.
With a `Between`: a tree-structured Parzen estimator (Bergstra et al., NIPS 2011; Optuna's), seeded.
`candidate.budget` cuts the sequence of trials short and never changes it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from evergreen.data import splits
from evergreen.data.splits import Fold
from evergreen.learning import metrics, models
from evergreen.learning.models import Output
from evergreen.spec import Between, Candidate, UseCase

Array = NDArray[Any]
Parameters = dict[str, Any]

FIRST_RANDOM = 4
"""Trials of a range that are drawn at random, before the others learn from them."""


@dataclass(frozen=True)
class Trial:
    """One point of the search space, and mean and deviation of each metric over the folds."""

    parameters: Parameters
    mean: dict[str, float]
    std: dict[str, float]


@dataclass(frozen=True)
class Tested:
    """Predictions of training rows by models that were not trained on them."""

    folds: Sequence[Fold]
    outputs: Sequence[Output]
    """One for each fold's test rows."""

    @property
    def rows(self) -> Array:
        """Positions of the tested rows among the training rows, in ascending order."""
        rows: Array = np.sort(self._unordered)
        return rows

    @property
    def labels(self) -> Array:
        """The predicted label or value of each of `rows`."""
        found: Array = np.concatenate([o.labels for o in self.outputs])[self._order]
        return found

    @property
    def positive(self) -> Array:
        """The probability of the positive class of each of `rows`.

        Raises:
            ValueError: the model gives no probabilities.
        """
        found: Array = np.concatenate([o.positive for o in self.outputs])[self._order]
        return found

    def decided(self, threshold: float) -> "Tested":
        """Return the same predictions, called positive from a probability on."""
        return Tested(self.folds, [_decided(output, threshold) for output in self.outputs])

    @property
    def _unordered(self) -> Array:
        return np.concatenate([test for _, test in self.folds])

    @property
    def _order(self) -> Array:
        return np.argsort(self._unordered, kind="stable")


def _decided(output: Output, threshold: float) -> Output:
    if output.classes is None:
        return output
    places = (output.positive >= threshold).astype(int)
    return replace(output, labels=output.classes[places])


@dataclass(frozen=True)
class Found:
    """What a search found."""

    trials: Sequence[Trial]
    best: Trial
    tested: Tested
    """By the best trial."""


def search(use_case: UseCase, candidate: Candidate, training: pd.DataFrame, truth: Array) -> Found:
    """Cross-validate every trial on the same folds; a candidate without a search is one trial."""
    folds = splits.folds(use_case, training)
    trials: list[Trial] = []
    best: Found | None = None

    def attempt(parameters: Parameters) -> float:
        nonlocal best
        outputs = [
            _answer(use_case, candidate, parameters, training, truth, fold) for fold in folds
        ]
        trials.append(score(use_case, parameters, truth, Tested(folds, outputs)))
        if best is None or _value(use_case, trials[-1]) > _value(use_case, best.best):
            best = Found(trials, trials[-1], Tested(folds, outputs))
        return trials[-1].mean.get(use_case.gate.metric, np.nan)

    began = time.perf_counter()
    for attempted in points(use_case, candidate):
        attempted(attempt)
        if _is_over(began, candidate.budget):
            break
    if best is None:
        raise ValueError(f"{candidate.name}: no point to search")
    return best


Attempt = Callable[[Parameters], float]


def points(use_case: UseCase, candidate: Candidate) -> Iterator[Callable[[Attempt], Any]]:
    """Yield each trial as a function that takes how to score parameters."""
    if any(isinstance(values, Between) for values in candidate.search.values()):
        yield from _guided(use_case, candidate)
        return
    for point in listed(use_case, candidate):
        yield lambda attempt, point=point: attempt(point)  # type: ignore[misc]


def listed(use_case: UseCase, candidate: Candidate) -> list[Parameters]:
    """Return the whole space of lists, or as many seeded random points of it as are allowed."""
    lists = {
        name: list(values)
        for name, values in candidate.search.items()
        if not isinstance(values, Between)
    }
    grid = ParameterGrid(lists)
    if len(grid) <= candidate.trials:
        return list(grid)
    chosen = np.random.default_rng(use_case.seed).choice(len(grid), candidate.trials, replace=False)
    return [grid[i] for i in sorted(chosen)]


def score(use_case: UseCase, parameters: Parameters, truth: Array, tested: Tested) -> Trial:
    """Average each metric over the folds in which it is defined."""
    scores = [
        metrics.score(use_case.kind, truth[test], output)
        for (_, test), output in zip(tested.folds, tested.outputs, strict=True)
    ]
    names = dict.fromkeys(name for fold in scores for name in fold)
    found = {name: [fold[name] for fold in scores if name in fold] for name in names}
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    return Trial(parameters, mean, {name: float(np.std(v)) for name, v in found.items()})


def _answer(
    use_case: UseCase,
    candidate: Candidate,
    parameters: Mapping[str, Any],
    training: pd.DataFrame,
    truth: Array,
    fold: Fold,
) -> Output:
    train, test = fold
    model = clone(models.pipeline(use_case, candidate, parameters)[1:])
    model.fit(training.iloc[train], truth[train])
    return models.predict(model, training.iloc[test])


def _guided(use_case: UseCase, candidate: Candidate) -> Iterator[Callable[[Attempt], Any]]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=use_case.seed, n_startup_trials=FIRST_RANDOM)
    directions = optuna.study.StudyDirection
    direction = directions.MAXIMIZE if use_case.more_is_better else directions.MINIMIZE
    study = optuna.create_study(direction=direction, sampler=sampler)

    def ask(attempt: Attempt) -> None:
        trial = study.ask()
        asked = {name: _suggest(trial, name, of) for name, of in candidate.search.items()}
        value = attempt(asked)
        failed = optuna.trial.TrialState.FAIL
        study.tell(trial, *((None, failed) if np.isnan(value) else (value,)))

    for _ in range(candidate.trials):
        yield ask


def _suggest(trial: Any, name: str, values: "Sequence[Any] | Between") -> Any:
    if not isinstance(values, Between):
        return values[trial.suggest_int(name, 0, len(values) - 1)]
    kind = trial.suggest_int if values.whole else trial.suggest_float
    return kind(name, values.low, values.high, log=values.log)


def _value(use_case: UseCase, trial: Trial) -> float:
    """Return the gate's metric, more is better; a trial in which it is not defined beats none."""
    sign = 1 if use_case.more_is_better else -1
    return sign * trial.mean.get(use_case.gate.metric, -sign * np.inf)


def _is_over(began: float, budget: timedelta | None) -> bool:
    return budget is not None and time.perf_counter() - began >= budget.total_seconds()
