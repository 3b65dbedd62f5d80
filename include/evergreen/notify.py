"""Tell people of incidents, wherever the settings say: once when one begins, once when it is over.

Usage::

    report_failure(ledger, settings, "weather", "weather_training/scheduled__…", "train", message)
    recovered(ledger, settings, "weather_training/scheduled__…")    # a later run went well

    alert(ledger, settings, "weather", "drift", sentence, at=now)   # it lasts; again: silent
    all_clear(ledger, settings, "weather", "drift", "…")            # it is over

    announce(ledger, settings, "operations", DIGEST, title, text, key="digest/…")  # told, and done

The incident is stored first, then told through Apprise (e-mail, Slack, `json://` webhooks ...).
What could not be told stays waiting, and `resend` tries again.
"""

import logging
from dataclasses import replace
from datetime import datetime

from evergreen.records import DIGEST, HOUSE, Incident
from evergreen.records.protocols import Ledger
from evergreen.refs import Verdict
from evergreen.secrecy import redact
from evergreen.settings import Settings

FAILURE = "failure"
ALERTS = {
    "drift": "drifts",
    "quality": "answers worse than it should",
    "confidence": "is less sure than it was",
    "gate": "has no better model: the gate refused",
    "beyond": "has only a model that is beyond a limit",
    "fit": "was not renewed: its newest fit did not pass",
    "stale": "is stale",
    "knowledge": "has learned nothing new for too long",
    "service": "is not served",
    "registry": "is out of step in MLflow's registry",
    "blind": "is not watched",
    "quiet": "cannot be watched: nothing can be measured",
    "labels": "has no live quality any more",
    "warning": "has not been calm for long",
    "refusals": "turns many callers away",
    "ingest": "gets no rows any more",
    "fewer": "gets fewer requests than ever",
    "schedule": "has a schedule that nobody keeps",
    "file": "has a file that does not load, or is gone",
    "journal": "have a service that cannot log its predictions",
    "disk": "have a disk that is nearly full",
    "months": "have predictions that lie in no month",
    "approval": "has a challenger that waits for your word",
    "reminder": "still has a challenger that waits for your word",
}
"""The states that people are told of, and how a title goes on after the name of the use case."""
NOBODY = "nobody to tell: EVERGREEN_NOTIFY_URLS is empty"

logger = logging.getLogger(__name__)


def report_failure(
    ledger: Ledger,
    settings: Settings,
    use_case: str,
    run_key: str,
    step: str,
    message: str,
    link: str = "",
    began: datetime | None = None,
) -> Incident:
    """Record that a run failed in a step, and tell it; the second call for a run is silent.

    Unless the failure was over before the run `began`: it was cleared since, and failed again.
    """
    incident = Incident(use_case=use_case, run_key=run_key, step=step, message=message, link=link)
    return notify(ledger, settings, incident, began)


def notify(
    ledger: Ledger, settings: Settings, incident: Incident, began: datetime | None = None
) -> Incident:
    """Store an incident and tell it, unless it has been told; return it as stored.

    A message that does not get through is noted in `delivery`, not raised: telling must not break
    the run that has something to tell.
    """
    message = redact(incident.message, settings)
    with ledger.locks.hold("incident", incident.run_key):
        stored = ledger.incidents.open(replace(incident, message=message), began)
        if stored.notified_at is not None:
            return stored
        told, delivery = _send(settings, replace(stored, resolved_at=None))
        return ledger.incidents.note_delivery(stored.id, delivery, told=told)


def alert(
    ledger: Ledger,
    settings: Settings,
    use_case: str,
    kind: str,
    message: str,
    *,
    at: datetime,
    link: str = "",
) -> Incident:
    """Tell that a state has begun; silent as long as it lasts (see `all_clear`).

    Args:
        ledger: where it is put on record.
        settings: whom to tell.
        use_case: what it is about.
        kind: one of `ALERTS`.
        message: what is wrong, in a sentence.
        at: when it was seen; the name of the alert, so that a task that is repeated opens one.
        link: where to look; the card of the use case, if nothing else is given.
    """
    with ledger.locks.hold("alert", f"{use_case}/{kind}"):
        lasting = ledger.incidents.newest(use_case, kind=kind, open=True, limit=1)
        key = lasting[0].run_key if lasting else f"alert/{use_case}/{kind}/{at.isoformat()}"
        return notify(
            ledger,
            settings,
            Incident(
                use_case=use_case, run_key=key, step=ALERTS[kind], message=message,
                link=link or card_link(settings, use_case), kind=kind,
            ),
        )  # fmt: skip


