"""Let a recipe answer for rows that it has not seen, and fit the model that serves. No MLflow.

    tried = judge(use_case, weather.candidate("forest"), data, memory)
    tried.output                          # of the judged rows, each by a fit that had not seen it
    model = newest(tried.recipe, data, tried.held)     # of all mature rows: this is served

What is learned from predictions (decision threshold, width of the intervals) is learned for each
block from the answers before it, and for the model that serves from all of them.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from evergreen.data.splits import Fold
from evergreen.learning import (
    intervals,
    metrics,
    models,
    probing,
    searching,
    walking,
    weighing,
    worth,
)
from evergreen.learning.computing import LOCAL, Compute
from evergreen.learning.data import Data
from evergreen.learning.models import Output
from evergreen.learning.recipes import Recipe
from evergreen.learning.searching import SearchTrial
from evergreen.learning.walking import Answered, Memory
from evergreen.refs import BlockRef, Effort
from evergreen.spec import Candidate, UseCase

Array = NDArray[Any]
Held = Mapping[str, Any]
"""What a model holds besides its estimator: `threshold` and `positive`, or `half_width`."""

IMPORTANCE_ROWS = 2_000
IMPORTANCE_REPEATS = 3


@dataclass(frozen=True)
class Tried:
    """A recipe, and what it answered for rows that its fits had not seen."""

    recipe: Recipe
    trials: Sequence[SearchTrial]
    """Of the search that chose its parameters; empty: nothing was chosen."""
    output: Output
    """Of `Data.judged`."""
    blocks: tuple[BlockRef, ...]
    held: Held
    """What the model that serves is to hold."""
    fitted: int
    """How many fits its walk took."""
    effort: Effort
    """Of its walk and of its search."""
    seconds: float


def judge(
    use_case: UseCase, candidate: Candidate, data: Data, memory: Memory, compute: Compute = LOCAL
) -> Tried:
    """Choose the parameters of a candidate (or baseline), then walk it over the judged rows.

    Raises:
        ModelRefused: it could not be saved, as a few rows show; nothing was fitted for long.
    """
    began = time.perf_counter()
    plain = Recipe.of(use_case, candidate, {})
    probing.check(plain, use_case.kind, data.rows, data.folds.newest)
    if len(candidate.search):
        found = searching.search(
            use_case, candidate, data.rows, data.folds.choosing, memory, compute
        )
        tried = _judge(use_case, found.recipe, data, memory, compute, began)
        return replace(tried, trials=found.trials, effort=found.effort + tried.effort)
    return judge_recipe(use_case, plain, data, memory, compute)


def judge_recipe(
    use_case: UseCase, recipe: Recipe, data: Data, memory: Memory, compute: Compute = LOCAL
) -> Tried:
    """Walk a recipe, as it is, over the judged rows."""
    return _judge(use_case, recipe, data, memory, compute, time.perf_counter())


def _judge(
    use_case: UseCase,
    recipe: Recipe,
    data: Data,
    memory: Memory,
    compute: Compute,
    began: float,
) -> Tried:
    holds = use_case.interval is not None or _chooses_threshold(use_case)
    choosing = data.folds.choosing if holds else ()
    folds = [*choosing, *data.folds.judging]
    walked = walking.walk(recipe, data.rows, folds, memory, compute)
    early, judged = walked.blocks[: len(choosing)], walked.blocks[len(choosing) :]
    outputs = [
        _decided(block.output, _held(use_case, data, _known(data, block.fold, early, judged)))
        for block in judged
    ]
    return Tried(
        recipe=recipe,
        trials=(),
        output=walking.joined(outputs).take(_order([block.fold for block in judged])),
        blocks=tuple(_block(data, block) for block in judged),
        held=_held(use_case, data, walked.blocks),
        fitted=walked.fitted,
        effort=walked.effort,
        seconds=time.perf_counter() - began,
    )


def newest(recipe: Recipe, data: Data, held: Held, compute: Compute = LOCAL) -> Pipeline:
    """Fit the model that serves: on all mature rows that the recipe's window holds.

    It is made in this process, but for what workers learn of their shares.
    """
    rows = learned(recipe, data)
    model = recipe.fresh(**held)
    weights = weighing.weights(data.rows, rows, recipe.half_life)
    crew = compute.crew(recipe)
    weighing.fit(model[1:], data.rows.chosen(rows), data.rows.truth[rows], weights, crew)
    return model


def learned(recipe: Recipe, data: Data) -> Array:
    """Return the positions of the rows that the newest fit learns from."""
    everything = Fold(data.folds.newest, np.array([], dtype=np.intp))
    return everything.within(recipe.window, data.rows.times).train


def _chooses_threshold(use_case: UseCase) -> bool:
    return use_case.business is not None and use_case.business.choose_threshold


def _known(
    data: Data, fold: Fold, early: Sequence[Answered], judged: Sequence[Answered]
) -> list[Answered]:
    """Return the answers whose labels were known when the fold's fit was made."""
    if fold.block is None or data.rows.times is None:
        return list(early)
    newest = data.rows.times.iloc[fold.train].max()
    before = [one for one in (*early, *judged) if _start(one) < fold.block.start]
    return [_until(one, data, newest) for one in before]


