"""The story of one training cycle, step by step.

    run = Run(as_of=..., asked_at=..., key="weather_training/manual__…", actor="ada")
    snapshot = extract(weather, run)                # PostgreSQL to an immutable Parquet file
    validation = validate(weather, snapshot, run)   # Great Expectations; blocks
    features = build_features(weather, validation, run)
    trained = [train(weather, features, name) for name in ("logistic", "forest", ...)]
    evaluation = evaluate(weather, features, trained)  # challenger, champion: the same rows
    verdict = gate(weather, evaluation, run)        # passed, failed or unknown; fails closed
    promote(weather, verdict, run)                  # compare-and-set in the registry

(Each also takes `records` and `settings`.) A step takes and returns small references, may be run
again without changing anything, and knows neither Airflow nor the clock. All of a run go by one
declaration: who finds another than `extract` did refuses to go on.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from evergreen import room
from evergreen.champions import promotion
from evergreen.data import extraction
from evergreen.dossier import declaration
from evergreen.errors import DataRefused, DeclarationChanged
from evergreen.judging import evaluation as evaluating
from evergreen.judging import gate as gating
from evergreen.learning import features, training
from evergreen.quality import validation
from evergreen.records import Decision, Records, decision_id
from evergreen.refs import (
    CandidateRef,
    EvaluationRef,
    FeaturesRef,
    PromotionRef,
    Ref,
    SnapshotRef,
    ValidationRef,
    Verdict,
)
from evergreen.serving import trials
from evergreen.settings import Settings
from evergreen.spec import UseCase

LONGEST_TRAINING = 6 * 3600.0
"""Seconds to wait for the same training that somebody else does."""


@dataclass(frozen=True, kw_only=True)
class Run(Ref):
    """Who asks for a cycle, when, and what for. Time is a parameter: no step reads the clock."""

    as_of: datetime
    """Which rows count: those known at this moment (UTC)."""
    asked_at: datetime
    """When somebody asked (UTC). Rows dated after it are impossible, and refused."""
    key: str
    """Names the run in the decisions: `weather_training/scheduled__2026-11-21…`, `cli/…`."""
    actor: str
    """The person, or `schedule`."""
    purpose: str = "train"
    """`train`, or `dry_run` or `backfill`, which decide but never move the champion."""

    @property
    def may_promote(self) -> bool:
        """Tell whether this run may move the champion."""
        return self.purpose == "train"


class ValidationFailed(DataRefused):
    """The snapshot does not meet its expectations; it comes with all that was checked."""

    def __init__(self, reasons: Iterable[str], validation: ValidationRef) -> None:
        self.validation = validation
        super().__init__(reasons)


def extract(use_case: UseCase, run: Run, *, records: Records, settings: Settings) -> SnapshotRef:
    """Take the rows known at `as_of` into an immutable snapshot.

    Raises:
        DataRefused: the source is stale or cannot be read; the decision is on record.
        NoRoom: the disk is too full to begin.
    """
    room.check(settings)
    declared = declaration.digest(use_case)
    with _refusals_on_record(use_case, run, records):
        snapshot = extraction.extract(
            use_case, as_of=run.as_of, asked_at=run.asked_at, settings=settings
        )
    return replace(snapshot, declaration=declared)


def validate(
    use_case: UseCase, snapshot: SnapshotRef, run: Run, *, records: Records, settings: Settings
) -> ValidationRef:
    """Check the snapshot against the suite of the use case; build its Data Docs page either way.

    Raises:
        ValidationFailed: an expectation failed; the decision is on record.
    """
    _check_declaration(use_case, snapshot)
    with _refusals_on_record(use_case, run, records):
        result = validation.validate(snapshot, use_case, settings=settings)
        if not result.passed:
            reasons = [*(failed.reason for failed in result.failed), *snapshot.notes]
            raise ValidationFailed(reasons, result)
    return result


def build_features(
    use_case: UseCase, validated: ValidationRef, run: Run, *, records: Records, settings: Settings
) -> FeaturesRef:
    """Split the validated snapshot and compute the features of every row, once.

    Raises:
        DataRefused: nothing to train on, or a class is missing; the decision is on record.
    """
    _check_declaration(use_case, validated.snapshot)
    with _refusals_on_record(use_case, run, records):
        return features.build(validated.snapshot, use_case, settings)


def train(
    use_case: UseCase,
    built: FeaturesRef,
    name: str,
    *,
    force: bool = False,
    note: str = "",
    records: Records,
    settings: Settings,
) -> CandidateRef:
    """Train one candidate or baseline and log it; the same training is done only once.

    Whoever asks for it while another does it (a second try, or a person) waits and reuses it.
    """
    _check_declaration(use_case, built.snapshot)
    room.check(settings)
    key = training.training_key(use_case, use_case.candidate(name), built)
    with records.leases.hold("training", key, wait=LONGEST_TRAINING):
        return training.train(use_case, built, name, settings=settings, force=force, note=note)


def evaluate(
    use_case: UseCase,
    built: FeaturesRef,
    trained: Sequence[CandidateRef],
    *,
    records: Records,
    settings: Settings,
) -> EvaluationRef:
    """Score challenger, champion, candidates and baselines on the same held-out raw rows."""
    _check_declaration(use_case, built.snapshot)
    champion = records.promotions.champion(use_case.name)
    return evaluating.evaluate(use_case, built, trained, champion, settings=settings)


def gate(
    use_case: UseCase, evaluation: EvaluationRef, run: Run, *, records: Records, settings: Settings
) -> Verdict:
    """Judge the evidence, and put the decision with its reasons on record."""
    _check_declaration(use_case, evaluation.features.snapshot)
    verdict = gating.verdict(use_case, evaluation, settings=settings)
    verdict = replace(verdict, sentence=_noting(verdict.sentence, evaluation.features.snapshot))
    outcome = "passed" if verdict.passed else "refused"
    _record(
        use_case, run, records, "gate", evaluation.report_id, outcome, verdict.sentence, verdict
    )
    return verdict


def promote(
    use_case: UseCase, verdict: Verdict, run: Run, *, records: Records, settings: Settings
) -> PromotionRef:
    """Make the challenger champion, if the champion is still the one it was compared with.

    Where the use case declares shadow, canary or A/B, it is put on trial beside the champion.

    Raises:
        StalePromotion: somebody else promoted meanwhile.
    """
    _check_declaration(use_case, verdict.evaluation.features.snapshot)
    if trials.wanted(use_case, verdict):
        return trials.begin(use_case, verdict, actor=run.actor, records=records, settings=settings)
    return promotion.promote(
        verdict, ledger=records, settings=settings, actor=run.actor, reason=verdict.sentence,
        describe=trials.describing(use_case, records, settings),
    )  # fmt: skip


def keep(use_case: UseCase, sentence: str, *, records: Records) -> PromotionRef:
    """Promote nothing: the champion (or none) stays, for the reason given."""
    champion = records.promotions.champion(use_case.name)
    return PromotionRef(promoted=False, champion=champion, sentence=sentence)


def _noting(sentence: str, snapshot: SnapshotRef) -> str:
    """Add what is to be known of the rows behind a decision: labels that are late."""
    notes = (f"{note[:1].upper()}{note[1:]}." for note in snapshot.notes)
    return " ".join([sentence, *notes])


def _check_declaration(use_case: UseCase, snapshot: SnapshotRef) -> None:
    """Refuse to go on by another declaration than the run began with.

    Raises:
        DeclarationChanged: its digest is another one.
    """
    if declaration.digest(use_case) != snapshot.declaration:
        raise DeclarationChanged(
            f"the declaration of {use_case.name} changed during the run; start it again"
        )


@contextmanager
def _refusals_on_record(use_case: UseCase, run: Run, records: Records) -> Iterator[None]:
    try:
        yield
    except DataRefused as refusal:
        _record(
            use_case, run, records, "validation", run.key, "refused", refusal.sentence,
            refusal.validation if isinstance(refusal, ValidationFailed) else None,
        )  # fmt: skip
        raise


def _record(
    use_case: UseCase,
    run: Run,
    records: Records,
    kind: str,
    about: str,
    outcome: str,
    sentence: str,
    evidence: Ref | None,
) -> None:
    """Record a decision; one per (use case, kind, purpose, what it is about)."""
    records.decisions.record(
        Decision(
            id=decision_id(use_case.name, f"{kind}/{run.purpose}", about),
            use_case=use_case.name,
            kind=kind if run.may_promote else run.purpose,
            outcome=outcome,
            sentence=sentence,
            evidence=evidence.to_json() if evidence else {},
            as_of=run.as_of,
            run_key=run.key,
            actor=run.actor,
        )
    )
