"""The contest: what every recipe answered to the same rows, none of them seen by its fits.

held = hold(use_case, features, trained, champion, settings)
held.challenger, held.in_charge       # the recipe that wants to take over; the one in charge
held.evidence                         # facts, no judgement
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.errors import DeclarationError, EvergreenError, SnapshotCorrupt
from evergreen.judging import by_entity, overlap, single_feature
from evergreen.judging.differences import by_slice, compare, has_fallen, promise
from evergreen.judging.evidence import (
    BlockScore,
    Difference,
    Evidence,
    Interval,
    Origin,
    Role,
    ScoredModel,
    SliceScore,
    Subject,
)
from evergreen.judging.units import Units
from evergreen.learning import answers, entities, features, metrics, tracking, worth
from evergreen.learning.features import RawHoldout
from evergreen.learning.models import Output
from evergreen.refs import CandidateRef, ChampionRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import CHAMPION, UseCase

Differences = Mapping[str, Difference]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A recipe in the contest; without an output, `problem` says why."""

    name: str
    """In the contest: the recipe in charge is `champion v3`."""
    role: Role
    ref: CandidateRef
    output: Output | None = None
    """Its answers to the judged rows."""
    problem: str = ""

    @property
    def recipe(self) -> str:
        """Digest of its recipe; empty: it could not be walked."""
        return self.ref.recipe.digest if self.ref.recipe else ""


@dataclass(frozen=True)
class Contest:
    """What all contenders have in common."""

    use_case: UseCase
    features: FeaturesRef
    holdout: RawHoldout
    cuts: Mapping[str, NDArray[Any]]
    """Slice name to the slice of each judged row."""
    settings: Settings

    def against(
        self, others: Sequence[Contender], one: Contender | None, fallen: bool, bar: float = 0.0
    ) -> dict[str, Difference]:
        """Compare recipes with one, in intervals that hold for all of them together."""
        outputs = {other.name: other.output for other in others if other.output is not None}
        if one is None or one.output is None or not outputs:
            return {}
        gate = self.use_case.gate
        return compare(
            self.use_case.scale,
            gate.metric,
            self.holdout.truth,
            outputs,
            one.output,
            self.units,
            name=one.name,
            confidence=gate.confidence,
            resamples=gate.resamples,
            seed=self.use_case.seed,
            bar=bar,
            fallen=fallen,
        )

    @cached_property
    def units(self) -> Units:
        """What is independent among the judged rows: days, groups, or each row."""
        return Units.of_rows(self.use_case, self.holdout.held_out)


@dataclass(frozen=True, kw_only=True)
class Held:
    """How the contest came out."""

    challenger: CandidateRef
    in_charge: CandidateRef | None
    evidence: Evidence


def hold(
    use_case: UseCase,
    built: FeaturesRef,
    trained: Sequence[CandidateRef],
    champion: ChampionRef | None,
    settings: Settings,
) -> Held:
    """Measure every recipe on the judged rows, and find the one that wants to take over.

    Raises:
        EvergreenError: no contender could be walked.
    """
    holdout = features.raw_holdout(built, use_case, settings)
    contest = Contest(use_case, built, holdout, cut(use_case, holdout), settings)
    entered = [_enter(contest, ref, champion) for ref in trained]
    baselines = [one for one in entered if one.role is Role.BASELINE]
    contenders = [one for one in entered if one.role is Role.CANDIDATE]
    present = next((one for one in entered if one.role is Role.CHAMPION), None)
    scored = {one.name: _score(contest, one, champion) for one in entered}
    differing = [one for one in contenders if not present or one.recipe != present.recipe]
    fallen = has_fallen(use_case, holdout.truth, present.output if present else None, contest.units)
    differences = contest.against(differing, present, fallen, use_case.gate.min_improvement)
    first = _first(use_case, contenders, differences, scored)
    scored[first.name] = _in_slices(contest, scored[first.name], first, present)
    hardest = _best(use_case, baselines, scored)
    beaten = contest.against(contenders, hardest, fallen)
    others = [one for one in entered if one is not first and one is not present]
    order = [first, *([present] if present else []), *others]
    models = [scored[one.name] for one in order]
    models[0] = replace(models[0], role=Role.CHALLENGER)
    evidence = Evidence(
        report_id="",
        subject=_subject(use_case),
        origin=_origin(contest, first),
        training=built.training,
        holdout=built.holdout,
        models=tuple(models),
        champion_version=champion.version if champion else None,
        against_champion=differences.get(first.name),
        against_baseline=beaten.get(first.name),
        others=tuple(d for name, d in differences.items() if name != first.name),
        overlap=_overlaps(contest, first, present),
        single=single_feature.strongest(use_case, features.stored(built, settings)),
        entities=by_entity.of(use_case, holdout, first.output, present.output if present else None),
        constants=worth.constants(use_case, holdout.held_out, holdout.truth),
    )
    return Held(challenger=first.ref, in_charge=present.ref if present else None, evidence=evidence)


