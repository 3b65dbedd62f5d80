"""The contest: every model answers for the same held-out raw rows, and is measured.

evidence = hold(use_case, features, trained, challenger, champion, settings)
"""

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from evergreen.errors import DeclarationError, ModelRefused
from evergreen.judging import model_tests, overlap
from evergreen.judging.differences import by_slice, paired_difference
from evergreen.judging.evidence import (
    Difference,
    Evidence,
    Interval,
    Origin,
    Overlap,
    Role,
    Schema,
    ScoredModel,
    SliceScore,
    Subject,
)
from evergreen.judging.units import Units
from evergreen.learning import features, intervals, metrics, models, tracking, worth
from evergreen.learning.features import RawHoldout
from evergreen.learning.models import Output
from evergreen.refs import CandidateRef, ChampionRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import UseCase

ANSWERS = 30
"""How often one answer is timed."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A model in the contest; without a model or an output, `problem` says why."""

    name: str
    role: Role
    ref: CandidateRef | ChampionRef
    model: Pipeline | None = None
    output: Output | None = None
    """Its answers for the held-out rows."""
    problem: str = ""


@dataclass(frozen=True)
class Contest:
    """What all contenders have in common."""

    use_case: UseCase
    features: FeaturesRef
    holdout: RawHoldout
    cuts: Mapping[str, NDArray[Any]]
    """Slice name to the slice of each held-out row."""
    settings: Settings

    def answer(self, model: Pipeline) -> Output:
        """Return the model's answers for the held-out rows."""
        return models.predict(model, self.holdout.rows).take(self.holdout.mask)


def hold(
    use_case: UseCase,
    built: FeaturesRef,
    trained: Sequence[CandidateRef],
    challenger: CandidateRef,
    champion: ChampionRef | None,
    settings: Settings,
) -> Evidence:
    """Measure every model on the holdout, and the challenger in all other respects."""
    holdout = features.raw_holdout(built, use_case, settings)
    contest = Contest(use_case, built, holdout, cut(use_case, holdout), settings)
    candidates = [_candidate(contest, ref, challenger) for ref in trained]
    first = next(one for one in candidates if one.role is Role.CHALLENGER)
    others = [one for one in candidates if one.role is Role.CANDIDATE]
    baselines = [one for one in candidates if one.role is Role.BASELINE]
    present = _champion(contest, champion) if champion else None
    entered = [first, *([present] if present else []), *others, *baselines]
    scored = {one.name: _score(contest, one) for one in entered}
    scored[first.name] = _in_slices(contest, scored[first.name], first, present)
    hardest = _best(use_case, [scored[one.name] for one in baselines])
    best = next((one for one in baselines if one.name == hardest), None)
    run = tracking.client(settings).get_run(challenger.run_id)
    return Evidence(
        report_id="",
        subject=_subject(use_case),
        origin=_origin(built, run.data.tags),
        training=built.training,
        holdout=built.holdout,
        models=tuple(scored.values()),
        champion_version=champion.version if champion else None,
        against_champion=_compare(contest, first, present),
        against_baseline=_compare(contest, first, best),
        overlap=_overlaps(contest, champion, run.data.tags),
        constants=worth.constants(use_case, holdout.held_out, holdout.truth),
        **_alone(contest, first),
    )


def cut(use_case: UseCase, holdout: RawHoldout) -> dict[str, NDArray[Any]]:
    """Return the slice of every held-out row, as text, for each declared slice.

    Raises:
        DeclarationError: a slice names no column, or its function returns other rows.
    """
    found = {}
    for one in use_case.slices:
        if isinstance(one.by, str) and one.by not in holdout.rows:
            raise DeclarationError(f"slice {one.name}", one.by, f"one of {list(holdout.rows)}")
        values = holdout.rows[one.by] if isinstance(one.by, str) else one.by(holdout.rows)
        if len(values) != len(holdout.rows):
            raise DeclarationError(f"slice {one.name}", f"{len(values)} values", "one per row")
        texts = pd.Series(values).map(lambda value: "missing" if pd.isna(value) else str(value))
        found[one.name] = texts.to_numpy(dtype=str)[holdout.mask]
    return found


def _candidate(contest: Contest, ref: CandidateRef, challenger: CandidateRef) -> Contender:
    role = Role.CHALLENGER if ref.name == challenger.name else Role.CANDIDATE
    if ref.name in {baseline.name for baseline in contest.use_case.baselines}:
        role = Role.BASELINE
    try:
        model = tracking.fetch_model(contest.settings, ref.model_uri, ref.sha256)
    except ModelRefused as error:
        return Contender(name=ref.name, role=role, ref=ref, problem=str(error))
    output = contest.answer(model)
    return Contender(name=ref.name, role=role, ref=ref, model=model, output=output)


def _champion(contest: Contest, ref: ChampionRef) -> Contender:
    name = f"champion v{ref.version}"
    try:
        model = tracking.fetch_model(contest.settings, ref.model_uri, ref.sha256)
        output = contest.answer(model)
    except Exception as error:  # whatever is wrong with it is evidence, and keeps the gate shut
        problem = f"{type(error).__name__}: {error}"
        return Contender(name=name, role=Role.CHAMPION, ref=ref, problem=problem)
    return Contender(name=name, role=Role.CHAMPION, ref=ref, model=model, output=output)


