"""Hold against what happened what was to be foretold of trainings that have run together.

The forecast is made again, from what had been on record before each of them began.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evergreen.catalog import Catalog
from evergreen.errors import EvergreenError
from evergreen.planning import fleet, rush
from evergreen.planning.fleet import BY_HAND, FleetPlan, Room, between, scheduled, work_of
from evergreen.planning.story import AIM
from evergreen.records import Cost, Records
from evergreen.refs import Ref
from evergreen.settings import Settings

WHOLE = {"extract", "fit"}
"""Steps that every training has which came to its end; not every one promotes."""


@dataclass(frozen=True, kw_only=True)
class Ran(Ref):
    """One training that was due, and that happened."""

    use_case: str
    run_key: str
    due: datetime
    foretold: datetime
    """When it was to be done."""
    done: datetime
    """When its last step was."""
    foretold_cpu: float
    cpu_seconds: float | None
    """That it took of a core; None: unknown."""


@dataclass(frozen=True, kw_only=True)
class FleetHappened(Ref):
    """What was foretold of the trainings of a span, and what happened."""

    since: datetime
    until: datetime
    room: Room
    ran: tuple[Ran, ...]
    """In the order in which they were done."""
    foretold_seconds: float
    """In which at least one of them is due and not done."""
    seconds: float
    foretold_bytes: int
    peak_bytes: int
    """Of all steps that ran at once, at the worst moment."""
    unknown: tuple[str, ...]
    """Use cases that nothing could be foretold of, or not all."""
    parts: tuple[str, ...] = ()
    """Use cases whose newest training is under way or ended early, and is left out."""

    @property
    def ratio(self) -> float | None:
        """Seconds that they took by those foretold; None: nothing was."""
        return self.seconds / self.foretold_seconds if self.foretold_seconds else None

    @property
    def sentence(self) -> str:
        """How well it was foretold, in a sentence."""
        head = f"{len(self.ran)} trainings were under way for {self.seconds:,.0f} s"
        if self.ratio is None:
            return (
                f"{head}; nothing could be foretold of them: they are the first on"
                f" record{_left_out(self.parts)}."
            )
        aim = "within" if abs(self.ratio - 1) <= AIM else "outside of"
        return (
            f"{head} where {self.foretold_seconds:,.0f} s were foretold, {self.ratio:.2f} times as"
            f" much: {aim} the {AIM:.0%} that are aimed at. At most they took"
            f" {self.peak_bytes / 1e6:,.0f} MB at once ({self.foretold_bytes / 1e6:,.0f} MB"
            f" foretold){fleet.unforeseen(self.unknown)}{_left_out(self.parts)}."
        )


def last_of_all(
    catalog: Catalog,
    *,
    span: timedelta,
    room: Room,
    now: datetime,
    records: Records,
    settings: Settings,
) -> FleetHappened:
    """Hold the newest trainings, one of each use case in a span up to now, against the forecast.

    Raises:
        EvergreenError: none has run to its end in that span, task by task.
    """
    since = now - span
    costs = {name: records.costs.newest(name) for name in catalog.use_cases}
    lately = {name: _runs(found, since) for name, found in costs.items()}
    runs = {name: run for name, found in lately.items() if (run := _newest(found))}
    parts = tuple(name for name, found in lately.items() if found and not _is_whole(found[0]))
    if not runs:
        raise EvergreenError(
            f"no training has run since {since:%Y-%m-%d %H:%M} UTC in Airflow, from its first step"
            f" to its last{_left_out(parts)}"
        )
    before = {name: _before(costs[name], run) for name, run in runs.items()}
    work = [
        work_of(catalog.use_cases[name], _due(run, since), before[name], records, settings)
        for name, run in runs.items()
    ]
    begin = min(one.due for one in work)
    made = scheduled(
        work, room=room, between=between(before), since=begin, until=now, use_cases=len(costs)
    )
    return replace(_compared(made, runs, since), parts=parts)


def _runs(costs: Sequence[Cost], since: datetime) -> list[list[Cost]]:
    """Return the steps of each run that Airflow has run since then; runs and steps newest first."""
    found: dict[str, list[Cost]] = {}
    for one in costs:
        if not one.run_key.startswith(BY_HAND) and one.measured_at and one.measured_at >= since:
            found.setdefault(one.run_key, []).append(one)
    return list(found.values())


def _newest(runs: Sequence[list[Cost]]) -> list[Cost]:
    """Return the newest whole one: what is under way, or ended early, took but a part."""
    return next(filter(_is_whole, runs), [])


def _is_whole(run: Sequence[Cost]) -> bool:
    return {one.step for one in run} >= WHOLE


def _left_out(names: Sequence[str]) -> str:
    """Say which use cases have a newer training that is not compared; empty: none has."""
    return f"; under way or ended early, and left out: {fleet.few(names)}" if names else ""


def _before(costs: Sequence[Cost], run: Sequence[Cost]) -> list[Cost]:
    return [one for one in costs if one.id < run[-1].id]


def _due(run: Sequence[Cost], since: datetime) -> datetime:
    """Return when a run was due; one as of a moment long past, as it began."""
    return run[-1].as_of if run[-1].as_of >= since else _span(run[-1])[0]


def _span(one: Cost) -> tuple[datetime, datetime]:
    end = one.measured_at or one.as_of
    return end - timedelta(seconds=one.seconds), end


def _compared(made: FleetPlan, runs: dict[str, list[Cost]], since: datetime) -> FleetHappened:
    ran = [
        Ran(
            use_case=one.use_case, run_key=run[0].run_key, due=one.due, foretold=one.done,
            done=_span(run[0])[1], foretold_cpu=one.cpu_seconds, cpu_seconds=_cores(run),
        )
        for one in made.due
        for run in [runs[one.use_case]]
    ]  # fmt: skip
    return FleetHappened(
        since=since, until=made.until, room=made.room,
        ran=tuple(sorted(ran, key=lambda one: (one.done, one.use_case))),
        foretold_seconds=made.seconds,
        seconds=rush.busy([(one.due.timestamp(), one.done.timestamp()) for one in ran]),
        foretold_bytes=made.peak_bytes,
        peak_bytes=most([one for run in runs.values() for one in run]),
        unknown=made.unknown,
    )  # fmt: skip


def _cores(run: Sequence[Cost]) -> float | None:
    known = [one.cpu_seconds for one in run if one.cpu_seconds is not None]
    return sum(known) if len(known) == len(run) else None


def most(costs: Sequence[Cost]) -> int:
    """Return the memory of the steps that ran at once, at the worst moment."""
    changes = [
        change
        for one in costs
        for change in zip(_span(one), (one.peak_bytes, -one.peak_bytes), strict=True)
    ]
    level = highest = 0
    for _, by in sorted(changes):
        level += by
        highest = max(highest, level)
    return highest
