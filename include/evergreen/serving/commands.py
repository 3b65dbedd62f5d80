"""What `evergreen serve` and `evergreen release` do; the command line adds options and colours."""

import logging

from evergreen import dossier, reasons
from evergreen.errors import EvergreenError
from evergreen.records import Records, TrialRow
from evergreen.serving import releases
from evergreen.serving.model_ref import ModelRef
from evergreen.serving.releases import Comparison
from evergreen.settings import Settings
from evergreen.spec import UseCase


def serve(settings: Settings) -> None:
    """Serve all use cases on `settings.listen_host` and `serve_port` until a signal comes.

    The database may be away: the service makes its tables when it is there.
    """
    from evergreen.serving import server  # not above: it loads scikit-learn

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    server.run(settings)


def release(
    use_case: UseCase, strategy: str, *, version: int, share: float, reason: str, actor: str,
    records: Records,
) -> TrialRow:  # fmt: skip
    """Put a registered version on trial: shadow, canary or ab.

    Raises:
        DeclarationError: the strategy or the share is not allowed, or the reason too long.
        ModelRefused: no gate on record has passed that version, or it reads what requests to the
            champion do not hold.
        EvergreenError: another trial of the use case runs.
        Unconfirmed: it is a draft.
    """
    use_case.check_confirmed()
    records.retirements.check(use_case.name)
    challenger = releases.gated(records, use_case.name, version)
    if champion := records.promotions.champion(use_case.name):
        own = dossier.read(records.dossiers, use_case.name, champion.version)
        releases.check_answerable(own, challenger)
    return releases.start(
        records.trials, use_case.name, strategy, share, ModelRef.of(challenger),
        reason=reasons.checked(reason), actor=actor,
    )  # fmt: skip


def stop(name: str, *, reason: str, actor: str, records: Records) -> TrialRow:
    """End the trial of a use case.

    Raises:
        EvergreenError: none runs.
    """
    found = records.trials.running(name)
    if not found:
        raise EvergreenError(f"no trial of {name} runs")
    told = f"stopped by {actor}: {reasons.checked(reason)}"
    return records.trials.stop(found[0].id, told)


def trials(name: str, *, records: Records) -> tuple[TrialRow, ...]:
    """Return the trials of a use case, newest first."""
    return records.trials.newest(name)


def compare(use_case: UseCase, *, records: Records) -> Comparison:
    """Tell what the labels say of the newest trial.

    Raises:
        EvergreenError: there has been none.
    """
    found = records.trials.newest(use_case.name, limit=1)
    if not found:
        raise EvergreenError(f"{use_case.name} has had no trial")
    return releases.compare(records.trials, found[0].id, use_case.kind)