def cut(use_case: UseCase, holdout: RawHoldout) -> dict[str, NDArray[Any]]:
    """Return the slice of every judged row, as text, for each declared slice.

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


def _enter(contest: Contest, ref: CandidateRef, champion: ChampionRef | None) -> Contender:
    role, name = Role.CANDIDATE, ref.name
    if name in {baseline.name for baseline in contest.use_case.baselines}:
        role = Role.BASELINE
    if name == CHAMPION:
        role, name = Role.CHAMPION, f"champion v{champion.version}" if champion else CHAMPION
    if ref.problem:
        return Contender(name=name, role=role, ref=ref, problem=ref.problem)
    try:
        output = answers.load(ref, contest.settings)
    except SnapshotCorrupt as error:
        return Contender(name=name, role=role, ref=ref, problem=str(error))
    if len(output) != len(contest.holdout.truth):
        problem = f"it answered {len(output)} of {len(contest.holdout.truth)} judged rows"
        return Contender(name=name, role=role, ref=ref, problem=problem)
    return Contender(name=name, role=role, ref=ref, output=output)


def _first(
    use_case: UseCase,
    contenders: Sequence[Contender],
    differences: Differences,
    scored: Mapping[str, ScoredModel],
) -> Contender:
    """Return the recipe that most surely is better than the one in charge; if none surely is, the
    one that seems so most.

    With nothing to compare: the best on the judged rows, of equals the one declared first.

    Raises:
        EvergreenError: no contender has the metric that decides.
    """
    known = [one for one in contenders if one.name in differences]
    if known:
        least = use_case.gate.min_improvement
        return max(known, key=lambda one: promise(differences[one.name], least))
    best = _best(use_case, contenders, scored)
    if best is None:
        why = "; ".join(f"{one.name}: {one.problem}" for one in contenders if one.problem)
        raise EvergreenError(
            f"no candidate of {use_case.name} has a {use_case.gate.metric}. {why}".strip()
        )
    return best


def _best(
    use_case: UseCase, contenders: Sequence[Contender], scored: Mapping[str, ScoredModel]
) -> Contender | None:
    metric, sign = use_case.gate.metric, 1 if use_case.more_is_better else -1
    rated = [one for one in contenders if np.isfinite(scored[one.name].metrics.get(metric, np.nan))]
    return max(rated, key=lambda one: sign * scored[one.name].metrics[metric], default=None)


def _score(contest: Contest, one: Contender, champion: ChampionRef | None) -> ScoredModel:
    recipe, output = one.ref.recipe, one.output
    bare = ScoredModel(
        name=one.name,
        role=one.role,
        run_id=one.ref.run_id,
        recipe=one.recipe,
        version=champion.version if champion and one.role is Role.CHAMPION else None,
        window=recipe.window if recipe else None,
        parameters=recipe.told if recipe else {},
        cv=one.ref.cv or None,
        metrics={},
        slices={},
        threshold=one.ref.held.get("threshold"),
        problem=one.problem,
    )
    return bare if output is None else _measured(contest, bare, output, one.ref)


def _measured(
    contest: Contest, bare: ScoredModel, output: Output, ref: CandidateRef
) -> ScoredModel:
    scale, truth = contest.use_case.scale, contest.holdout.truth
    calibrated = output.probabilities is not None
    return replace(
        bare,
        blocks=_blocks(contest, output, ref),
        metrics=metrics.score(scale, truth, output),
        macro=entities.macro(contest.use_case, contest.holdout.held_out, truth, output),
        slices={name: _slices(contest, values, output) for name, values in contest.cuts.items()},
        calibration_error=metrics.calibration_error(truth, output) if calibrated else None,
        interval=_interval(contest, output),
        business=worth.measure(contest.use_case, contest.holdout.held_out, truth, output) or None,
    )


def _slices(contest: Contest, values: NDArray[Any], output: Output) -> dict[str, SliceScore]:
    scale, truth = contest.use_case.scale, contest.holdout.truth
    found: dict[str, SliceScore] = {}
    for value in np.unique(values):
        rows = values == value
        scores = metrics.score_slice(scale, truth[rows], output.take(rows))
        found[str(value)] = SliceScore(rows=int(rows.sum()), metrics=scores)
    return found


def _blocks(contest: Contest, output: Output, ref: CandidateRef) -> tuple[BlockScore, ...]:
    metric, scale = contest.use_case.gate.metric, contest.use_case.scale
    ends = np.cumsum([block.rows for block in ref.blocks])
    found = []
    for block, end in zip(ref.blocks, ends, strict=True):
        rows = np.arange(end - block.rows, end)
        score = metrics.score(scale, contest.holdout.truth[rows], output.take(rows), [metric])
        found.append(
            BlockScore(
                start=block.start,
                end=block.end,
                rows=block.rows,
                trained_rows=block.trained_rows,
                trained_until=block.trained_until,
                value=score.get(metric, np.nan),
            )
        )
    return tuple(found)


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
        contest.units,
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
    held = metrics.coverage(contest.holdout.truth, output)
    return Interval(coverage=held, half_width=float(np.mean(output.half_width)))


def _subject(use_case: UseCase) -> Subject:
    return Subject(
        name=use_case.name,
        doc=use_case.doc,
        owner=use_case.owner,
        kind=use_case.kind,
        metric=use_case.gate.metric,
        beside=use_case.scale.beside,
        target=use_case.source.target,
        slices=tuple(one.name for one in use_case.slices),
        sentences=set(use_case.features.columns) == set(use_case.features.text),
        unit=use_case.business.unit if use_case.business else "",
        interval=use_case.interval,
    )


def _origin(contest: Contest, first: Contender) -> Origin:
    built = contest.features
    run = tracking.client(contest.settings).get_run(first.ref.run_id)
    return Origin(
        as_of=built.snapshot.as_of,
        snapshot_uri=built.snapshot.uri,
        snapshot_sha256=built.snapshot.sha256,
        features_sha256=built.sha256,
        split=built.split,
        notes=built.snapshot.notes,
        code_commit=run.data.tags.get("evergreen.code_commit", ""),
    )


def _overlaps(contest: Contest, first: Contender, present: Contender | None) -> Any:
    asked = [(Role.CHALLENGER, first)] + ([(Role.CHAMPION, present)] if present else [])
    return tuple(
        overlap.of(role, contest.use_case, contest.features, one.ref.blocks, contest.settings)
        for role, one in asked
    )