def all_clear(
    ledger: Ledger, settings: Settings, use_case: str, kind: str, message: str
) -> Incident | None:
    """Tell that a state is over, if it lasted; return the incident that it ends."""
    found = ledger.incidents.newest(use_case, kind=kind, open=True, limit=1)
    return _resolve(ledger, settings, found[0], message) if found else None


def announce(
    ledger: Ledger, settings: Settings, about: str, kind: str, title: str, message: str, *, key: str
) -> Incident:
    """Tell something that neither lasts nor ends, once for its key; what got through nowhere waits.

    It is put on record as over, so that nothing shows it as a state.
    """
    told = notify(
        ledger,
        settings,
        Incident(use_case=about, run_key=key, step=title, message=message, kind=kind),
    )
    return ledger.incidents.resolve(key, "Nothing to end.") or told


def recovered(
    ledger: Ledger, settings: Settings, run_key: str, use_case: str | None = None
) -> tuple[Incident, ...]:
    """Tell that a DAG works again: a run of it went well, which ends its failures before.

    In a DAG that trains several, only those of the one `use_case` that went well.
    """
    dag_id = run_key.partition("/")[0]
    failures = ledger.incidents.newest(use_case, kind="failure", open=True, limit=1000)
    mine = [each for each in failures if each.run_key.partition("/")[0] == dag_id]
    return tuple(
        _resolve(ledger, settings, each, f"{run_key} went well.") for each in reversed(mine)
    )


def resend(ledger: Ledger, settings: Settings) -> tuple[Incident, ...]:
    """Tell again what nobody could be told so far, oldest first."""
    waiting = ledger.incidents.newest(waiting=True, limit=1000)
    told = tuple(notify(ledger, settings, incident) for incident in reversed(waiting))
    newest = ledger.incidents.newest(limit=1000)
    over = [each for each in newest if each.resolved_at and each.end_is_due]
    return told + tuple(
        _resolve(ledger, settings, each, each.resolution) for each in reversed(over)
    )


def card_link(settings: Settings, about: str) -> str:
    """Return the address of a card on Models, or of all of it; empty: there is no UI."""
    card = "" if about == HOUSE else f"{about}/"
    return f"{settings.ui_url}/evergreen/models/{card}" if settings.ui_url else ""


def verdict_link(settings: Settings, verdict: Verdict) -> str:
    """Return the address of the report of a gate; empty: there is no UI."""
    folder = verdict.report.removesuffix("report.html")
    return f"{settings.ui_url}/evergreen/reports/{folder}" if settings.ui_url else ""


def _resolve(ledger: Ledger, settings: Settings, incident: Incident, message: str) -> Incident:
    """Note that an incident is over; tell it once to those who were told that it began."""
    with ledger.locks.hold("incident", incident.run_key):
        over = ledger.incidents.resolve(incident.run_key, redact(message, settings))
        if over is None or not over.end_is_due:
            return over or incident
        told, delivery = _send(settings, over)
        return ledger.incidents.note_resolution(over.id, delivery, told=told)


def _send(settings: Settings, incident: Incident) -> tuple[bool, str]:
    if not settings.notify_urls:
        logger.warning("%s: %s; %s", incident.run_key, _title(incident), NOBODY)
        return False, NOBODY
    refused = [url for url in settings.notify_urls if not _deliver(url, incident)]
    count, total = len(refused), len(settings.notify_urls)
    if not refused:
        return True, "told"
    schemes = ", ".join(url.partition("://")[0] + "://" for url in refused)
    problem = f"{count} of {total} addresses did not take it ({schemes})"
    logger.warning("could not tell of %s: %s", incident.run_key, problem)
    return (True, f"told; {problem}") if count < total else (False, f"failed: {problem}")


def _deliver(url: str, incident: Incident) -> bool:
    import apprise

    address = apprise.Apprise(asset=apprise.AppriseAsset(secure_logging=True))
    return bool(address.add(url)) and bool(
        address.notify(
            title=_title(incident), body=_body(incident), body_format=apprise.NotifyFormat.TEXT
        )
    )


def _title(incident: Incident) -> str:
    if incident.kind == DIGEST:
        return f"Evergreen: {incident.step}"
    state = incident.step if incident.kind != FAILURE else f"failed in {incident.step}"
    over = "over: " if incident.resolved_at else ""
    return f"Evergreen: {over}{incident.use_case} {state}"


def _body(incident: Incident) -> str:
    run = f"Run: {incident.run_key}" if incident.kind == FAILURE else ""
    message = incident.resolution if incident.resolved_at else incident.message
    return "\n".join(line for line in (message, run, incident.link) if line)
