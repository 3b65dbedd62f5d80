"""What plans print: what trainings will take, and what they took."""

from typing import TYPE_CHECKING

from evergreen.console.printing import columns, document, moment, say, show
from evergreen.words import counted

if TYPE_CHECKING:
    from datetime import datetime

    from evergreen.planning import FleetHappened, FleetPlan, Happened
    from evergreen.planning.forecasting import Step
    from evergreen.planning.story import Plan

PLANNED = ("seconds", "peak_bytes", "fits", "kept", "unknown", "sentence", "spread")
"""What a plan says of all its steps."""
FORETOLD = ("done", "seconds", "cpu_seconds", "unknown", "sentence")
"""What a plan of all says of all its trainings."""
SHOWN = 100
"""So many trainings are shown to a person."""


def plan(made: "Plan", *, as_json: bool) -> None:
    """Print what the next training will take."""
    if as_json:
        told = {name: getattr(made, name) for name in PLANNED}
        document(made.to_json() | told)
        return
    table = columns(
        "step", "rows", "seconds", "memory", "fits", "kept", "spread", "from",
        title=f"{made.use_case}, as of {moment(made.as_of)}",
    )  # fmt: skip
    for one in made.steps:
        table.add_row(
            one.title, _count(one.rows), _seconds(one.seconds), _memory(one.peak_bytes),
            _count(one.fits), _count(one.kept), _spread(one),
            counted(one.runs, "run"),
        )  # fmt: skip
    show(table)
    say(made.sentence, style="bold")
    say(made.spread)


def compared(found: "Happened", *, as_json: bool) -> None:
    """Print what was foretold of the last training, and what happened."""
    if as_json:
        document(found.to_json() | {"ratio": found.ratio, "sentence": found.sentence})
        return
    table = columns(
        "step", "seconds foretold", "taken", "memory foretold", "taken", "fits foretold", "made",
        title=f"{found.use_case}, as of {moment(found.as_of)}",
    )  # fmt: skip
    for one in found.steps:
        table.add_row(
            one.title, _seconds(one.foretold), _seconds(one.seconds), _memory(one.foretold_bytes),
            _memory(one.peak_bytes), _count(one.foretold_fits), _count(one.fits),
        )  # fmt: skip
    show(table)
    say(found.sentence, style="bold")


def fleet_plan(made: "FleetPlan", *, as_json: bool) -> None:
    """Print what all trainings will take that are due."""
    if as_json:
        told = {name: getattr(made, name) for name in FORETOLD}
        document(made.to_json() | told)
        return
    table = columns("due", "use case", "begins", "done", "seconds", "of a core", "memory", "")
    for one in made.due[:SHOWN]:
        table.add_row(
            moment(one.due), one.use_case, _clock(one.begins), _clock(one.done),
            _seconds(one.seconds), _seconds(one.cpu_seconds), _memory(one.peak_bytes),
            f"unknown: {', '.join(one.unknown)}" if one.unknown else "",
        )  # fmt: skip
    if made.due:
        show(table)
    _more(len(made.due))
    say(made.sentence, style="bold")


def fleet_compared(found: "FleetHappened", *, as_json: bool) -> None:
    """Print what was foretold of all that ran lately, and what happened."""
    if as_json:
        document(found.to_json() | {"ratio": found.ratio, "sentence": found.sentence})
        return
    table = columns("due", "use case", "done, foretold", "done", "of a core, foretold", "taken")
    for one in found.ran[:SHOWN]:
        table.add_row(
            moment(one.due), one.use_case, _clock(one.foretold), _clock(one.done),
            _seconds(one.foretold_cpu), _seconds(one.cpu_seconds),
        )  # fmt: skip
    show(table)
    _more(len(found.ran))
    say(found.sentence, style="bold")


def _spread(step: "Step") -> str:
    workers = f"{step.workers} workers a fit" if step.workers > 1 else ""
    return workers or ("yes" if step.spread else "")


def _more(count: int) -> None:
    if count > SHOWN:
        say(f"And {count - SHOWN:,} more: `--json` has them all.")


def _clock(at: "datetime") -> str:
    return f"{at:%H:%M:%S}"


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:,.2f}"


def _memory(value: int | None) -> str:
    return "?" if value is None else f"{value / 1e6:,.0f} MB"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
