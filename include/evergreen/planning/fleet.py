"""What all trainings that are coming will take together, and when each is done.

    made = foretell_all(catalog, span=timedelta(hours=24), room=Room(slots=3, cores=2), now=now,
                        records=records, settings=settings)
    made.done, made.peak_bytes      # of all of them
    made.due[0].done                # of the first

Each training is foretold as `story.plan` foretells it, in the seconds that its steps would take
alone: how long they then wait for slots and cores, `rush` finds. Between two tasks of a training
passes what passed between those on record. Waiting for an ingest is not foretold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import quantiles

from evergreen.catalog import Catalog
from evergreen.champions import in_charge
from evergreen.errors import DeclarationError
from evergreen.planning import forecasting, rush
from evergreen.planning.forecasting import AFTER, BEFORE, STORE, TRAIN, Past, Step
from evergreen.planning.story import recipes
from evergreen.records import Cost, Records
from evergreen.refs import Ref
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.spec.pace import Schedule, following, pause, spread

MOST = 2_000
"""So many trainings are foretold at most."""
BY_HAND = "cli/"
"""How the keys of runs begin that no Airflow has run, task by task."""
PAIRS = (*pairwise(BEFORE), (BEFORE[-1], STORE), *pairwise(AFTER))
"""Steps, each with the one that follows at once."""


@dataclass(frozen=True, kw_only=True)
class Room(Ref):
    """What trainings run on."""

    slots: int
    """So many of their tasks run at once."""
    cores: float
    """That they have, all together."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One training, before it is known when it runs."""

    use_case: str
    due: datetime
    stale: float
    """Pauses of its schedule since what it learned last; the stalest goes first."""
    alone: tuple[Step, ...]
    """Its steps, as if cores had always been free."""
    cores: tuple[Step, ...]
    """The same steps, and the seconds that they spend on a core."""


@dataclass(frozen=True, kw_only=True)
class Due(Ref):
    """One training that is coming."""

    use_case: str
    due: datetime
    seconds: float
    """Of its steps, one after the other, where nothing else runs."""
    cpu_seconds: float
    peak_bytes: int | None
    """Of the step that needs most; None, as everywhere: unknown."""
    begins: datetime
    done: datetime
    unknown: tuple[str, ...] = ()
    """Its steps that nothing is on record of: it takes longer than it says."""


