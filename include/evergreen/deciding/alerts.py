"""Which states people are told of: once when one begins, once when it is over.

Usage::

    of_window(use_case, window, decided, ...)     # drift, live quality, confidence
    of_gate(use_case, verdict, run, ...)          # a refusal that is no routine; limits missed
    of_fit(use_case, verdict, run, ...)           # what was to serve does not pass its checks
    of_staleness(use_case, now, ...)              # nothing has reached the gate
    of_knowledge(use_case, now, ...)              # what the champion knows is too old
    of_service(names, now, ...)                   # it does not answer
    of_registry(name, use_case, now, ...)         # an alias moved, a version deleted

(Each also takes `records` and `settings`.)

Failed runs, refused data among them, are told by the DAGs themselves (`notify.report_failure`).
"""

import http.client
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from evergreen.champions import knowledge
from evergreen.deciding.decision import DecisionRef
from evergreen.deciding.states import NOT_ASKED
from evergreen.errors import EvergreenError
from evergreen.judging.facts import BOTH_BEYOND
from evergreen.mending import mend
from evergreen.notify import alert, all_clear, verdict_link
from evergreen.records import HOUSE, Incident, Records
from evergreen.refs import Json, Outcome, Status, Verdict, WindowRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.spec.lengths import spelled
from evergreen.steps import Run

log = logging.getLogger(__name__)
PASSED = Status.PASSED
NO_BETTER, MOOT = "better_than_champion", {"calibration", "coverage"}
"""The check of a challenger that is no better: the champion is still good, and what else the
challenger's own promises lack is nobody's concern."""
UNANSWERED = (OSError, ValueError, http.client.HTTPException)
"""Nobody answers, or what answers speaks something else."""
NO_SERVICE = "No service is asked: EVERGREEN_SERVE_HOST is not set."
PATIENCE = 5.0
"""Seconds until a service that does not answer is down."""


def of_window(
    use_case: UseCase,
    window: WindowRef,
    decided: DecisionRef,
    *,
    records: Records,
    settings: Settings,
) -> None:
    """Tell of drift and poor live quality, as the decision saw them, and of confidence that falls;
    and when it is over. Who answers on paper is nobody's service: its pages tell."""
    if window.on_paper:
        return
    causes = {reason["name"] for reason in decided.evidence["judgement"]["causes"]}
    told = window.live is not None or _is_estimated(use_case, window)
    sound = told and not window.poor
    over = {"drift": window.outcome == Outcome.CALM, "quality": sound}
    for kind, is_over in over.items():
        if kind in causes:
            message, link = f"{window.sentence} {decided.sentence}", report_link(settings, window)
            alert(records, settings, use_case.name, kind, message, at=window.end, link=link)
        elif is_over:
            all_clear(records, settings, use_case.name, kind, window.sentence)
    _of_confidence(use_case, window, decided, records, settings)


def _is_estimated(use_case: UseCase, window: WindowRef) -> bool:
    """Tell whether an estimate is known that may begin an alert, and so may end one."""
    band = window.estimate
    return use_case.monitoring.trust_estimate and band is not None and not band.outside


def _of_confidence(
    use_case: UseCase,
    window: WindowRef,
    decided: DecisionRef,
    records: Records,
    settings: Settings,
) -> None:
    """Tell of answers that are less sure than they were, in as many windows as make a cause.

    It asks for no retraining by itself, and may be the first that is seen of a change.
    """
    name, kind = use_case.name, "confidence"
    recent = decided.evidence["situation"]["recent"]
    fallen = sum(bool(seen.get("unsure")) for seen in recent)
    if window.unsure and fallen >= use_case.retraining.alarming:
        message = f"{window.unsure[:1].upper()}{window.unsure[1:]}."
        link = report_link(settings, window)
        alert(records, settings, name, kind, message, at=window.end, link=link)
    elif window.confidence is not None and not window.unsure:
        sure = f"Mean top probability {window.confidence:.3g}: no more surely less than usual."
        all_clear(records, settings, name, kind, sure)


