"""When what was struck works again, and when it does not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from evergreen.errors import StackError
from evergreen_workshop.chaos.cells import Cell, Fault, Moment, Victim
from evergreen_workshop.chaos.pursuit import Pursuit, Struck
from evergreen_workshop.chaos.world import Gone, TaskRun

CHILD = Cell(Fault.KILL, Victim.CHILD, Moment.GATE)
SERVICE = Cell(Fault.KILL, Victim.MLFLOW, Moment.GATE)
LATE = Cell(Fault.KILL, Victim.CHILD, Moment.PROMOTE)
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def at(state: str | None, tries: int = 1, task: str = "gate") -> TaskRun:
    return TaskRun(task, -1, tries, state, 42 if state == "running" else None)


@dataclass
class Film:
    """A world that is looked at picture by picture; the last one stays."""

    pictures: list[list[TaskRun]]
    heartbeat_timeout: float = 1.0
    well: bool = True
    kept: int = 0

    def tasks(self, dag: str, run: str) -> list[TaskRun]:
        return self.pictures.pop(0) if len(self.pictures) > 1 else self.pictures[0]

    def state(self, dag: str, run: str) -> str:
        return "running" if len(self.pictures) > 1 else "success"

    def works(self, victim: Victim, since: datetime) -> bool:
        return self.well

    def keep(self) -> None:
        self.kept += 1


@dataclass
class Blow:
    """Strikes nobody, and remembers whom it would have."""

    missing: Sequence[Cell] = ()
    lasting: Sequence[Cell] = ()
    struck: list[tuple[Cell, Any]] = field(default_factory=list)

    def carry_out(self, world: Film, cell: Cell, task: TaskRun | None) -> datetime:
        if cell in self.missing:
            raise Gone("it has ended meanwhile")
        if cell in self.lasting:
            raise StackError("PostgreSQL did not start")
        self.struck.append((cell, task))
        return datetime.now(UTC)


def pursue(film: Film, blow: Blow, *cells: Cell) -> Pursuit:
    pursuit = Pursuit(film, blow, "iris_training", "run", list(cells))  # type: ignore[arg-type]
    assert pursuit.follow() == "success"
    return pursuit


@pytest.mark.parametrize(
    ("cell", "now", "works"),
    [
        (CHILD, at("running"), False),  # the try that was killed, of which Airflow does not know
        (CHILD, at("up_for_retry"), False),
        (CHILD, at("running", tries=2), True),
        (CHILD, at("success"), True),
        (SERVICE, at("running"), True),
        (SERVICE, at("up_for_retry"), False),
    ],
)
def test_a_task_goes_on_when_it_runs_anew_or_has_ended_well(
    cell: Cell, now: TaskRun, works: bool
) -> None:
    struck = Struck.since(cell, NOW, at("running"))

    struck.look(Film([[now]]), [now])  # type: ignore[arg-type]

    assert (struck.recovery is not None) is works


def test_a_service_that_does_not_answer_has_not_recovered() -> None:
    struck = Struck.since(SERVICE, NOW)

    struck.look(Film([[]], well=False), ())  # type: ignore[arg-type]

    assert struck.recovery is None


@pytest.mark.parametrize(("state", "lost"), [("failed", True), ("up_for_retry", False)])
def test_what_has_failed_for_good_is_not_waited_for(state: str, lost: bool) -> None:
    struck = Struck.since(CHILD, NOW, at("running"))

    assert struck.lost([at(state)]) is lost


def test_each_strikes_once_as_its_task_runs() -> None:
    running = at("running")
    film, blow = Film([[at(None)], [running], [running], [at("success")]]), Blow()

    pursuit = pursue(film, blow, CHILD)

    assert blow.struck == [(CHILD, running)]
    assert pursuit.struck[0].recovery is not None
    assert film.kept  # whatever else has died of it is started again


def test_what_came_too_late_has_not_struck() -> None:
    film = Film([[at("running")], [at("success"), at("success", task="promote")]])

    pursuit = pursue(film, Blow(missing=[CHILD]), CHILD, LATE)

    assert [each.missed for each in pursuit.struck] == [True]
    assert pursuit.waiting == [LATE]


def test_what_could_not_be_started_again_was_struck_and_is_harmed() -> None:
    film = Film([[at("running")], [at("success")]])

    [struck] = pursue(film, Blow(lasting=[SERVICE]), SERVICE).struck

    assert struck.settled
    assert not struck.missed
    assert struck.harms == ["PostgreSQL did not start"]
    assert struck.recovery is None
