"""A challenger that passed its gate waits for a person's word, where its use case asks for one.

ask(use_case, verdict, actor="schedule", at=…, records=records, settings=settings)
answer(use_case, approve=True, reason="read it", actor="ada", records=records, settings=settings)
expire("weather", now, records=records, settings=settings)     # what nobody has answered in time
remind("weather", now, records=records, settings=settings)     # once, when half of the time is over

One waits at a time: it is told when it begins to and when it no longer does. The answer is claimed
first and carried out then, so that of two people one is heard, and a crash in between is made up by
whoever says the same again.
"""

from datetime import datetime

from evergreen import reasons
from evergreen.champions import promotion
from evergreen.errors import AlreadyAnswered, ModelRefused, StalePromotion
from evergreen.notify import alert, all_clear, verdict_link
from evergreen.records import Approval, Decision, Records, decision_id
from evergreen.records.approvals import APPROVED, EXPIRED, OVERTAKEN, REFUSED
from evergreen.records.promotions import REFRESH
from evergreen.refs import CHANGE, PromotionRef, Verdict
from evergreen.serving.trials import describing
from evergreen.settings import Settings
from evergreen.spec import UseCase

KIND = "approval"
REMINDER = "reminder"
NOBODY = "nobody"


def wanted(use_case: UseCase, verdict: Verdict) -> bool:
    """Tell whether a person must say yes before this fit serves; a refresh needs none."""
    return use_case.release.approval and verdict.kind == CHANGE


def ask(
    use_case: UseCase,
    verdict: Verdict,
    *,
    actor: str,
    at: datetime,
    records: Records,
    settings: Settings,
) -> PromotionRef:
    """Register the challenger and let it wait; the champion stays. Again: changes nothing.

    While one waits, those that come later do not: the sentence says so. One whose champion has been
    replaced meanwhile waits no longer.
    """
    name, champion = use_case.name, records.promotions.champion(use_case.name)
    _make_up(name, records, settings)
    _let_go_of_overtaken(name, records, settings)
    if (done := records.approvals.by(name, promotion.decision_of(verdict))) and done.outcome:
        sentence = f"A person was asked about this fit. {done.outcome}"
        return PromotionRef(promoted=False, champion=champion, sentence=sentence)
    if not (waiting := records.approvals.waiting(name)):
        version = promotion.register(
            verdict, ledger=records, settings=settings, actor=actor,
            describe=describing(use_case, records, settings),
        )  # fmt: skip
        if isinstance(version, PromotionRef):  # pinned, say, or the very model that serves
            return version
        waiting = (_begin(use_case, verdict, version, at, records, settings),)
    mine = waiting[0].decision_id == promotion.decision_of(verdict)
    if mine:  # again, too: a crash may have left it untold
        _tell(waiting[0], actor, records, settings)
    sentence = f"Passed the gate, and {waiting[0].told}: {how(name)}."
    if not mine:
        sentence = f"Passed the gate, and was not put forward: {waiting[0].told} ({how(name)})."
    return PromotionRef(promoted=False, champion=champion, sentence=sentence)


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
    """Carry out a person's answer: the challenger takes over, or is withdrawn.

    What a crash left answered and not carried out is carried out as the first who said so.

    Args:
        use_case: whose challenger waits.
        approve: it takes over, if the champion is still the one that it was compared with.
        reason: kept on record.
        actor: who answers.
        at: when; what nobody has answered in time is withdrawn first.
        asked: id of the approval; None: the one that waits.
        records: the ledger.
        settings: where the registry is, and whom to tell.

    Raises:
        AlreadyAnswered: nothing waits, or somebody else was faster; it says who and what.
        StalePromotion: the champion has changed since the evaluation.
        ModelRefused: the challenger's bytes are not those that were gated.
        DeclarationError: the reason is too long.
        Unconfirmed: the use case is a draft.
        Retired: a person has ended it.
    """
    use_case.check_confirmed()
    records.retirements.check(use_case.name)
    said, reason = APPROVED if approve else REFUSED, reasons.checked(reason)
    expire(use_case.name, at, records=records, settings=settings)
    claimed = _claim(use_case.name, asked, said, reason, actor, records)
    try:
        done = _carry_out(use_case, claimed, records, settings)
    except (StalePromotion, ModelRefused) as error:
        _close(
            claimed,
            f"Approved by {claimed.answered_by}, and not promoted: {error}",
            records,
            settings,
        )
        raise
    _close(claimed, done.sentence, records, settings)
    return done


def expire(name: str, now: datetime, *, records: Records, settings: Settings) -> list[str]:
    """Withdraw what nobody has answered in time; return that in sentences."""
    told = _make_up(name, records, settings)
    for waiting in records.approvals.waiting(name):
        if now >= waiting.expires_at:
            told += _withdraw(waiting, EXPIRED, "nobody answered in time", records, settings)
    return told


def remind(name: str, now: datetime, *, records: Records, settings: Settings) -> list[str]:
    """Tell once more of what still waits when half of its time is over; return what was told."""
    found = []
    for waiting in records.approvals.waiting(name):
        half = waiting.asked_at + (waiting.expires_at - waiting.asked_at) / 2
        if now >= half:
            message = f"Still, {waiting.told}: {how(name)}. {waiting.sentence}"
            alert(records, settings, name, REMINDER, message, at=half, link=waiting.report)
            found.append(f"{name}: {waiting.told}")
    return found


def withdraw(name: str, why: str, *, records: Records, settings: Settings) -> None:
    """Let nothing of a use case wait any longer: it ended, say."""
    _make_up(name, records, settings)
    for waiting in records.approvals.waiting(name):
        _withdraw(waiting, OVERTAKEN, why, records, settings)