def of_gate(
    use_case: UseCase, verdict: Verdict, run: Run, *, records: Records, settings: Settings
) -> None:
    """Tell of a refusal, unless it is routine: a scheduled challenger that is no better.

    And of one that takes over beyond a limit, as the champion is: people hear that it does.
    """
    if not run.may_promote:
        return
    name, beyond = use_case.name, _both_beyond(verdict)
    if verdict.passed:
        all_clear(records, settings, name, "gate", verdict.sentence)
        if not beyond:
            all_clear(records, settings, name, "beyond", verdict.sentence)
        else:
            _tell("beyond", use_case, verdict, run, records, settings)
        return
    failed = {check.name for check in verdict.checks if check.status != Status.PASSED}
    routine = NO_BETTER in failed and failed <= MOOT | {NO_BETTER} and not beyond
    if not routine or _was_asked_for(use_case, run, records):
        _tell("gate", use_case, verdict, run, records, settings)


def of_fit(
    use_case: UseCase, verdict: Verdict, run: Run, *, records: Records, settings: Settings
) -> None:
    """Tell of a fit that may not serve, so that the champion goes on knowing what it knew.

    Where a challenger does not take over yet, that is the refresh beside it.
    """
    if not run.may_promote:
        return
    verdict = verdict.refresh or verdict
    if verdict.passed:
        all_clear(records, settings, use_case.name, "fit", verdict.sentence)
    else:
        _tell("fit", use_case, verdict, run, records, settings)


def _tell(
    kind: str, use_case: UseCase, verdict: Verdict, run: Run, records: Records, settings: Settings
) -> None:
    link = verdict_link(settings, verdict)
    alert(records, settings, use_case.name, kind, verdict.sentence, at=run.asked_at, link=link)


def _both_beyond(verdict: Verdict) -> bool:
    """Tell whether a challenger takes over that is beyond a limit, as the champion is."""
    return any(BOTH_BEYOND in check.reason for check in verdict.checks if check.status == PASSED)


def of_staleness(
    use_case: UseCase, now: datetime, *, records: Records, settings: Settings
) -> Incident | None:
    """Tell of a champion that no challenger has been held against for too long."""
    allowed = use_case.retraining.stale_after
    champion = records.promotions.champion(use_case.name)
    if champion is None:
        return None
    if allowed is None:
        return all_clear(records, settings, use_case.name, "stale", NOT_ASKED)
    newest = records.decisions.newest(use_case.name, kind="gate", limit=1)
    judged = [row.created_at for row in newest if row.created_at]
    last = max([champion.promoted_at, *judged, *records.retirements.ended(use_case.name)])
    since = f"{last:%Y-%m-%d %H:%M} UTC"
    if now - last <= allowed:
        return all_clear(records, settings, use_case.name, "stale", f"The gate judged at {since}.")
    message = (
        f"Version {champion.version} is champion, and no challenger has reached the gate since"
        f" {since}; {spelled(allowed)} are allowed (retraining.stale_after)."
    )
    return alert(records, settings, use_case.name, "stale", message, at=now)


def of_knowledge(
    use_case: UseCase, now: datetime, *, records: Records, settings: Settings
) -> Incident | None:
    """Tell of a champion whose knowledge is too old, with what else lasts, which may be why."""
    champion = records.promotions.champion(use_case.name)
    if champion is None:
        return None
    name, kind = use_case.name, "knowledge"
    if not (problem := knowledge.too_old(use_case, champion, now)):
        fresh = f"Version {champion.version} knows rows up to {champion.knowledge_until}."
        return all_clear(records, settings, name, kind, fresh)
    lasting = [each for each in records.incidents.newest(name, open=True) if each.kind != kind]
    why = lasting[0].message if lasting else "No training has failed: does its DAG run?"
    if pin := records.pins.get(name):
        why = f"It is {pin.sentence}."
    message = f"{problem[:1].upper()}{problem[1:]}. {why}"
    return alert(records, settings, name, kind, message, at=now)


