"""Hyper-parameter search by walking forward over the blocks before those that judge.

    found = search(use_case, candidate, rows, folds.choosing, memory)
    found.recipe, found.walked        # the best point as a recipe, and its answers

Rows without time are searched by cross-validation among those that are not held out. Lists of
values: every point if there are no more than `candidate.trials`, else seeded random ones. With a
`Between`: a tree-structured Parzen estimator (Bergstra et al., NIPS 2011; Optuna's), seeded.
`candidate.budget` cuts the sequence of trials short and never changes it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import ParameterGrid

from evergreen.data.splits import Fold
from evergreen.learning import metrics
from evergreen.learning.computing import LOCAL, Compute
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.learning.walking import Job, Memory, Walked, walk, walks
from evergreen.refs import Effort
from evergreen.spec import Between, Candidate, UseCase

Array = NDArray[Any]
Parameters = dict[str, Any]

FIRST_RANDOM = 4
"""Trials of a range that are drawn at random, before the others learn from them."""


@dataclass(frozen=True)
class SearchTrial:
    """One point of the search space, and mean and deviation of each metric over the folds."""

    parameters: Parameters
    mean: dict[str, float]
    std: dict[str, float]


@dataclass(frozen=True)
class Found:
    """What a search found."""

    trials: Sequence[SearchTrial]
    best: SearchTrial
    recipe: Recipe
    """With the parameters of the best trial."""
    walked: Walked
    """By that recipe."""
    effort: Effort = field(default_factory=Effort)
    """Of all trials."""


def search(
    use_case: UseCase,
    candidate: Candidate,
    rows: Rows,
    folds: Sequence[Fold],
    memory: Memory,
    compute: Compute = LOCAL,
) -> Found:
    """Walk every trial over the same folds; a candidate without a search is one trial.

    The fits of listed points may be made side by side. A range is asked for point by point, as each
    depends on those before it: only the folds of one point are.
    """
    trials: list[SearchTrial] = []
    effort = Effort()
    best: Found | None = None
    ahead = _listed_walks(use_case, candidate, rows, folds, memory, compute)

    def attempt(parameters: Parameters) -> float:
        nonlocal best, effort
        recipe = Recipe.of(use_case, candidate, parameters)
        walked = next(ahead, None) or walk(recipe, rows, folds, memory, compute)
        effort += walked.effort
        trials.append(score(use_case, parameters, rows.truth, walked))
        if best is None or _value(use_case, trials[-1]) > _value(use_case, best.best):
            best = Found(trials, trials[-1], recipe, walked)
        return trials[-1].mean.get(use_case.gate.metric, np.nan)

    began = time.perf_counter()
    for attempted in points(use_case, candidate):
        attempted(attempt)
        if _is_over(began, candidate.budget):
            break
    if best is None:
        raise ValueError(f"{candidate.name}: no point to search")
    return replace(best, effort=effort)


def _listed_walks(
    use_case: UseCase,
    candidate: Candidate,
    rows: Rows,
    folds: Sequence[Fold],
    memory: Memory,
    compute: Compute,
) -> Iterator[Walked]:
    """Walk all points of a list, in their order; of a range, none are known yet."""
    if _is_range(candidate):
        return iter(())
    recipes = [Recipe.of(use_case, candidate, each) for each in listed(use_case, candidate)]
    return walks([Job(recipe, folds, memory) for recipe in recipes], rows, compute)


def _is_range(candidate: Candidate) -> bool:
    return any(isinstance(values, Between) for values in candidate.search.values())


Attempt = Callable[[Parameters], float]


def points(use_case: UseCase, candidate: Candidate) -> Iterator[Callable[[Attempt], Any]]:
    """Yield each trial as a function that takes how to score parameters."""
    if _is_range(candidate):
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


def score(use_case: UseCase, parameters: Parameters, truth: Array, walked: Walked) -> SearchTrial:
    """Average each metric over the folds in which it is defined."""
    scores = [
        metrics.score(use_case.scale, truth[block.fold.test], block.output)
        for block in walked.blocks
    ]
    names = dict.fromkeys(name for fold in scores for name in fold)
    found = {name: [fold[name] for fold in scores if name in fold] for name in names}
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    return SearchTrial(parameters, mean, {name: float(np.std(v)) for name, v in found.items()})


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


def _value(use_case: UseCase, trial: SearchTrial) -> float:
    """Return the gate's metric, more is better; a trial in which it is not defined beats none."""
    sign = 1 if use_case.more_is_better else -1
    return sign * trial.mean.get(use_case.gate.metric, -sign * np.inf)


def _is_over(began: float, budget: timedelta | None) -> bool:
    return budget is not None and time.perf_counter() - began >= budget.total_seconds()