def _score(contest: Contest, one: Contender) -> ScoredModel:
    ref, output = one.ref, one.output
    past = ref if isinstance(ref, ChampionRef) else None
    return ScoredModel(
        name=one.name,
        role=one.role,
        run_id=ref.run_id,
        sha256=ref.sha256,
        version=past.version if past else None,
        training=past.training if past else contest.features.training,
        cv=ref.cv if isinstance(ref, CandidateRef) else None,
        problem=one.problem,
        threshold=getattr(one.model[-1], "threshold", None) if one.model is not None else None,
        **(_measured(contest, output) if output else {"metrics": {}, "slices": {}}),
    )


def _measured(contest: Contest, output: Output) -> dict[str, Any]:
    kind, truth = contest.use_case.kind, contest.holdout.truth
    slices: dict[str, dict[str, SliceScore]] = {}
    for name, values in contest.cuts.items():
        slices[name] = {}
        for value in np.unique(values):
            rows = values == value
            found = metrics.score_slice(kind, truth[rows], output.take(rows))
            slices[name][str(value)] = SliceScore(rows=int(rows.sum()), metrics=found)
    return {
        "metrics": metrics.score(kind, truth, output),
        "slices": slices,
        "calibration_error": None
        if output.probabilities is None
        else metrics.calibration_error(truth, output),
        "interval": _interval(contest, output),
        "business": worth.measure(contest.use_case, contest.holdout.held_out, truth, output)
        or None,
    }


def _in_slices(
    contest: Contest, scored: ScoredModel, first: Contender, champion: Contender | None
) -> ScoredModel:
    """Add how much better the challenger is in each slice than the champion, or than the floors."""
    if first.output is None or (champion and champion.output is None):
        return scored
    against = by_slice(
        contest.use_case,
        contest.cuts,
        contest.holdout.truth,
        first.output,
        champion.output if champion else None,
        Units.of_rows(contest.use_case, contest.holdout.held_out),
        name=champion.name if champion else "the floor",
    )
    slices = {
        name: {value: replace(one, against=against[name][value]) for value, one in values.items()}
        for name, values in scored.slices.items()
    }
    return replace(scored, slices=slices)


def _interval(contest: Contest, output: Output) -> Interval | None:
    if output.half_width is None:
        return None
    held = intervals.coverage(contest.holdout.truth, output)
    return Interval(coverage=held, half_width=output.half_width)


def _best(use_case: UseCase, baselines: Sequence[ScoredModel]) -> str | None:
    """Return the name of the baseline that is best on the holdout: the hardest to beat."""
    metric, sign = use_case.gate.metric, 1 if use_case.more_is_better else -1
    rated = {one.name: one.metrics[metric] for one in baselines if metric in one.metrics}
    return max(rated, key=lambda name: sign * rated[name], default=None)


def _compare(contest: Contest, one: Contender, other: Contender | None) -> Difference | None:
    if other is None or one.output is None or other.output is None:
        return None
    gate = contest.use_case.gate
    return paired_difference(
        contest.use_case.kind,
        gate.metric,
        contest.holdout.truth,
        one.output,
        other.output,
        Units.of_rows(contest.use_case, contest.holdout.held_out),
        name=other.name,
        confidence=gate.confidence,
        resamples=gate.resamples,
        seed=contest.use_case.seed,
    )


def _subject(use_case: UseCase) -> Subject:
    return Subject(
        name=use_case.name,
        doc=use_case.doc,
        owner=use_case.owner,
        kind=use_case.kind,
        metric=use_case.gate.metric,
        target=use_case.source.target,
        slices=tuple(one.name for one in use_case.slices),
        unit=use_case.business.unit if use_case.business else "",
        interval=use_case.interval,
    )


def _origin(built: FeaturesRef, tags: Mapping[str, str]) -> Origin:
    return Origin(
        as_of=built.snapshot.as_of,
        snapshot_uri=built.snapshot.uri,
        snapshot_sha256=built.snapshot.sha256,
        features_sha256=built.sha256,
        split=built.split,
        code_commit=tags.get("evergreen.code_commit", ""),
    )


def _overlaps(
    contest: Contest, champion: ChampionRef | None, tags: Mapping[str, str]
) -> tuple[Overlap, ...]:
    use_case, built, settings = contest.use_case, contest.features, contest.settings
    own = overlap.of_challenger(use_case, built, settings)
    if tags.get("evergreen.features_sha256") != built.sha256:
        how = "its run was trained on other features than these"
        own = Overlap(model=Role.CHALLENGER, rows=None, how=how)
    if champion is None:
        return (own,)
    return own, overlap.of_champion(use_case, built, champion, contest.holdout, settings)


def _alone(contest: Contest, one: Contender) -> dict[str, Any]:
    """Measure what does not need another model: behaviour, golden rows, time, size, schema."""
    if one.model is None or one.output is None:
        return {}
    subject = model_tests.Subject(contest.use_case, one.model, contest.holdout, one.output)
    found: dict[str, Any] = {
        "model_tests": model_tests.examine(subject),
        "latency_ms": _latency(subject),
        "size_bytes": _size(one.model),
    }
    try:
        golden = tracking.fetch_golden(contest.settings, one.ref.run_id)
    except ModelRefused as error:
        return found | {"golden_problem": str(error)}
    offered = {str(name): str(kind) for name, kind in contest.holdout.rows.dtypes.items()}
    takes = {str(name): str(kind) for name, kind in golden.rows.dtypes.items()}
    return found | {
        "golden_difference": models.reproduces(one.model, golden),
        "schema": Schema(takes=takes, offered=offered),
    }


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
