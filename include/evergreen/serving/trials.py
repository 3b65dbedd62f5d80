"""A challenger that passed the gate comes to its users as its use case declares.

begin(use_case, verdict, actor="schedule", settings=settings)       # shadow, canary or ab
promote(use_case, reason="p = 0.01", actor="ada", settings=settings)  # the challenger of the trial
"""

from evergreen.champions import promotion
from evergreen.champions.ledger import Ledger
from evergreen.errors import EvergreenError
from evergreen.refs import PromotionRef, Verdict
from evergreen.serving import releases, store
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
    version = promotion.register(verdict, settings=settings)
    running = releases.running(settings.database_url, use_case.name)
    if version is None:
        sentence = verdict.sentence
    elif running and running[0].challenger.version != version:
        sentence = f"Version {version} passed the gate and waits: {_told(running[0])}."
    else:
        trial = running[0] if running else _start(use_case, version, verdict, actor, settings)
        sentence = f"Passed the gate, so {_told(trial)}; {_next(use_case)}."
    return PromotionRef(promoted=False, champion=champion, sentence=sentence)


def promote(use_case: UseCase, *, reason: str, actor: str, settings: Settings) -> PromotionRef:
    """Make the challenger of the running trial champion by its gate's verdict; end the trial.

    Raises:
        EvergreenError: no trial runs, or no gate has passed its challenger.
        StalePromotion: the champion is no longer the one that the gate compared it with.
    """
    store.migrate(settings.database_url)
    running = releases.running(settings.database_url, use_case.name)
    if not running:
        raise EvergreenError(f"no trial of {use_case.name} runs")
    verdict = _verdict(use_case, running[0], settings)
    done = promotion.promote(verdict, settings=settings, actor=actor, reason=reason)
    releases.stop(settings.database_url, running[0].id, f"promoted by {actor}: {reason}")
    return done


def _start(
    use_case: UseCase, version: int, verdict: Verdict, actor: str, settings: Settings
) -> Release:
    declared = use_case.release
    return releases.start(
        settings.database_url, use_case.name, declared.strategy, declared.share,
        releases.registered(settings, use_case.name, version),
        reason=verdict.sentence, actor=actor,
    )  # fmt: skip


def _verdict(use_case: UseCase, trial: Release, settings: Settings) -> Verdict:
    """Return the newest verdict that passed the challenger's very bytes."""
    ledger, sha256 = Ledger(settings.database_url), trial.challenger.sha256
    for decision in ledger.decisions(use_case.name, limit=1000, kind="gate"):
        if decision.outcome == "passed":
            verdict = Verdict.from_json(decision.evidence)
            if verdict.evaluation.challenger.sha256 == sha256:
                return verdict
    raise EvergreenError(f"no gate has passed version {trial.challenger.version}; run it first")


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
