"""Move the champion: forward by a gate's verdict, back by a person, never past each other.

Usage::

    promote(verdict, ledger=records, settings=settings, actor="schedule", reason=…, describe=…)
    rollback("weather", to=3, reason="it says sun", actor="ada", ledger=records, settings=settings)
    reconcile("weather", records, settings)     # sentences of what was repaired

Each holds the use case's lock and goes in an order that a crash can interrupt anywhere:
version registered → dossier written → ledger row, pending → pin put or lifted → alias set → row
done. The ledger is the truth; whoever comes next finishes or repairs the rest.
"""

from collections.abc import Sequence
from dataclasses import replace

from evergreen import reasons
from evergreen.champions.move import PROMOTION, Describe, Move
from evergreen.champions.proof import Prove, prove
from evergreen.champions.registry import ModelRegistry, Registration
from evergreen.errors import ModelRefused, NothingToRollBackTo, StalePromotion
from evergreen.records import Decision, Pin, Promotion, decision_id
from evergreen.records.promotions import PENDING, REFRESH, ROLLBACK
from evergreen.records.protocols import Ledger
from evergreen.refs import FORCED, ChampionRef, Json, PromotionRef, Verdict
from evergreen.settings import Settings

UNATTENDED = {"schedule", "assets", "monitoring", "operator_triggered"}
"""Who asks for a training when no person does."""


def promote(
    verdict: Verdict,
    *,
    ledger: Ledger,
    settings: Settings,
    actor: str,
    reason: str,
    describe: Describe,
    registry: ModelRegistry | None = None,
    prove: Prove = prove,
) -> PromotionRef:
    """Make the challenger champion, if the champion is still the one it was compared with.

    Doing it again for the same verdict changes nothing. What is refused is on record as well.

    Raises:
        StalePromotion: the champion has changed since the evaluation.
        ModelRefused: the challenger's bytes are not those that were gated.
    """
    name = verdict.evaluation.features.snapshot.use_case
    move = Move.of(name, ledger, settings, actor, registry, prove, describe)
    with move.ledger.locks.hold("champion", move.use_case):
        move.reconcile()
        return _promote(move, verdict, reason)


def register(
    verdict: Verdict,
    *,
    ledger: Ledger,
    settings: Settings,
    actor: str,
    describe: Describe,
    registry: ModelRegistry | None = None,
) -> int | PromotionRef:
    """Register the challenger as a version without moving the champion; return the version.

    Where it may not become champion (the gate, a person's rollback, the very same model), that is
    on record, and returned; where it has been, too.
    """
    use_case = verdict.evaluation.features.snapshot.use_case
    move = Move.of(use_case, ledger, settings, actor, registry, prove, describe)
    rows, gate = ledger.promotions.of(use_case), _decision(move, verdict)
    if done := gate and ledger.promotions.by(use_case, gate.id):
        return _again(done, rows[0].ref)
    refusal = _refusal(verdict, gate, rows, ledger.pins.get(use_case))
    if refusal or gate is None:
        return _refused(move, verdict, gate, rows, refusal)
    return _registered(move, verdict, gate)


def rollback(
    name: str,
    *,
    to: int | None,
    reason: str,
    actor: str,
    ledger: Ledger,
    settings: Settings,
    key: str = "",
    leaving: int | None = None,
    registry: ModelRegistry | None = None,
    prove: Prove = prove,
) -> PromotionRef:
    """Make an earlier champion champion again, once it has proved that it still works.

    Without `to` it is the champion that the present one had replaced when it was first promoted,
    so that each further rollback goes further back. With a `key` (of the run that asks), doing it
    again changes nothing. `leaving` is the version that was found wanting; None: whichever serves.

    Raises:
        StalePromotion: another version than `leaving` is champion by now.
        NothingToRollBackTo: no earlier champion, or `to` was never champion, or it is so now.
        ModelRefused: it cannot be loaded any more, does not reproduce its golden predictions, or
            has been deleted from the registry.
        DeclarationError: the reason is too long.
    """
    move = Move.of(name, ledger, settings, actor, registry, prove)
    reason = reasons.checked(reason)
    with move.ledger.locks.hold("champion", name):
        move.reconcile()
        return _rollback(move, to, reason, key, leaving)


