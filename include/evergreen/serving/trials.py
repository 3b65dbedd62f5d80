"""A challenger that passed the gate comes to its users as its use case declares.

begin(use_case, verdict, actor="schedule", records=records, settings=settings)   # shadow, ab …
promote(use_case, reason="p = 0.01", actor="ada", records=records, settings=settings)

What cannot be tried, as it reads what requests to the champion do not hold, a person promotes.
"""

from evergreen import reasons
from evergreen.champions import promotion
from evergreen.champions.move import Describe
from evergreen.errors import EvergreenError, ModelRefused
from evergreen.records import Records, TrialRow
from evergreen.refs import PromotionRef, Verdict
from evergreen.serving import commands, releases
from evergreen.settings import Settings
from evergreen.spec import UseCase

DIRECT = "direct"


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
        verdict, ledger=records, settings=settings, describe=describing(use_case, records, settings)
    )
    running = records.trials.running(use_case.name)
    if version is None:
        sentence = verdict.sentence
    elif running and releases.challenger_of(running[0]).version != version:
        sentence = f"Version {version} passed the gate and waits: {told(running[0])}."
    else:
        try:
            trial = running[0] if running else _start(use_case, version, verdict, actor, records)
            sentence = f"Passed the gate, so {told(trial)}; {_next(use_case)}."
        except ModelRefused as error:
            sentence = f"Passed the gate, but {error}."
    return PromotionRef(promoted=False, champion=champion, sentence=sentence)


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

    With a `version`, that one, tried or not.

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
    for trial in running:
        records.trials.stop(trial.id, f"promoted by {actor}: {reason}")
    return done


def describing(use_case: UseCase, records: Records, settings: Settings) -> Describe:
    """Return what writes the dossier of a version that is registered."""
    from evergreen.dossier import writing  # not above: it loads scikit-learn and PyArrow

    def describe(verdict: Verdict, decision_id: str, version: int) -> None:
        writing.write(
            use_case, verdict, decision_id, version, kept=records.dossiers, settings=settings
        )

    return describe


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
    share = "all" if trial.strategy == "shadow" else f"{trial.share:.0%}"
    version = releases.challenger_of(trial).version
    return f"version {version} is on trial as {trial.strategy} with {share} of the requests"


def _next(use_case: UseCase) -> str:
    name = use_case.name
    end = "a person ends it" if use_case.release.by_hand else "it ends by itself, or by a person"
    return (
        f"{end}: `evergreen release {name} --compare` tells how it does,"
        f" `evergreen release {name} --promote` makes it champion"
    )
