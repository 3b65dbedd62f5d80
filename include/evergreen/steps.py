"""The story of one training cycle, step by step.

    run = Run(as_of=..., asked_at=..., key="weather_training/manual__…", actor="ada")
    snapshot = extract(weather, run)                # PostgreSQL to an immutable Parquet file
    validation = validate(weather, snapshot, run)   # Great Expectations; blocks
    features = build_features(weather, validation, run)
    trained = [train(weather, features, name, run) for name in weather.trainings]
    evaluation = evaluate(weather, features, trained, run)  # every recipe: the same rows
    verdict = gate(weather, evaluation, run)        # passed, failed or unknown; fails closed
    served = fit(weather, verdict, run)             # the recipe in charge, on all mature rows
    promote(weather, served, run)                   # compare-and-set in the registry

(Each also takes `records` and `settings`.) A step takes and returns small references, may be run
again without changing anything, and knows neither Airflow nor the clock. All of a run go by one
declaration: who finds another than `extract` did refuses to go on.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from evergreen import approvals, cards, filling, fitting_anew, planning, reasons, room, storage
from evergreen.champions import in_charge, promotion, trainings
from evergreen.data import extraction
from evergreen.dossier import declaration
from evergreen.errors import DataRefused, DeclarationChanged, EvergreenError
from evergreen.filling import Filled
from evergreen.fitting_anew import LONGEST_TRAINING, Anew
from evergreen.judging import evaluation as evaluating
from evergreen.judging import gate as gating
from evergreen.learning import features, hiccups, training
from evergreen.planning import measured
from evergreen.records import Decision, Records, decision_id
from evergreen.refs import (
    CHANGE,
    FORCED,
    PAPER,
    REFRESH,
    CandidateRef,
    EvaluationRef,
    FeaturesRef,
    InCharge,
    PromotionRef,
    Ref,
    SnapshotRef,
    ValidationRef,
    Verdict,
)
from evergreen.serving import papers, trials
from evergreen.settings import Settings
from evergreen.spec import CHAMPION, UseCase

logger = logging.getLogger(__name__)


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


@measured("extract")
def extract(use_case: UseCase, run: Run, *, records: Records, settings: Settings) -> SnapshotRef:
    """Take the rows known at `as_of` into an immutable snapshot.

    Raises:
        DataRefused: the source is stale or cannot be read; the decision is on record.
        NoRoom: the disk is too full to begin.
        Retired: a person has ended the use case.
    """
    records.retirements.check(use_case.name)
    room.check(settings)
    planning.foretell(use_case, run.key, run.as_of, records=records, settings=settings)
    declared = declaration.digest(use_case)
    with (
        _refusals_on_record(use_case, run, records),
        records.locks.hold(extraction.LOCK, use_case.name, shared=True),
    ):
        snapshot = extraction.extract(
            use_case, as_of=run.as_of, asked_at=run.asked_at, settings=settings
        )
    return replace(snapshot, declaration=declared)


@measured("validate")
def validate(
    use_case: UseCase, snapshot: SnapshotRef, run: Run, *, records: Records, settings: Settings
) -> ValidationRef:
    """Check the snapshot against the suite of the use case; build its Data Docs page either way.

    Raises:
        ValidationFailed: an expectation failed; the decision is on record.
    """
    from evergreen.quality import validation  # not above: it loads Great Expectations

    _check_declaration(use_case, snapshot)
    with _refusals_on_record(use_case, run, records):
        result = validation.validate(snapshot, use_case, kept=records.quarantine, settings=settings)
        if not result.passed:
            reasons = [*(failed.reason for failed in result.failed), *result.snapshot.notes]
            raise ValidationFailed(reasons, result)
    return result


@measured("build_features")
def build_features(
    use_case: UseCase, validated: ValidationRef, run: Run, *, records: Records, settings: Settings
) -> FeaturesRef:
    """Split the validated snapshot and compute the features of every row, once.

    Raises:
        DataRefused: nothing to train on, or a class is missing; the decision is on record.
    """
    _check_declaration(use_case, validated.snapshot)
    with (
        _refusals_on_record(use_case, run, records),
        records.locks.hold(extraction.LOCK, use_case.name, shared=True),
    ):
        return features.build(validated.snapshot, use_case, settings)


@measured("store_features")
def store_features(
    use_case: UseCase, built: FeaturesRef, run: Run, *, records: Records, settings: Settings
) -> Filled:
    """Put the features of every row where serving reads them by key; `Features(stored=True)`.

    Raises:
        SnapshotCorrupt: the rows were pruned or forgotten meanwhile.
    """
    _check_declaration(use_case, built.snapshot)
    with records.locks.hold(extraction.LOCK, use_case.name, shared=True):
        return filling.fill(use_case, built, run.key, run.as_of, records=records, settings=settings)


@measured("train")
def train(
    use_case: UseCase,
    built: FeaturesRef,
    name: str,
    run: Run,
    *,
    force: bool = False,
    note: str = "",
    records: Records,
    settings: Settings,
) -> CandidateRef | None:
    """Walk one recipe over the judged rows and log it; the same training is done only once.

    Whoever asks for it while another does it (a second try, or a person) waits and reuses it. One
    that fails is told by its `problem`, and the others compete without it; a server that is away
    is nobody's failure, and raised. None: the recipe in charge is asked for, and there is no
    champion.
    """
    _check_declaration(use_case, built.snapshot)
    room.check(settings)
    present = _in_charge(use_case, run, records)
    if name == CHAMPION and present is None:
        return None
    key = training.training_key(use_case, built, name, present)
    with records.leases.hold("training", key, wait=LONGEST_TRAINING):
        try:
            ref = training.train(
                use_case, built, name, in_charge=present,
                trainings=_remembered(use_case, records, settings),
                settings=settings, force=force, note=note,
            )  # fmt: skip
        except Exception as error:  # whatever a candidate raises is its own, and told
            if hiccups.passes(error):
                raise
            personal = use_case.source.personal  # a traceback ends with the words of the error
            logger.warning("%s: %s failed", use_case.name, name, exc_info=not personal)
            ref = training.unwalked(name, error, personal)
    return replace(ref, champion=present.champion) if name == CHAMPION and present else ref


@measured("evaluate")
def evaluate(
    use_case: UseCase,
    built: FeaturesRef,
    trained: Sequence[CandidateRef | None],
    run: Run,  # noqa: ARG001  # `measured` reads it, as it does the records
    *,
    records: Records,  # noqa: ARG001
    settings: Settings,
) -> EvaluationRef:
    """Score every recipe on the same judged rows, and find the one that wants to take over.

    The champion is the one whose recipe was walked, whoever has become it since.

    Raises:
        EvergreenError: no candidate could be walked.
    """
    _check_declaration(use_case, built.snapshot)
    walked = [ref for ref in trained if ref is not None]
    champion = next((ref.champion for ref in walked if ref.name == CHAMPION), None)
    return evaluating.evaluate(use_case, built, walked, champion, settings=settings)


@measured("gate")
def gate(
    use_case: UseCase, evaluation: EvaluationRef, run: Run, *, records: Records, settings: Settings
) -> Verdict:
    """Judge the recipes, and put the decision with its reasons on record."""
    _check_declaration(use_case, evaluation.features.snapshot)
    verdict = gating.verdict(use_case, evaluation, settings=settings)
    verdict = replace(verdict, sentence=_noting(verdict.sentence, evaluation.features.snapshot))
    _record_verdict(use_case, run, records, "gate", verdict)
    return verdict


@measured("fit")
def fit(
    use_case: UseCase, verdict: Verdict, run: Run, *, records: Records, settings: Settings
) -> Verdict | None:
    """Fit the recipe in charge anew, on all mature rows, and check what is to serve.

    It is the challenger's if the gate let it take over, and otherwise the champion's own: a
    refresh. Where the challenger does not take over yet (a trial, a person's word, its own checks),
    there is a refresh as well. Where nothing has passed yet, it may be one that is to answer on
    paper. None: there is nothing to serve, or nothing new to learn.
    """
    _check_declaration(use_case, verdict.evaluation.features.snapshot)
    present = _in_charge(use_case, run, records)
    chosen, kind = fitting_anew.to_serve(use_case, verdict, present)
    anew = Anew(use_case, verdict.evaluation, present, records, settings)
    if run.may_promote and chosen != verdict.evaluation.challenger:
        anew.keep_refused(verdict)
    if chosen is None or (kind == PAPER and not run.may_promote):
        return None
    approved = _fitted(anew, chosen, kind, verdict, run)
    takes_over = approved.passed and not _is_put_off(use_case, approved)
    if kind != CHANGE or takes_over or present is None or not run.may_promote:
        return approved
    own = fitting_anew.to_refresh(verdict.evaluation, present)
    if own is None:
        return approved
    refresh = _fitted(anew, own, REFRESH, fitting_anew.put_off(verdict, approved), run)
    return replace(approved, refresh=refresh) if approved.passed else refresh


def _fitted(anew: Anew, chosen: CandidateRef, kind: str, said: Verdict, run: Run) -> Verdict:
    """Fit a recipe to serve, and put on record what its bytes show; `said` is on the recipes."""
    use_case, records = anew.use_case, anew.records
    usual = fitting_anew.usual(records, use_case.name, apart=said.evaluation.report_id)
    fitted, evidence = anew.examined(chosen, kind, usual=usual)
    approved = gating.approve(use_case, said, fitted, evidence, anew.settings)
    _record_verdict(use_case, run, records, PAPER if kind == PAPER else "fit", approved)
    return approved


def _is_put_off(use_case: UseCase, verdict: Verdict) -> bool:
    """Tell whether a trial or a person decides on this challenger, after the gate."""
    return approvals.wanted(use_case, verdict) or trials.wanted(use_case, verdict)


def force(
    use_case: UseCase, run: Run, *, reason: str, records: Records, settings: Settings
) -> PromotionRef:
    """Let the newest challenger take over whatever the gate said, because a person says so.

    Its fit must pass its checks all the same. It goes on record as forced, and lifts a pin.

    Raises:
        EvergreenError: no challenger has reached the gate.
        Unconfirmed: the use case is a draft.
    """
    use_case.check_confirmed()
    records.retirements.check(use_case.name)
    reason = reasons.checked(reason)
    gates = records.decisions.newest(use_case.name, limit=1, kind="gate")
    if not gates:
        raise EvergreenError(f"no challenger of {use_case.name} has reached the gate; train first")
    said, present = Verdict.from_json(gates[0].evidence), _in_charge(use_case, run, records)
    evaluation = said.evaluation
    anew = Anew(use_case, evaluation, present, records, settings)
    fitted, evidence = anew.examined(evaluation.challenger, FORCED, usual=())
    champion = present.champion if present else None
    since = champion.promotion_id if champion else 0  # who forces again later, decides again
    asked = replace(
        evaluation, report_id=f"{evaluation.report_id}-forced-{since}", champion=champion
    )
    words = f"Forced by {run.actor}: {reason}. The gate had said: {said.sentence}"
    wanted = replace(said, passed=True, sentence=words, evaluation=asked)
    approved = gating.approve(use_case, wanted, fitted, evidence, settings)
    _record_verdict(use_case, run, records, "fit", approved)
    done = promotion.promote(
        approved, ledger=records, settings=settings, actor=run.actor, reason=approved.sentence,
        describe=trials.describing(use_case, records, settings),
    )  # fmt: skip
    if done.promoted:
        papers.end(use_case.name, approved.sentence, records=records)
    return cards.keep(use_case.name, done, records=records, settings=settings)


def _remembered(use_case: UseCase, records: Records, settings: Settings) -> trainings.Remembered:
    store = storage.of(settings, storage.WALKS)
    return trainings.Remembered(records.trainings, store, use_case.name)


def _in_charge(use_case: UseCase, run: Run, records: Records) -> InCharge | None:
    known_at = run.as_of if run.purpose == "backfill" else None
    return in_charge.find(records, use_case.name, known_at)


@measured("promote")
def promote(
    use_case: UseCase, verdict: Verdict, run: Run, *, records: Records, settings: Settings
) -> PromotionRef:
    """Make the challenger champion, if the champion is still the one it was compared with.

    Where the use case declares shadow, canary or A/B, it is put on trial beside the champion; where
    it asks for a person's approval, it waits for that. Meanwhile the newest fit of the recipe in
    charge serves.

    Raises:
        StalePromotion: somebody else promoted meanwhile.
        Unconfirmed: the use case is a draft.
        Retired: a person has ended it.
    """
    use_case.check_confirmed()
    _check_declaration(use_case, verdict.evaluation.features.snapshot)
    records.retirements.check(use_case.name)
    if verdict.kind == PAPER:
        return papers.begin(
            use_case, verdict, actor=run.actor, records=records, settings=settings,
            describe=trials.describing(use_case, records, settings),
        )  # fmt: skip
    fresh = verdict.refresh
    served = _serve(use_case, fresh, run, records, settings) if fresh and fresh.passed else None
    if approvals.wanted(use_case, verdict):
        done = approvals.ask(
            use_case, verdict, actor=run.actor, at=run.asked_at, records=records, settings=settings
        )
    elif verdict.kind == CHANGE and trials.wanted(use_case, verdict):
        papers.end(use_case.name, verdict.sentence, records=records)
        done = trials.begin(use_case, verdict, actor=run.actor, records=records, settings=settings)
    else:
        return _serve(use_case, verdict, run, records, settings)
    if served is None:
        return done
    said = dict.fromkeys([done.sentence, served.sentence])  # a pin keeps both, for one reason
    return replace(served, sentence=" ".join(said))


def _serve(
    use_case: UseCase, verdict: Verdict, run: Run, records: Records, settings: Settings
) -> PromotionRef:
    done = promotion.promote(
        verdict, ledger=records, settings=settings, actor=run.actor, reason=verdict.sentence,
        describe=trials.describing(use_case, records, settings),
    )  # fmt: skip
    if done.promoted:
        papers.end(use_case.name, verdict.sentence, records=records)
    return cards.keep(use_case.name, done, records=records, settings=settings)


def answer(
    use_case: UseCase,
    *,
    approve: bool,
    reason: str,
    actor: str,
    at: datetime,
    asked: int | None = None,
    records: Records,
    settings: Settings,
) -> PromotionRef:
    """Carry out a person's answer to a challenger that waits; see `approvals.answer`."""
    done = approvals.answer(
        use_case, approve=approve, reason=reason, actor=actor, at=at, asked=asked,
        records=records, settings=settings,
    )  # fmt: skip
    if done.promoted:
        papers.end(use_case.name, done.sentence, records=records)
    return cards.keep(use_case.name, done, records=records, settings=settings)


def keep(use_case: UseCase, sentence: str, *, records: Records) -> PromotionRef:
    """Promote nothing: the champion (or none) stays, for the reason given."""
    champion = records.promotions.champion(use_case.name)
    return PromotionRef(promoted=False, champion=champion, sentence=sentence)


def undrafted(use_case: UseCase, sentence: str) -> str:
    """Say of a draft that what was decided does not go live."""
    if not use_case.draft:
        return sentence
    return (
        f"A draft, so nothing goes live until `evergreen activate {use_case.name}`. Otherwise:"
        f" {sentence}"
    )


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
        about = f"{run.key}/{refusal}"  # said again, a run may be refused for another reason
        _record(
            use_case, run, records, "validation", about, "refused", refusal.sentence,
            refusal.validation if isinstance(refusal, ValidationFailed) else None,
        )  # fmt: skip
        raise


def _record_verdict(
    use_case: UseCase, run: Run, records: Records, kind: str, verdict: Verdict
) -> None:
    outcome = (PAPER if kind == PAPER else "passed") if verdict.passed else "refused"
    about = verdict.evaluation.report_id
    _record(use_case, run, records, kind, about, outcome, verdict.sentence, verdict)


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
