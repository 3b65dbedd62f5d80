"""What the Reports page shows, read from the store."""

import json
import logging
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from evergreen.refs import CHANGE, REFRESH, UNGATED, Json
from evergreen.storage import Store
from evergreen_airflow.pages.choice import Choice, choose

log = logging.getLogger(__name__)

SHOWN, ALONE = 20, 200
"""How many reports are shown of each use case; of one that is asked for."""


@dataclass(frozen=True)
class Report:
    """One report, as a row of the list."""

    report_id: str
    outcome: str
    """`passed`, `refreshed`, `refused`, `forced`, `paper`, or `unknown` if its JSON cannot be
    read."""
    sentence: str
    recipe: str
    """Whose outcome it is."""
    as_of: datetime | None


@dataclass(frozen=True)
class Group:
    """The newest reports of a use case, newest first."""

    use_case: str
    reports: tuple[Report, ...]
    earlier: int
    """How many more there are."""


def page(asked: str, store: Store) -> tuple[Choice, list[Group]]:
    """Return which use cases have reports, and those of the ones that are shown."""
    choice = choose(store.folders(), asked)
    newest = ALONE if choice.asked else SHOWN
    with ThreadPoolExecutor(8) as pool:
        found = [group(name, store, newest, pool) for name in choice.shown]
    return choice, [each for each in found if each.reports]


def group(use_case: str, store: Store, newest: int, pool: Executor) -> Group:
    """Return the newest reports of a use case; those without a page are still being written."""
    pages = store.list(f"{use_case}/*/report.html")[::-1]
    folders = [page.rpartition("/")[0] for page in pages[:newest]]
    reports = tuple(pool.map(lambda folder: read(store, folder), folders))
    return Group(use_case, reports, len(pages) - len(reports))


def read(store: Store, folder: str) -> Report:
    """Return the row of one report."""
    report_id = folder.rpartition("/")[2]
    try:
        document: Json = json.loads(store.read(f"{folder}/report.json"))
        decision = document["decision"]
        return Report(
            report_id=report_id,
            outcome=outcome(decision),
            sentence=str(decision["sentence"]),
            recipe=recipe(document),
            as_of=as_of(report_id),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: report.json cannot be read: %r", folder, error)
        sentence = "Its report.json cannot be read."
        return Report(report_id, "unknown", sentence, "", as_of(report_id))


def recipe(document: Json) -> str:
    """Return what was decided about: the recipe that was fitted to serve, or else the challenger.

    They differ where the gate refused the challenger, and the recipe in charge was fitted anew.
    """
    fit = document["evidence"]["fit"]
    return str(fit["name"] if fit else document["decision"]["challenger"])


def outcome(decision: Json) -> str:
    """Return what became of the recipe; what the gate did not let through has not passed."""
    if not decision["passed"]:
        return "refused"
    kind = decision.get("kind", CHANGE)
    if kind == REFRESH:
        return "refreshed"
    return str(kind) if kind in UNGATED else "passed"


def as_of(report_id: str) -> datetime | None:
    """Read the moment that a report id begins with.

    >>> as_of("20261121T000000-0123456789ab").isoformat()
    '2026-11-21T00:00:00+00:00'
    """
    try:
        return datetime.strptime(report_id.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
