"""What a rehearsal tells: a line for each day, and what holds at its end."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from evergreen import console, invariants
from evergreen.catalog import Catalog
from evergreen.invariants import Finding
from evergreen_workshop.rehearsal.life import OFF, Happened
from evergreen_workshop.rehearsal.scratch import Place

COLUMNS = ("day", "rows come", "outcome", "champion learned up to", "rows", "no label", "late",
           "told", "MB", "s")  # fmt: skip


def check(place: Place, days: Sequence[Happened]) -> list[Finding]:
    """Check every invariant of the rehearsal's own records, store and MLflow.

    As of the last day on which the scheduler was not off: while it is, nothing here tells anybody.
    """
    alone = Catalog({place.use_case.name: place.use_case})
    now = next((day.as_of for day in reversed(days) if day.outcome != OFF), None)
    return invariants.check(place.records, place.settings, alone, now=now)


def well(days: Sequence[Happened], findings: Sequence[Finding]) -> bool:
    """Tell whether each day went as was due, and every invariant holds."""
    return all(day.as_due for day in days) and all(finding.holds for finding in findings)


def document(days: Sequence[Happened], findings: Sequence[Finding]) -> dict[str, Any]:
    """Return it all as plain JSON types."""
    return {
        "well": well(days, findings),
        "days": [_day(day) for day in days],
        "invariants": [
            {"number": each.number, "name": each.name, "status": each.status, "detail": each.detail}
            for each in findings
        ],
    }


def _day(day: Happened) -> dict[str, Any]:
    return {
        "as_of": day.as_of.isoformat(),
        "event": day.event,
        "outcome": day.outcome,
        "due": day.due,
        "as_due": day.as_due,
        "promoted": day.promoted,
        "rows": day.rows,
        "unlabelled": day.unlabelled,
        "late": day.late,
        "age_days": day.age and day.age.total_seconds() / 86400,
        "incidents": day.told,
        "decisions": day.decisions,
        "bytes": day.size,
        "seconds": round(day.seconds, 1),
        "sentence": day.sentence,
    }


def show(days: Sequence[Happened], findings: Sequence[Finding]) -> None:
    """Print the days as a table, and what was not due in sentences."""
    table = Table(*COLUMNS)
    for day in days:
        table.add_row(*_cells(day), style="" if day.as_due else "red")
    console.show(table)
    for day in days:
        if not day.as_due:
            console.say(f"{day.as_of:%Y-%m-%d}: {day.due} was due. {day.sentence}", colour="red")
    console.findings([each for each in findings if not each.holds], as_json=False)


def _cells(day: Happened) -> tuple[str, ...]:
    champion = "none" if day.age is None else f"{day.age.total_seconds() / 86400:.1f} days ago"
    outcome = f"{day.outcome}, promoted" if day.promoted else day.outcome
    return (
        f"{day.as_of:%Y-%m-%d}", day.event, outcome, champion, f"{day.rows:,}",
        str(day.unlabelled), str(day.late), str(day.told), f"{day.size / 1e6:.1f}",
        f"{day.seconds:.1f}",
    )  # fmt: skip