def unpin(name: str, *, reason: str, actor: str, ledger: Ledger, settings: Settings) -> str:
    """Let trainings move the champion again, to which a person went back; return what was done.

    Raises:
        NothingToRollBackTo: nothing is pinned.
        DeclarationError: the reason is too long.
    """
    move, reason = Move.of(name, ledger, settings, actor, None, prove), reasons.checked(reason)
    with ledger.locks.hold("champion", name):
        pin = ledger.pins.get(name)
        if pin is None:
            raise NothingToRollBackTo(f"no version of {name} is pinned")
        said = f"Version {pin.version}, pinned by {pin.actor}, is pinned no more: {reason}"
        done = move.record(ROLLBACK, "unpinned", said, f"{pin.id}", {"version": pin.version})
        ledger.pins.lift(name, actor)
    return done.sentence


def reconcile(
    name: str, ledger: Ledger, settings: Settings, *, registry: ModelRegistry | None = None
) -> list[str]:
    """Make the registry follow the ledger; return in sentences what was repaired."""
    move = Move.of(name, ledger, settings, "reconciler", registry, prove)
    with move.ledger.locks.hold("champion", name):
        return move.reconcile()


def previous(rows: Sequence[Promotion]) -> Promotion | None:
    """Return the first promotion of the champion that the present one had replaced.

    `rows` is the whole chain, newest first. None: there is no earlier champion.
    """
    first = _first(rows)
    here = (row for row in rows if row.version == rows[0].version)
    origin = next(row for row in here if row.is_first_of_its_version)
    found = next((row for row in rows if row.id == origin.predecessor_id), None)
    return found and first[found.version]


def _first(rows: Sequence[Promotion]) -> dict[int, Promotion]:
    """Return the promotion by which each version first became champion."""
    return {row.version: row for row in rows if row.is_first_of_its_version}


def _promote(move: Move, verdict: Verdict, reason: str) -> PromotionRef:
    rows = move.ledger.promotions.of(move.use_case)
    champion = rows[0].ref if rows else None
    gate = _decision(move, verdict)
    done = gate and move.ledger.promotions.by(move.use_case, gate.id)
    if done:
        _note_promoted(move, verdict, gate, done)  # a crash may have come before it
        return _again(done, champion)
    pin = None if verdict.kind == FORCED else move.ledger.pins.get(move.use_case)
    refusal = _refusal(verdict, gate, rows, pin) or _late(move, verdict, rows[0] if rows else None)
    if refusal or gate is None:
        return _refused(move, verdict, gate, rows, refusal)
    try:
        check_expected(verdict, rows)
        golden_sha256 = _proven(move, verdict)
    except (StalePromotion, ModelRefused) as error:
        outcome = "stale" if isinstance(error, StalePromotion) else "refused"
        _note(move, verdict, gate, outcome, str(error))
        raise
    row = _row(move, verdict, gate, champion, golden_sha256, reason)
    promoted = move.append(row)
    _note_promoted(move, verdict, gate, row)
    return promoted


def _refused(
    move: Move, verdict: Verdict, gate: Decision | None, rows: Sequence[Promotion], refusal: str
) -> PromotionRef:
    _note(move, verdict, gate, "refused", refusal)
    champion = rows[0].ref if rows else None
    return PromotionRef(promoted=False, champion=champion, sentence=refusal)


def decision_of(verdict: Verdict) -> str:
    """Return the id of the decision that let this very fit pass, if one did."""
    name = verdict.evaluation.features.snapshot.use_case
    return decision_id(name, "fit/train", verdict.evaluation.report_id)


