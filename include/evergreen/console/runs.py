"""What runs print: a cycle, a replay, what was watched or scored."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from evergreen import storage
from evergreen.console.printing import coloured, columns, document, say, show
from evergreen.records import (
    Scored,
)
from evergreen.refs import WindowRef
from evergreen.spec import UseCase

if TYPE_CHECKING:
    from evergreen.cycle import Cycle
    from evergreen.replaying import Gained, Replay
    from evergreen.settings import Settings

MOST_METRICS = 5
"""So many figures of a candidate a terminal has room for."""


def cycle(done: "Cycle", use_case: UseCase, *, as_json: bool) -> None:
    """Print what a cycle did."""
    if as_json:
        document(done.to_json())
        return
    if done.candidates:
        show(_metrics_table(done, use_case))
    if done.verdict:
        table = columns("check", "status", "reason", title="gate")
        for check in done.verdict.checks:
            table.add_row(check.name, coloured(check.status), check.reason)
        show(table)
    for reason in done.refused:
        say(reason, mark="✗", colour="red")
    say(done.sentence, style="bold")


def cycles(done: "Sequence[Cycle]", *, as_json: bool) -> None:
    """Print what the days of a backfill gave."""
    if as_json:
        document([one.to_json() for one in done])
        return
    table = columns("as of", "rows", "gate", "why")
    for one in done:
        gate = "refused" if one.verdict is None or not one.verdict.passed else "passed"
        rows = str(one.snapshot.rows) if one.snapshot else "-"
        table.add_row(f"{one.as_of:%Y-%m-%d}", rows, coloured(gate), one.sentence)
    show(table)


def replay(done: "Replay", *, as_json: bool) -> None:
    """Print what policies would have cost and gained, each with its metric over time."""
    if as_json:
        document(done.to_json())
        return
    from evergreen.replaying import chart

    begin, end = f"{done.starts[0]:%Y-%m-%d}", f"{done.end:%Y-%m-%d}"
    table = columns(
        "policy", done.metric, "difference", "age", "trainings", "seconds", "changes (worse)",
        "recovery", f"{begin} to {end}", title=f"{done.use_case}, more is better"
        if done.more_is_better else f"{done.use_case}, less is better",
    )  # fmt: skip
    low, high = chart.bounds(done)
    for one in done.policies:
        table.add_row(
            one.name, _figure(one.metric), _gained(one.difference), f"{one.age_days:.0f} d",
            str(one.trainings), f"{one.seconds:.0f}", f"{one.changes} ({one.worse_later})",
            "-" if one.recovery_days is None else f"{one.recovery_days:.0f} d",
            chart.sparkline(one.over_time, low, high),
        )  # fmt: skip
    show(table)
    for name, problem in done.problems.items():
        say(f"{name} could not be fitted: {problem}", mark="?", colour="yellow")
    say(f"{done.fits} fits, {done.fitted} of them new; {done.seconds:.0f} s")
    say(done.recommendation, style="bold")


def watched(seen: WindowRef, settings: "Settings", *, as_json: bool) -> None:
    """Print what a window of logged predictions told."""
    if as_json:
        document(seen.to_json())
        return
    for alarm in seen.alarms:
        say(alarm, mark="!", colour="red")
    for unknown in seen.unknowns:
        say(unknown, mark="?", colour="yellow")
    say(seen.sentence, style="bold")
    for band, of in ((seen.estimate, "this window"), (seen.expected, "the labelled answers")):
        if band:
            told = f"{band.value:.3g} ({band.low:.3g} to {band.high:.3g})"
            far = f"; extrapolated, {band.outside:.0%} outside or more" if band.outside else ""
            say(f"{seen.metric} of {of}, estimated without labels: {told}{far}")
    page = f"{seen.use_case}/{seen.report_id}/report.html"
    say(f"report: {storage.of(settings, storage.DRIFT).uri(page)}")


def scored(done: Scored, *, as_json: bool) -> None:
    """Print what was scored."""
    if as_json:
        document(done.to_json())
    else:
        say(done.sentence, style="bold")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _gained(found: "Gained") -> str:
    if found.estimate is None or found.low is None or found.high is None:
        return "unknown"
    return f"{found.estimate:+.3g} ({found.low:+.3g} to {found.high:+.3g})"


def _metrics_of(use_case: UseCase, known: Collection[str]) -> list[str]:
    """Return what the gate goes by, and as many more as a terminal is wide."""
    gate = use_case.gate
    wanted = dict.fromkeys([gate.metric, *gate.floors, *known])
    return [name for name in wanted if name in known][:MOST_METRICS]


def _metrics_table(done: "Cycle", use_case: UseCase) -> Table:
    known = dict.fromkeys(name for one in done.candidates for name in one.metrics)
    names = _metrics_of(use_case, known)
    table = columns("candidate", *names, title=f"held-out rows of {use_case.name}")
    for trained in done.candidates:
        found = [trained.metrics.get(name) for name in names]
        table.add_row(trained.name, *("-" if one is None else f"{one:.4f}" for one in found))
    return table
