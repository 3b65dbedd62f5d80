"""What the Reports page shows, read from the folder of the gate's reports."""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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


def groups(folder: Path) -> list[Group]:
    """Return the reports by use case; those without a page are still being written."""
    found: dict[str, list[Report]] = {}
    for page in sorted(folder.glob("*/*/report.html"), reverse=True):
        found.setdefault(page.parent.parent.name, []).append(read(page.parent))
    return [Group(name, tuple(found[name])) for name in sorted(found)]


def read(folder: Path) -> Report:
    """Return the row of one report."""
    try:
        decision: dict[str, Any] = json.loads((folder / "report.json").read_text())["decision"]
        return Report(
            report_id=folder.name,
            outcome="passed" if decision["passed"] else "refused",
            sentence=str(decision["sentence"]),
            challenger=str(decision["challenger"]),
            as_of=as_of(folder.name),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: report.json cannot be read: %r", folder, error)
        sentence = "Its report.json cannot be read."
        return Report(folder.name, "unknown", sentence, "", as_of(folder.name))


def as_of(report_id: str) -> datetime | None:
    """Read the moment that a report id begins with.

    >>> as_of("20261121T000000-0123456789ab").isoformat()
    '2026-11-21T00:00:00+00:00'
    """
    try:
        return datetime.strptime(report_id.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