def _decision(move: Move, verdict: Verdict) -> Decision | None:
    """Return the decision that let this very fit pass."""
    return move.ledger.decisions.get(decision_of(verdict), "passed")


def _again(done: Promotion, champion: ChampionRef | None) -> PromotionRef:
    if champion is not None and champion.promotion_id == done.id:
        return PromotionRef(promoted=True, champion=champion, sentence=done.reason)
    now = f"version {champion.version}" if champion else "nobody"
    return PromotionRef(
        promoted=False,
        champion=champion,
        sentence=f"This has been done: version {done.version} became champion. Since then {now} "
        "has, and stays.",
    )


def _refusal(
    verdict: Verdict, gate: Decision | None, rows: Sequence[Promotion], pin: Pin | None
) -> str:
    """Say why this verdict moves nobody; empty when it may."""
    challenger = verdict.evaluation.challenger
    if not verdict.passed:
        return verdict.sentence
    if gate is None:
        report = verdict.evaluation.report_id
        return f"Not promoted: the ledger holds no decision that let the fit of {report} pass."
    if gate.evidence["evaluation"]["challenger"]["sha256"] != challenger.sha256:
        return "Not promoted: the decision on record is about other bytes."
    if rows and rows[0].sha256 == challenger.sha256:
        return f"Not promoted: version {rows[0].version}, the champion, is this very model."
    return _pinned(pin)


def _late(move: Move, verdict: Verdict, champion: Promotion | None) -> str:
    """Say that a refresh that nobody asked for would take the champion back; empty: it would not.

    Such is one that ends after a later one, or is tried again days after. A person may want it.
    """
    if champion is None or verdict.kind != REFRESH or move.actor not in UNATTENDED:
        return ""
    served = move.ledger.decisions.get(champion.decision_id)
    as_of, known = verdict.evaluation.features.snapshot.as_of, served.as_of if served else None
    if known is None or as_of >= known:
        return ""
    return (
        f"Not promoted: version {champion.version}, the champion, is as of {known:%Y-%m-%d %H:%M};"
        f" this fit, as of {as_of:%Y-%m-%d %H:%M}, would know less."
    )


def _pinned(pin: Pin | None) -> str:
    """Say that a person went back to the present champion: only a person moves it from there."""
    if pin is None:
        return ""
    return (
        f"Not promoted: version {pin.version} is pinned by {pin.actor} ({pin.reason});"
        f" `evergreen unpin {pin.use_case}` lets trainings move it again."
    )


def _refreshed(rows: Sequence[Promotion]) -> set[int]:
    """Return the promotions since which the recipe in charge was only fitted anew."""
    found: set[int] = set()
    for row in rows:
        found.add(row.id)
        if row.kind != REFRESH:
            break
    return found


def check_expected(verdict: Verdict, rows: Sequence[Promotion]) -> None:
    """Refuse a challenger that was compared with another champion than the present one.

    `rows` is the whole chain, newest first. A champion that was only fitted anew is the same.

    Raises:
        StalePromotion: it names both.
    """
    expected, champion = verdict.evaluation.champion, rows[0].ref if rows else None
    ids = [None if ref is None else ref.promotion_id for ref in (expected, champion)]
    if ids[0] == ids[1] or (ids[0] is not None and ids[0] in _refreshed(rows)):
        return
    names = ["no champion" if r is None else f"version {r.version}" for r in (expected, champion)]
    raise StalePromotion(
        f"The challenger was compared with {names[0]}, but the champion is {names[1]} by now: "
        "train again"
    )


def _proven(move: Move, verdict: Verdict) -> str:
    challenger = verdict.evaluation.challenger
    return move.prove(
        move.settings, challenger.run_id, challenger.model_uri, challenger.sha256, None
    )


