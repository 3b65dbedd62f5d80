"""A challenger that passed the gate comes to its users as its use case declares.

begin(use_case, verdict, actor="schedule", records=records, settings=settings)   # shadow, ab …
begin_waiting(use_case, actor="monitoring", records=records)    # once the trial before is over
promote(use_case, reason="p = 0.01", actor="ada", records=records, settings=settings)

What cannot be tried, as it reads what requests to the champion do not hold, a person promotes.
"""

from evergreen import cards, reasons
from evergreen.champions import promotion
from evergreen.champions.move import Describe
from evergreen.errors import EvergreenError, ModelRefused, StalePromotion
from evergreen.records import Decision, Records, TrialRow, decision_id
from evergreen.refs import PromotionRef, Verdict
from evergreen.serving import commands, releases
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.spec.lengths import percent

DIRECT = "direct"
KIND = "trial"
WAITS, OVERTAKEN = "waits", "overtaken"
LOOKED_AT = 50
"""So many of the newest decisions about trials are looked through for who waits."""


def wanted(use_case: UseCase, verdict: Verdict) -> bool:
    """Tell whether this challenger is to be tried beside a champion before it may follow it."""
    return use_case.release.strategy != DIRECT and verdict.evaluation.champion is not None


def begin(
    use_case: UseCase, verdict: Verdict, *, actor: str, records: Records, settings: Settings
) -> PromotionRef:
    """Put the challenger on trial; the champion stays. Doing it again changes nothing.

    A trial that runs goes on: the challenger waits, registered, and the sentence says so.
    """
    champion = records.promotions.champion(use_case.name)
    version = promotion.register(
        verdict, ledger=records, settings=settings, actor=actor,
        describe=describing(use_case, records, settings),
    )  # fmt: skip
    if isinstance(version, PromotionRef):  # pinned, say, or the very model that serves
        return version
    running = records.trials.running(use_case.name)
    if running and releases.challenger_of(running[0]).version != version:
        sentence = f"Version {version} passed the gate and waits: {told(running[0])}."
        _record(
            use_case.name, version, WAITS, sentence, promotion.decision_of(verdict), actor, records
        )
    else:
        try:
            trial = running[0] if running else _start(use_case, version, verdict, actor, records)
            sentence = f"Passed the gate, so {told(trial)}; {_next(use_case)}."
        except ModelRefused as error:
            sentence = f"Passed the gate, but {error}."
    return PromotionRef(promoted=False, champion=champion, sentence=sentence)


def begin_waiting(use_case: UseCase, *, actor: str, records: Records) -> str:
    """Put the newest challenger on trial that waited for the one before to end; say so.

    One whose champion has been replaced meanwhile is let go of, once, on record. Empty: none waits,
    a trial runs, the champion is pinned, or the use case tries nobody any more.
    """
    name, waiting = use_case.name, _waiting(use_case, records)
    if waiting is None:
        return ""
    version, fit = waiting.evidence["version"], waiting.evidence["fit"]
    try:
        verdict = _verdict_of(fit, records)
        promotion.check_expected(verdict, records.promotions.of(name))
        trial = _start(use_case, version, verdict, actor, records)
    except (StalePromotion, ModelRefused) as error:
        sentence = f"Version {version}, which waited for a trial, is tried no more: {error}"
        _record(name, version, OVERTAKEN, sentence, fit, actor, records)
        return sentence
    except EvergreenError:  # a training has begun one meanwhile, or a person has ended the use case
        return ""
    return f"The trial before is over, and {told(trial)}."