def of_registry(
    name: str, use_case: UseCase | None, now: datetime, *, records: Records, settings: Settings
) -> list[str]:
    """Put right what follows the ledger (see `mending`); tell what was, and what cannot be."""
    from mlflow.exceptions import MlflowException  # not above: it costs a second

    try:
        told = mend(name, use_case, records, settings)
    except (EvergreenError, MlflowException) as error:
        told = [str(error)]
    if told:
        alert(records, settings, name, "registry", " ".join(told), at=now)
    else:
        all_clear(records, settings, name, "registry", "The registry follows the ledger.")
    return [f"{name}: {sentence}" for sentence in told]


def of_service(
    names: Sequence[str],
    now: datetime,
    *,
    again_after: float = 15.0,
    records: Records,
    settings: Settings,
) -> list[str]:
    """Tell of champions that are not served; return what is wrong with each of them.

    What is wrong must still be so after some seconds: a service may be starting, or swapping.
    Where no service is said to be (`serve_host`), none is missed.
    """
    if not settings.serve_host:
        return _expect_no_service(names, records, settings)
    url = f"{settings.serve_url}/ready"
    problem, told = _ready(url)
    if problem or not set(names) <= set(told.get("champions", {})):
        time.sleep(again_after)
        problem, told = _ready(url)
    problems = [] if problem else _of_journal(told, now, records, settings)
    for name in names:
        if name in told.get("champions", {}):
            all_clear(records, settings, name, "service", f"{url} answers for it again.")
            continue
        why = problem or told.get("reasons", {}).get(name) or "it is not loaded"
        problems.append(f"{name}: {why}")
        alert(records, settings, name, "service", f"{url}: {why}.", at=now)
    return problems


def _expect_no_service(names: Sequence[str], records: Records, settings: Settings) -> list[str]:
    """End what was told of a service, now that there is to be none."""
    for about, kind in [*((name, "service") for name in names), (HOUSE, "journal")]:
        all_clear(records, settings, about, kind, NO_SERVICE)
    return []


def _of_journal(told: Json, now: datetime, records: Records, settings: Settings) -> list[str]:
    """Tell of predictions that the service cannot log."""
    if not (why := told.get("reasons", {}).get("journal")):
        all_clear(records, settings, HOUSE, "journal", "The service logs its predictions again.")
        return []
    alert(records, settings, HOUSE, "journal", f"{why[:1].upper()}{why[1:]}.", at=now)
    return [f"the journal: {why}"]


def beat(settings: Settings) -> None:
    """Let whoever owns `heartbeat_url` know that we look; a beat that is lost is in the log only.

    It is for them to tell when beats stop coming: what has stopped cannot.
    """
    if not settings.heartbeat_url:
        return
    try:
        with urllib.request.urlopen(settings.heartbeat_url, timeout=PATIENCE):  # noqa: S310
            pass
    except UNANSWERED as error:
        log.warning("the address of EVERGREEN_HEARTBEAT_URL did not take a beat: %s", error)


def report_link(settings: Settings, window: WindowRef) -> str:
    """Return the address of the drift report of a window; empty: there is none."""
    if not (window.report_id and settings.ui_url):
        return ""
    return f"{settings.ui_url}/evergreen/drift/{window.use_case}/{quote(window.report_id)}/"


def _was_asked_for(use_case: UseCase, run: Run, records: Records) -> bool:
    asked = records.retrainings.newest(use_case.name)
    return any(row.run_key == run.key for row in asked)


def _ready(url: str) -> tuple[str, Json]:
    """Return why there is no answer (empty: there is one), and what the service says."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 (ours)
            return "", json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return _not_ready(error)
    except UNANSWERED as error:
        return f"it does not answer ({error})", {}


def _not_ready(error: urllib.error.HTTPError) -> tuple[str, Json]:
    """Read what a service that is alive and not ready says: it may well serve some champions."""
    try:
        return "", dict(json.load(error))
    except (ValueError, TypeError):
        return f"it answers {error.code}", {}