def _row(
    move: Move,
    verdict: Verdict,
    gate: Decision,
    champion: ChampionRef | None,
    golden_sha256: str,
    reason: str,
) -> Promotion:
    """Register the challenger and return its ledger row, not written yet."""
    features, challenger = verdict.evaluation.features, verdict.evaluation.challenger
    return Promotion(
        use_case=move.use_case,
        version=_registered(move, verdict, gate),
        run_id=challenger.run_id,
        model_uri=challenger.model_uri,
        sha256=challenger.sha256,
        snapshot_sha256=features.snapshot.sha256,
        golden_sha256=golden_sha256,
        training=verdict.learned or features.training,
        predecessor_id=champion.promotion_id if champion else None,
        decision_id=gate.id,
        kind=verdict.kind,
        reason=reason,
        actor=move.actor,
    )


def _registered(move: Move, verdict: Verdict, gate: Decision) -> int:
    """Register the challenger, and write down what belongs to its version."""
    about = _registration(verdict, gate)
    version = move.registry.register(move.use_case, verdict.evaluation.challenger, about)
    move.describe(verdict, gate.id, version)
    return version


def _registration(verdict: Verdict, gate: Decision) -> Registration:
    snapshot = verdict.evaluation.features.snapshot
    return Registration(
        snapshot_sha256=snapshot.sha256, decision_id=gate.id, sentence=verdict.sentence
    )


def _note(move: Move, verdict: Verdict, gate: Decision | None, outcome: str, sentence: str) -> None:
    evaluation, run_key = verdict.evaluation, gate.run_key if gate else ""
    as_of, about = evaluation.features.snapshot.as_of, evaluation.report_id
    move.record(PROMOTION, outcome, sentence, about, verdict.to_json(), as_of, run_key)


def _note_promoted(move: Move, verdict: Verdict, gate: Decision | None, row: Promotion) -> None:
    _note(move, verdict, gate, "promoted", f"Version {row.version} is champion. {row.reason}")


def _rollback(
    move: Move, to: int | None, reason: str, key: str, leaving: int | None
) -> PromotionRef:
    rows = move.ledger.promotions.of(move.use_case)
    about = key or f"{rows[0].id if rows else 0}/{to or 'previous'}"
    decided = decision_id(move.use_case, "rollback/rolled back", about)
    done = move.ledger.promotions.by(move.use_case, decided)
    if done:
        return _again(done, rows[0].ref)
    evidence: Json = {"from": rows[0].version if rows else None, "to": to, "reason": reason}
    try:
        target = _target(rows, to, leaving)
        move.check_held(target)
        move.prove(
            move.settings, target.run_id, target.model_uri, target.sha256, target.golden_sha256
        )
    except (NothingToRollBackTo, ModelRefused, StalePromotion) as error:
        move.record(ROLLBACK, "refused", f"Not rolled back: {error}", about, evidence, run_key=key)
        raise
    sentence = f"Rolled back from version {rows[0].version} to {target.version}: {reason}"
    evidence["to"] = target.version
    decision = move.record(ROLLBACK, "rolled back", sentence, about, evidence, run_key=key)
    return move.append(
        replace(
            target, predecessor_id=rows[0].id, decision_id=decision.id, kind=ROLLBACK,
            reason=sentence, actor=move.actor, state=PENDING,
        )
    )  # fmt: skip


def _target(rows: Sequence[Promotion], to: int | None, leaving: int | None) -> Promotion:
    """Return the row of the champion to go back to; `rows` are newest first."""
    if not rows:
        raise NothingToRollBackTo("there has never been a champion")
    if leaving not in {None, rows[0].version}:
        raise StalePromotion(f"version {leaving} was to be left, and is champion no longer")
    first = _first(rows)
    if to is None:
        found = previous(rows)
        if found is None:
            raise NothingToRollBackTo(f"version {rows[0].version} was the first champion")
        return found
    if to == rows[0].version:
        raise NothingToRollBackTo(f"version {to} is the champion already")
    if to not in first:
        known = ", ".join(map(str, sorted(first)))
        raise NothingToRollBackTo(f"version {to} was never champion; champions were: {known}")
    return first[to]
