"""Tell people of failed runs: once for each run, wherever the settings say.

Usage::

    report_failure(settings, "weather", "weather_training/scheduled__…", "train", str(error), link)

The incident is stored first, then told through Apprise (e-mail, Slack, `json://` webhooks ...).
What could not be told stays waiting, and `resend` tries again.
"""

import logging
from dataclasses import replace

from evergreen.champions.ledger import Incident, Ledger
from evergreen.secrecy import redact
from evergreen.settings import Settings

NOBODY = "nobody to tell: EVERGREEN_NOTIFY_URLS is empty"

logger = logging.getLogger(__name__)


def report_failure(
    settings: Settings, use_case: str, run_key: str, step: str, message: str, link: str = ""
) -> Incident:
    """Record that a run failed in a step, and tell it; the second call for a run is silent."""
    incident = Incident(use_case=use_case, run_key=run_key, step=step, message=message, link=link)
    return notify(settings, incident)


def notify(settings: Settings, incident: Incident) -> Incident:
    """Store an incident and tell it, unless it has been told; return it as stored.

    A message that does not get through is noted in `delivery`, not raised: telling must not break
    the run that has something to tell.
    """
    ledger = Ledger(settings.database_url)
    message = redact(incident.message, settings)
    with ledger.lock("incident", incident.run_key):
        stored = ledger.open_incident(replace(incident, message=message))
        if stored.notified_at is not None:
            return stored
        told, delivery = _send(settings, stored)
        return ledger.note_delivery(stored.id, delivery, told=told)


def resend(settings: Settings) -> tuple[Incident, ...]:
    """Tell again what nobody could be told so far, oldest first."""
    waiting = Ledger(settings.database_url).incidents(waiting=True, limit=1000)
    return tuple(notify(settings, incident) for incident in reversed(waiting))


def _send(settings: Settings, incident: Incident) -> tuple[bool, str]:
    if not settings.notify_urls:
        logger.warning("%s failed in %s; %s", incident.run_key, incident.step, NOBODY)
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
    return bool(address.add(url) and address.notify(title=_title(incident), body=_body(incident)))


def _title(incident: Incident) -> str:
    return f"Evergreen: {incident.use_case} failed in {incident.step}"


def _body(incident: Incident) -> str:
    lines = (incident.message, f"Run: {incident.run_key}", incident.link)
    return "\n".join(line for line in lines if line)
