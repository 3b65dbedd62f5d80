"""Days of a whole stack that take minutes: to the feed, and to midnight, its clock leaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from database import query
from evergreen.catalog import Catalog
from evergreen.records import Records
from evergreen.spec import UseCase
from evergreen.spec.pace import following
from evergreen_workshop.stack.clock import Clock
from own_stack import RunningStack
from waiting import eventually

DAY, EARLY = timedelta(days=1), timedelta(minutes=10)
"""The feed brings the days that are missing so long before midnight."""
BEFORE = timedelta(seconds=20)
"""So long before something is due the clock gets there."""
CALM = 5
"""Looks in a row at which nothing ran."""
PATIENCE = 1200.0
ASIDE = ("trigger", "scoring")
"""Kinds of decisions that say nothing about the model."""
ACTIVE = "SELECT dag_id, run_id FROM dag_run WHERE state IN ('queued', 'running')"
FAILED = "SELECT dag_id, run_id FROM dag_run WHERE state = 'failed'"
ENDED = "SELECT run_id FROM dag_run WHERE dag_id = '{}' AND run_after = '{}' AND end_date > '{}'"


@dataclass
class Nights:
    """A stack that lives by a clock of its own, and what its nights have come to."""

    stack: RunningStack
    clock: Clock
    known: Catalog
    told: list[list[str]] = field(default_factory=list)
    """What people were told, night by night."""

    def pass_one(self, midnight: datetime) -> None:
        """Let the evening and the midnight pass: as soon as nothing runs, the clock leaps on."""
        before = len(self.stack.told.messages)
        self._leap(midnight - EARLY, ["operations_feed"])
        self._leap(midnight, self.due(midnight))
        self.told.append([each["title"] for each in self.stack.told.messages[before:]])

    def _leap(self, moment: datetime, dags: Sequence[str]) -> None:
        """Go to just before a moment, and wait until what is due then has ended, and all else."""
        self.settle()
        self.clock.move_to(moment - BEFORE)
        for dag_id in dags:
            sql = ENDED.format(dag_id, moment, moment)
            eventually(lambda sql=sql: self._read(sql), f"{dag_id} of {moment}", PATIENCE)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing runs, and nothing begins."""
        calm = iter(range(CALM))

        def nothing_runs() -> bool:
            nonlocal calm
            if self._read(ACTIVE):
                calm = iter(range(CALM))
            return next(calm, None) is None

        eventually(nothing_runs, "the end of what runs", PATIENCE)

    def due(self, midnight: datetime) -> list[str]:
        """Return the DAGs, but for those of monitoring, that a schedule starts at that midnight."""
        return [
            f"{name}_{story}"
            for name, use_case in self.known.use_cases.items()
            for story, schedule in _schedules(use_case)
            if following(schedule, midnight - BEFORE) == midnight
        ]

    def failed(self) -> list[tuple[str, str]]:
        """Return every run that has failed, as DAG and run."""
        return self._read(FAILED)

    def _read(self, sql: str) -> list[tuple[str, ...]]:
        """Ask Airflow's database, as its API would want a new login after each leap."""
        return query(f"{self.stack.database_url.rpartition('/')[0]}/airflow", sql)


def _schedules(use_case: UseCase) -> Iterator[tuple[str, str | None]]:
    yield "training", str(use_case.training_schedule)
    if use_case.scoring is not None:
        yield "scoring", use_case.scoring.schedule or "@daily"


def came_to(name: str, midnight: datetime, records: Records) -> str:
    """Return the last that a training of that midnight decided; empty: none ran."""
    found = records.decisions.newest(name, limit=200, without=ASIDE)
    return next((f"{one.kind} {one.outcome}" for one in found if one.as_of == midnight), "")


def first_midnight(now: datetime) -> datetime:
    """Return a midnight to come that ends the last day but two of a month.

    Four nights on from it, a month has begun.
    """
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while True:
        month = (month + 32 * DAY).replace(day=1)
        if (found := month - 2 * DAY) > now + DAY:
            return found