def _start(one: Answered) -> Any:
    return one.fold.block.start if one.fold.block else pd.Timestamp.min.tz_localize("UTC")


def _until(one: Answered, data: Data, newest: Any) -> Answered:
    assert data.rows.times is not None, "a block has times"  # noqa: S101
    kept = (data.rows.times.iloc[one.fold.test] <= newest).to_numpy()
    chances = None if one.probabilities is None else one.probabilities[kept]
    fold = replace(one.fold, test=one.fold.test[kept])
    return replace(
        one, fold=fold, names=one.names[kept], labels=one.labels[kept], probabilities=chances
    )


def _held(use_case: UseCase, data: Data, answered: Sequence[Answered]) -> Held:
    """Return what these answers teach about threshold or width; nothing where none is declared."""
    answered = [one for one in answered if len(one.names)]
    if not answered:
        return {}
    places = np.concatenate([one.fold.test for one in answered])
    said, truth = walking.joined([one.output for one in answered]), data.rows.truth[places]
    if use_case.interval is not None:
        return {"half_width": intervals.half_width(truth - said.labels, use_case.interval)}
    if not _chooses_threshold(use_case) or said.probabilities is None or said.classes is None:
        return {}
    order = np.argsort(places, kind="stable")
    rows = data.raw.take(places[order]).reset_index(drop=True)
    cut = worth.threshold(use_case, rows, truth[order], said.positive[order], said.classes)
    return {"threshold": cut, "positive": said.classes[-1].item()}


def _order(folds: Sequence[Fold]) -> Array:
    return np.argsort(np.concatenate([fold.test for fold in folds]), kind="stable")


def _decided(output: Output, held: Held) -> Output:
    if "half_width" in held:
        return replace(output, half_width=held["half_width"])
    if "threshold" in held and output.classes is not None:
        places = (output.positive >= held["threshold"]).astype(int)
        return replace(output, labels=output.classes[places])
    return output


def _block(data: Data, one: Answered) -> BlockRef:
    times, block = data.rows.times, one.fold.block
    trained = None if times is None else times.iloc[one.fold.train].max().to_pydatetime()
    return BlockRef(
        start=block.start if block else None,
        end=block.end if block else None,
        rows=len(one.fold.test),
        trained_rows=len(one.fold.train),
        trained_until=trained,
        fit=one.fit,
    )


def importance(
    use_case: UseCase, recipe: Recipe, model: Pipeline, data: Data
) -> dict[str, float | None]:
    """Return how much worse the gate's metric gets when a feature is shuffled, for each feature.

    Mean of a few shuffles of at most 2,000 judged rows, seeded; all are predicted at once. None:
    the metric is not defined on them. The model that serves has learned from them, other than in
    the source: Breiman, "Random Forests", Machine Learning 45 (2001), section 10.
    """
    rng = np.random.default_rng(use_case.seed)
    size = min(len(data.judged), IMPORTANCE_ROWS)
    places = np.sort(rng.choice(data.judged, size, replace=False))
    rows, truth = data.rows.take(places), data.rows.truth[places]
    names = list(recipe.code.columns)
    copies = [rows]
    for name in names:
        for _ in range(IMPORTANCE_REPEATS):
            shuffled = rows[name].to_numpy(copy=True)[rng.permutation(len(rows))]
            copies.append(rows.assign(**{name: shuffled}))
    output = models.predict(model[1:], pd.concat(copies, ignore_index=True))
    scores = _scores(use_case, truth, output)
    lost = (scores[0] - scores[1:]) * (1 if use_case.more_is_better else -1)
    mean = lost.reshape(len(names), IMPORTANCE_REPEATS).mean(axis=1)
    known = [float(value) if np.isfinite(value) else None for value in mean]
    return dict(zip(names, known, strict=True))


def _scores(use_case: UseCase, truth: Array, output: Output) -> Array:
    """Score each of the copies of the same rows, one after another, in `output`."""
    metric = use_case.gate.metric
    parts = np.arange(len(output)).reshape(-1, len(truth))
    found = (metrics.score(use_case.scale, truth, output.take(p), [metric]) for p in parts)
    return np.array([scores.get(metric, np.nan) for scores in found])