@dataclass(frozen=True, kw_only=True)
class FleetPlan(Ref):
    """All trainings that schedules start in a span of time."""

    since: datetime
    until: datetime
    room: Room
    between: float
    """Seconds that pass between two tasks of a training."""
    due: tuple[Due, ...]
    """In the order in which they are done."""
    peak_bytes: int
    """Of all tasks that run at once, at the worst moment."""
    at_once: int
    """So many tasks run at most."""
    use_cases: int
    """Declared, and trained by a clock."""

    @property
    def done(self) -> datetime | None:
        """When all of them are done."""
        return max((one.done for one in self.due), default=None)

    @property
    def seconds(self) -> float:
        """In which at least one of them is due and not done."""
        return rush.busy(
            [((one.due - self.since).total_seconds(), (one.done - self.since).total_seconds())
             for one in self.due]
        )  # fmt: skip

    @property
    def cpu_seconds(self) -> float:
        """Of all of them."""
        return sum(one.cpu_seconds for one in self.due)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The use cases of which nothing is on record, or not of every step."""
        return tuple(sorted({one.use_case for one in self.due if one.unknown}))

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        until = f"until {self.until:%Y-%m-%d %H:%M} UTC"
        if self.done is None:
            return f"No schedule of {self.use_cases} use cases starts a training {until}."
        names = {one.use_case for one in self.due}
        lacking = unforeseen(self.unknown)
        return (
            f"{len(self.due)} trainings of {len(names)} use cases (of {self.use_cases}) are due"
            f" {until}, and done at {self.done:%Y-%m-%d %H:%M:%S} UTC{' or later' * bool(lacking)}:"
            f" {self.seconds:,.0f} s with trainings under way, {self.cpu_seconds:,.0f} s of a core,"
            f" {self.peak_bytes / 1e6:,.0f} MB at most, on {self.room.slots} slots and"
            f" {self.room.cores:g} cores{lacking}."
        )


def foretell_all(
    catalog: Catalog,
    *,
    span: timedelta,
    room: Room,
    now: datetime,
    records: Records,
    settings: Settings,
) -> FleetPlan:
    """Foretell every training that a schedule starts in a span from now on.

    Raises:
        DeclarationError: the span holds too many of them, or the room is none.
    """
    coming = ticks(catalog, now, now + span, records, settings)
    costs = {name: records.costs.newest(name) for name in coming}
    work = [
        replace(found, due=tick)
        for name, moments in coming.items()
        for found in [work_of(catalog.use_cases[name], moments[0], costs[name], records, settings)]
        for tick in moments
    ]
    clocked = [one for one in catalog.use_cases.values() if pause(one.training_schedule)]
    return scheduled(
        work, room=room, between=between(costs), since=now, until=now + span, use_cases=len(clocked)
    )


def ticks(
    catalog: Catalog, since: datetime, until: datetime, records: Records, settings: Settings
) -> dict[str, list[datetime]]:
    """Return when the use cases are due that are, each by its schedule; what is retired is not.

    Raises:
        DeclarationError: there are too many of them.
    """
    found, retired = {}, records.retirements.all()
    for name, use_case in catalog.use_cases.items():
        own = spread(use_case.training_schedule, name, settings.spread)
        moments = [] if name in retired else list(_ticks(own, since, until))
        if moments:
            found[name] = moments
    if (many := sum(map(len, found.values()))) > MOST:
        raise DeclarationError("--due", f"{many} trainings", f"a span with {MOST} of them or fewer")
    return found


def _ticks(schedule: Schedule, since: datetime, until: datetime) -> Iterator[datetime]:
    tick = following(schedule, since)
    while tick is not None and tick <= until:
        yield tick
        tick = following(schedule, tick)


def work_of(
    use_case: UseCase, due: datetime, costs: Sequence[Cost], records: Records, settings: Settings
) -> Work:
    """Return what a training takes, by what earlier ones cost."""
    asked = recipes(use_case)
    present = in_charge.find(records, use_case.name)
    spread_out = settings.compute != "local"

    def steps(scaled: Sequence[Cost]) -> tuple[Step, ...]:
        past = Past(scaled, due, spread_out)
        return forecasting.steps(use_case, past, asked, present.recipe.name if present else None)

    newest = max((one.as_of for one in costs), default=None)
    length = pause(use_case.training_schedule) or timedelta(days=1)
    return Work(
        use_case=use_case.name,
        due=due,
        stale=(due - newest) / length if newest else float("inf"),
        alone=steps([one.scaled(one.alone) for one in costs]),
        cores=steps([one.scaled(_on_cores(one)) for one in costs]),
    )


def _on_cores(one: Cost) -> float:
    return one.alone if one.cpu_seconds is None else one.cpu_seconds


def between(costs: Mapping[str, Sequence[Cost]]) -> float:
    """Return the seconds that pass between two tasks of a training that nothing keeps waiting.

    The lower quartile of what passed in the newest runs: in a rush, others waited for a slot.
    """
    gaps = [gap for found in costs.values() for gap in _gaps(found)]
    return max(0.0, quantiles(gaps, n=4)[0] if len(gaps) > 1 else sum(gaps))


def _gaps(costs: Sequence[Cost]) -> Iterator[float]:
    by_tasks = [one for one in costs if not one.run_key.startswith(BY_HAND)]
    newest = {one.step: one for one in by_tasks if one.run_key == by_tasks[0].run_key}
    for step, following_step in PAIRS:
        one, other = newest.get(step), newest.get(following_step)
        if one and other and one.measured_at and other.measured_at:
            begun = other.measured_at - timedelta(seconds=other.seconds)
            yield (begun - one.measured_at).total_seconds()


def scheduled(
    work: Sequence[Work], *, room: Room, between: float, since: datetime, until: datetime,
    use_cases: int,
) -> FleetPlan:  # fmt: skip
    """Find when trainings are done that share a room."""
    first = sorted(work, key=lambda one: (-one.stale, one.due, one.use_case))
    jobs = [job_of(one, (one.due - since).total_seconds(), between) for one in first]
    outcome = rush.simulate(jobs, slots=room.slots, cores=room.cores)
    due = [
        _due(one, since + timedelta(seconds=ended.begun), since + timedelta(seconds=ended.done))
        for one, ended in zip(first, outcome.jobs, strict=True)
    ]
    return FleetPlan(
        since=since, until=until, room=room, between=between,
        due=tuple(sorted(due, key=lambda one: (one.done, one.use_case))),
        peak_bytes=outcome.peak_bytes, at_once=outcome.at_once, use_cases=use_cases,
    )  # fmt: skip


def job_of(one: Work, due: float, between: float) -> rush.Job:
    """Return the tasks of a training, each with those that Airflow lets it wait for."""
    titles = [step.step for step in one.alone]
    trainings = tuple(n for n, title in enumerate(titles) if title == TRAIN)
    tasks = []
    for n, (alone, cores) in enumerate(zip(one.alone, one.cores, strict=True)):
        seconds = (alone.seconds or 0.0) + between
        wanted = ((cores.seconds or 0.0) + between) / seconds if seconds else 1.0
        if titles[n] == TRAIN:
            after: tuple[int, ...] = (len(BEFORE) - 1,)
        else:
            after = trainings if titles[n] == AFTER[0] and trainings else (n - 1,) if n else ()
        tasks.append(
            rush.Task(seconds=seconds, cores=wanted, peak_bytes=alone.peak_bytes or 0, after=after)
        )
    return rush.Job(name=one.use_case, due=due, tasks=tuple(tasks))


def _due(one: Work, begins: datetime, done: datetime) -> Due:
    return Due(
        use_case=one.use_case,
        due=one.due,
        seconds=sum(step.seconds or 0.0 for step in one.alone),
        cpu_seconds=sum(step.seconds or 0.0 for step in one.cores),
        peak_bytes=max((step.peak_bytes for step in one.alone if step.peak_bytes), default=None),
        begins=begins,
        done=done,
        unknown=tuple(step.title for step in one.alone if step.seconds is None),
    )


def unforeseen(names: Sequence[str]) -> str:
    """Say of which use cases not all could be foretold; empty: of none."""
    return f"; unknown, at least in part: {few(names)}" if names else ""


def few(names: Sequence[str], most: int = 5) -> str:
    """Name the first few, and count the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