def promote(
    use_case: UseCase,
    *,
    reason: str,
    actor: str,
    version: int = 0,
    records: Records,
    settings: Settings,
) -> PromotionRef:
    """Make the challenger of the running trial champion by its gate's verdict; end the trial.

    With a `version`, that one, tried or not. While the champion is pinned the trial goes on.

    Raises:
        EvergreenError: no trial runs, or no gate has passed its challenger.
        StalePromotion: the champion is no longer the one that the gate compared it with.
        Unconfirmed: the use case is a draft.
    """
    use_case.check_confirmed()
    running = records.trials.running(use_case.name)
    if not running and not version:
        raise EvergreenError(f"no trial of {use_case.name} runs; --version promotes without one")
    chosen = releases.gated(
        records, use_case.name, version or releases.challenger_of(running[0]).version
    )
    gate = records.decisions.get(chosen.proof.decision_id)
    assert gate is not None, "gated has seen it"  # noqa: S101
    done = promotion.promote(
        Verdict.from_json(gate.evidence), ledger=records, settings=settings, actor=actor,
        reason=reasons.checked(reason), describe=describing(use_case, records, settings),
    )  # fmt: skip
    cards.keep(use_case.name, done, records=records, settings=settings)
    if done.promoted:
        for trial in running:
            own = releases.challenger_of(trial).version == chosen.version
            how = "promoted" if own else f"ended by a promotion of version {chosen.version}"
            records.trials.stop(trial.id, f"{how} by {actor}: {reason}")
    return done


def describing(use_case: UseCase, records: Records, settings: Settings) -> Describe:
    """Return what writes the dossier of a version that is registered."""
    from evergreen.dossier import writing  # not above: it loads scikit-learn and PyArrow

    def describe(verdict: Verdict, decision_id: str, version: int) -> None:
        writing.write(
            use_case, verdict, decision_id, version, kept=records.dossiers, settings=settings
        )

    return describe


def _waiting(use_case: UseCase, records: Records) -> Decision | None:
    """Return that the newest challenger waits, if it may begin: no trial has begun since."""
    name, declared = use_case.name, use_case.release
    trials = records.trials.newest(name, limit=1)
    if not trials or trials[0].stopped_at is None or records.pins.get(name):
        return None
    if declared.strategy == DIRECT or declared.approval:
        return None
    known = records.decisions.newest(name, limit=LOOKED_AT, kind=KIND)
    newest = next((row for row in known if row.outcome in {WAITS, OVERTAKEN}), None)
    if newest is None or newest.outcome == OVERTAKEN or newest.created_at is None:
        return None
    return newest if newest.created_at > trials[0].started_at else None


def _verdict_of(fit: str, records: Records) -> Verdict:
    gate = records.decisions.get(fit, "passed")
    if gate is None:
        raise ModelRefused("no decision on record let it pass")
    return Verdict.from_json(gate.evidence)


def _record(
    name: str, version: int, outcome: str, sentence: str, fit: str, actor: str, records: Records
) -> None:
    """Put on record that a challenger waits, or waits no longer; again: changes nothing."""
    gate = records.decisions.get(fit, "passed")
    records.decisions.record(
        Decision(
            id=decision_id(name, f"{KIND}/{outcome}", fit), use_case=name, kind=KIND,
            outcome=outcome, sentence=sentence, evidence={"version": version, "fit": fit},
            as_of=gate.as_of if gate else None, run_key=gate.run_key if gate else "", actor=actor,
        )
    )  # fmt: skip


def _start(
    use_case: UseCase, version: int, verdict: Verdict, actor: str, records: Records
) -> TrialRow:
    declared = use_case.release
    return commands.release(
        use_case, declared.strategy, version=version, share=declared.share,
        reason=verdict.sentence, actor=actor, records=records,
    )  # fmt: skip


def told(trial: TrialRow) -> str:
    """Say which version is on trial, how, and with how many of the requests."""
    share = "all" if trial.strategy == "shadow" else percent(trial.share)
    version = releases.challenger_of(trial).version
    return f"version {version} is on trial as {trial.strategy} with {share} of the requests"


def _next(use_case: UseCase) -> str:
    name = use_case.name
    end = "a person ends it" if use_case.release.by_hand else "it ends by itself, or by a person"
    return (
        f"{end}: `evergreen release {name} --compare` tells how it does,"
        f" `evergreen release {name} --promote` makes it champion"
    )
