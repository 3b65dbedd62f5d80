"""What the Reports page shows, read from the store."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evergreen.storage import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """One report, as a row of the list."""

    report_id: str
    outcome: str
    """`passed`, `refused`, or `unknown` if its JSON cannot be read."""
    sentence: str
    challenger: str
    as_of: datetime | None


@dataclass(frozen=True)
class Group:
    """The reports of a use case, newest first."""

    use_case: str
    reports: tuple[Report, ...]


def groups(store: Store) -> list[Group]:
    """Return the reports by use case; those without a page are still being written."""
    pages = store.list("*/*/report.html")[::-1]
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda page: read(store, page.rpartition("/")[0]), pages))
    found: dict[str, list[Report]] = {}
    for page, report in zip(pages, reports, strict=True):
        found.setdefault(page.partition("/")[0], []).append(report)
    return [Group(name, tuple(found[name])) for name in sorted(found)]


def read(store: Store, folder: str) -> Report:
    """Return the row of one report."""
    report_id = folder.rpartition("/")[2]
    try:
        decision: dict[str, Any] = json.loads(store.read(f"{folder}/report.json"))["decision"]
        return Report(
            report_id=report_id,
            outcome="passed" if decision["passed"] else "refused",
            sentence=str(decision["sentence"]),
            challenger=str(decision["challenger"]),
            as_of=as_of(report_id),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: report.json cannot be read: %r", folder, error)
        sentence = "Its report.json cannot be read."
        return Report(report_id, "unknown", sentence, "", as_of(report_id))


def as_of(report_id: str) -> datetime | None:
    """Read the moment that a report id begins with.

    >>> as_of("20261121T000000-0123456789ab").isoformat()
    '2026-11-21T00:00:00+00:00'
    """
    try:
        return datetime.strptime(report_id.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
