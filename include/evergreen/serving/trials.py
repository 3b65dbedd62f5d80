"""A challenger that passed the gate comes to its users as its use case declares.

begin(use_case, verdict, actor="schedule", settings=settings)       # shadow, canary or ab
promote(use_case, reason="p = 0.01", actor="ada", settings=settings)  # the challenger of the trial

What cannot be tried, as it reads what requests to the champion do not hold, a person promotes.
"""

from evergreen import reasons
from evergreen.champions import promotion
from evergreen.champions.ledger import Ledger
from evergreen.champions.move import Describe
from evergreen.dossier import kept_in
from evergreen.errors import EvergreenError, ModelRefused
from evergreen.refs import PromotionRef, Verdict
from evergreen.serving import commands, releases, store
from evergreen.serving.releases import Release
from evergreen.settings import Settings
from evergreen.spec import UseCase

DIRECT = "direct"


def wanted(use_case: UseCase, verdict: Verdict) -> bool:
    """Tell whether this challenger is to be tried beside a champion before it may follow it."""
    return use_case.release.strategy != DIRECT and verdict.evaluation.champion is not None


def begin(use_case: UseCase, verdict: Verdict, *, actor: str, settings: Settings) -> PromotionRef:
    """Put the challenger on trial; the champion stays. Doing it again changes nothing.

    A trial that runs goes on: the challenger waits, registered, and the sentence says so.
    """
    store.migrate(settings.database_url)
    champion = Ledger(settings.database_url).champion(use_case.name)
    version = promotion.register(
        verdict, settings=settings, describe=describing(use_case, settings)
    )
    running = releases.running(settings.database_url, use_case.name)
    if version is None:
        sentence = verdict.sentence
    elif running and running[0].challenger.version != version:
        sentence = f"Version {version} passed the gate and waits: {_told(running[0])}."
    else:
        try:
            trial = running[0] if running else _start(use_case, version, verdict, actor, settings)
            sentence = f"Passed the gate, so {_told(trial)}; {_next(use_case)}."
        except ModelRefused as error:
            sentence = f"Passed the gate, but {error}."
    return PromotionRef(promoted=False, champion=champion, sentence=sentence)


def promote(
    use_case: UseCase, *, reason: str, actor: str, settings: Settings, version: int = 0
) -> PromotionRef:
    """Make the challenger of the running trial champion by its gate's verdict; end the trial.

    With a `version`, that one, tried or not.

    Raises:
        EvergreenError: no trial runs, or no gate has passed its challenger.
        StalePromotion: the champion is no longer the one that the gate compared it with.
    """
    store.migrate(settings.database_url)
    running = releases.running(settings.database_url, use_case.name)
    if not running and not version:
        raise EvergreenError(f"no trial of {use_case.name} runs; --version promotes without one")
    chosen = releases.gated(settings, use_case.name, version or running[0].challenger.version)
    gate = Ledger(settings.database_url).decision(chosen.proof.decision_id)
    assert gate is not None, "gated has seen it"  # noqa: S101
    done = promotion.promote(
        Verdict.from_json(gate.evidence), settings=settings, actor=actor,
        reason=reasons.checked(reason), describe=describing(use_case, settings),
    )  # fmt: skip
    for trial in running:
        releases.stop(settings.database_url, trial.id, f"promoted by {actor}: {reason}")
    return done


def describing(use_case: UseCase, settings: Settings) -> Describe:
    """Return what writes the dossier of a version that is registered."""
    from evergreen.dossier import writing  # not above: it loads scikit-learn and PyArrow

    def describe(verdict: Verdict, decision_id: str, version: int) -> None:
        kept = kept_in(settings.database_url)
        writing.write(use_case, verdict, decision_id, version, kept=kept, settings=settings)

    return describe


def _start(
    use_case: UseCase, version: int, verdict: Verdict, actor: str, settings: Settings
) -> Release:
    declared = use_case.release
    return commands.release(
        use_case, declared.strategy, version=version, share=declared.share,
        reason=verdict.sentence, actor=actor, settings=settings,
    )  # fmt: skip


def _told(trial: Release) -> str:
    share = "all" if trial.strategy == "shadow" else f"{trial.share:.0%}"
    return (
        f"version {trial.challenger.version} is on trial as {trial.strategy} with {share}"
        " of the requests"
    )


def _next(use_case: UseCase) -> str:
    name = use_case.name
    return (
        f"`evergreen release {name} --compare` tells how it does,"
        f" `evergreen release {name} --promote` makes it champion"
    )