def how(name: str) -> str:
    """Say how a person answers."""
    return f"`evergreen approve {name} --reason …`, with `--refuse` for a no, or Airflow's buttons"


def _begin(
    use_case: UseCase,
    verdict: Verdict,
    version: int,
    at: datetime,
    records: Records,
    settings: Settings,
) -> Approval:
    return records.approvals.ask(
        Approval(
            use_case=use_case.name,
            version=version,
            decision_id=promotion.decision_of(verdict),
            sentence=verdict.sentence,
            report=verdict_link(settings, verdict),
            asked_at=at,
            expires_at=at + use_case.release.approval_within,
        )
    )


def _tell(asked: Approval, actor: str, records: Records, settings: Settings) -> None:
    """Put on record who is asked, and tell it; again: changes nothing."""
    name = asked.use_case
    message = f"{asked.told[:1].upper()}{asked.told[1:]}: {how(name)}. {asked.sentence}"
    _record(asked, "asked", message, actor, records)
    alert(records, settings, name, KIND, message, at=asked.asked_at, link=asked.report)


def _claim(
    name: str, asked: int | None, said: str, reason: str, actor: str, records: Records
) -> Approval:
    waiting = records.approvals.waiting(name)
    wanted = asked or (waiting[0].id if waiting else 0)
    claimed = records.approvals.answer(wanted, said, by=actor, reason=reason)
    found = claimed or (records.approvals.get(wanted) if wanted else _newest(name, records))
    if found is None or found.use_case != name:
        raise AlreadyAnswered(f"nothing of {name} waits for a person's word")
    again = not found.outcome and found.answer == said
    if claimed is None and not again:
        nothing = "" if wanted else f"nothing of {name} waits for a person's word: "
        raise AlreadyAnswered(f"{nothing}{_ended(found)}")
    return found


def _ended(one: Approval) -> str:
    """Say what became of a question."""
    by = f"{one.answer} by {one.answered_by}"
    what = by if one.answer in {APPROVED, REFUSED} else "withdrawn"
    when = f"{one.answered_at:%Y-%m-%d %H:%M} UTC"
    return f"version {one.version} of {one.use_case} was {what} on {when} ({one.reason})"


def _newest(name: str, records: Records) -> Approval | None:
    """Return the newest approval, which a crash may have left answered and not carried out."""
    newest = records.approvals.newest(name, limit=1)
    return newest[0] if newest else None


def _carry_out(
    use_case: UseCase, said: Approval, records: Records, settings: Settings
) -> PromotionRef:
    name, words = use_case.name, f"{said.answer} by {said.answered_by}: {said.reason}"
    if said.answer == REFUSED:
        champion = records.promotions.champion(name)
        sentence = f"Version {said.version} was {words}"
        return PromotionRef(promoted=False, champion=champion, sentence=sentence)
    gate = records.decisions.get(said.decision_id, "passed")
    if gate is None:
        raise ModelRefused(f"no decision on record let version {said.version} of {name} pass")
    verdict = Verdict.from_json(gate.evidence)
    return promotion.promote(
        verdict, ledger=records, settings=settings, actor=str(said.answered_by),
        reason=f"{words[:1].upper()}{words[1:]}. {verdict.sentence}",
        describe=describing(use_case, records, settings),
    )  # fmt: skip


def _let_go_of_overtaken(name: str, records: Records, settings: Settings) -> None:
    """Withdraw what waits for a champion to be replaced that somebody else has replaced."""
    for waiting in records.approvals.waiting(name):
        moved = [
            row
            for row in records.promotions.of(name)
            if row.kind != REFRESH and row.created_at and waiting.created_at
            if row.created_at > waiting.created_at
        ]
        if moved:
            why = f"version {moved[0].version} became champion meanwhile ({moved[0].kind})"
            _withdraw(waiting, OVERTAKEN, why, records, settings)


def _withdraw(
    waiting: Approval, answer: str, why: str, records: Records, settings: Settings
) -> list[str]:
    closed = records.approvals.answer(waiting.id, answer, by=NOBODY, reason=why)
    return [_end(closed, records, settings)] if closed else []  # none: a person was faster


def _make_up(name: str, records: Records, settings: Settings) -> list[str]:
    """End what a crash left withdrawn, and untold; return that in sentences."""
    left = (
        one
        for one in records.approvals.newest(name)
        if one.answer in {EXPIRED, OVERTAKEN} and not one.outcome
    )
    return [_end(one, records, settings) for one in left]


def _end(closed: Approval, records: Records, settings: Settings) -> str:
    """Tell that one waits no longer, which nobody has answered."""
    sentence = f"Version {closed.version} waits no longer for a person's word: {closed.reason}."
    _close(closed, sentence, records, settings)
    return f"{closed.use_case}: {sentence}"


def _close(closed: Approval, sentence: str, records: Records, settings: Settings) -> None:
    _record(closed, str(closed.answer), sentence, str(closed.answered_by), records)
    for kind in (KIND, REMINDER):
        all_clear(records, settings, closed.use_case, kind, sentence)
    records.approvals.note(closed.id, sentence)


def _record(about: Approval, outcome: str, sentence: str, actor: str, records: Records) -> None:
    records.decisions.record(
        Decision(
            id=decision_id(about.use_case, f"{KIND}/{outcome}", str(about.id)),
            use_case=about.use_case, kind=KIND, outcome=outcome, sentence=sentence,
            evidence={"version": about.version, "fit": about.decision_id}, as_of=None,
            run_key=f"{KIND}/{about.id}", actor=actor,
        )
    )  # fmt: skip
