"""A run that is followed to its end, and struck on the way."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evergreen.errors import StackError
from evergreen_workshop.chaos.cells import Cell, Fault
from evergreen_workshop.chaos.faults import Strike
from evergreen_workshop.chaos.world import ENDED, Gone, TaskRun, World

LOOK = 0.05
"""Seconds between two looks at the tasks: a short one takes 0.3 s."""
BEYOND = 600.0
"""Seconds, beyond the heartbeat time-out, after which a run is given up."""
LOST = {"failed", "upstream_failed", "skipped", "removed"}
"""States in which a task has ended, and not well."""


@dataclass
class Struck:
    """A fault that strikes, and whether what it struck works again."""

    cell: Cell
    task: TaskRun | None
    strike: Future[datetime]
    """Since when it is over; or the error of one that found nobody to strike."""
    recovery: float | None = None
    harm: str = ""
    """What it alone did, in a sentence."""

    @property
    def missed(self) -> bool:
        """Tell whether it found nobody to strike: the task had ended."""
        return isinstance(self._error, Gone)

    @property
    def settled(self) -> bool:
        """Tell whether there is nothing more to wait for."""
        return self._error is not None or self.recovery is not None

    @property
    def harms(self) -> list[str]:
        """What it alone did, and why what it struck could not be started again, in sentences."""
        return [str(each) for each in (self.harm, self._error) if each]

    @property
    def _error(self) -> StackError | None:
        error = self.strike.exception() if self.strike.done() else None
        return error if isinstance(error, StackError) else None

    def lost(self, tasks: Sequence[TaskRun]) -> bool:
        """Tell whether the task of its moment has ended, and not well: nobody tries it again."""
        return any(
            self.task is not None and _same(one, self.task) and one.state in LOST for one in tasks
        )

    @classmethod
    def at_once(cls, world: World, strike: Strike, cell: Cell) -> "Struck":
        """Strike where nothing runs, and return when it works again, or patience is over."""
        struck = cls.since(cell, strike.carry_out(world, cell, None))
        struck.wait(world)
        return struck

    @classmethod
    def since(
        cls, cell: Cell, over: datetime, task: TaskRun | None = None, harm: str = ""
    ) -> "Struck":
        """Return a fault that was over at a moment."""
        done: Future[datetime] = Future()
        done.set_result(over)
        return cls(cell, task, done, harm=harm)

    def wait(self, world: World) -> None:
        """Wait until it works again, or until patience is over."""
        deadline = time.monotonic() + world.heartbeat_timeout + BEYOND
        while self.recovery is None and time.monotonic() < deadline:
            world.keep()
            self.look(world, ())
            time.sleep(LOOK)

    def look(self, world: World, tasks: Sequence[TaskRun]) -> None:
        """Note how long it took, once it works again."""
        if self.settled or not self.strike.done() or not self._task_goes_on(tasks):
            return
        over = self.strike.result()
        if world.works(self.cell.victim, over):
            self.recovery = (datetime.now(UTC) - over).total_seconds()

    def _task_goes_on(self, tasks: Sequence[TaskRun]) -> bool:
        """Tell whether the task has ended well, or runs: in a new try, if its own was ended."""
        if self.task is None:
            return True
        now = next((one for one in tasks if _same(one, self.task)), None)
        if now is None:
            return False
        again = now.tries > self.task.tries or not self.cell.ends_the_task
        return now.state == "success" or (now.state == "running" and again)


@dataclass
class Pursuit:
    """One run of a DAG, and the faults that wait for their moments."""

    world: World
    strike: Strike
    dag: str
    run: str
    waiting: list[Cell]
    struck: list[Struck] = field(default_factory=list)
    beside: dict[Cell, Callable[[], None]] = field(default_factory=dict)
    """What is done at the moment of a cell that strikes no process."""

    def follow(self) -> str:
        """Strike as the moments come; return the state in which the run ended, empty: it did not.

        It returns when what was struck works again, or when patience is over.
        """
        deadline = time.monotonic() + self.world.heartbeat_timeout + BEYOND
        state = ""
        with ThreadPoolExecutor(max(1, len(self.waiting))) as pool:
            while time.monotonic() < deadline:
                tasks = self.world.tasks(self.dag, self.run)
                self._strike(tasks, pool)
                for each in self.struck:
                    each.look(self.world, tasks)
                state = self.world.state(self.dag, self.run)
                if all(each.strike.done() for each in self.struck):
                    self.world.keep()
                if state in ENDED and all(e.settled or e.lost(tasks) for e in self.struck):
                    break
                time.sleep(LOOK)
        return state if state in ENDED else ""

    def _strike(self, tasks: Sequence[TaskRun], pool: Executor) -> None:
        for cell in list(self.waiting):
            task = next((one for one in tasks if one.task == cell.moment and _runs(one)), None)
            if task is None or cell.fault is Fault.TWICE:
                continue
            self.waiting.remove(cell)
            if act := self.beside.get(cell):
                act()
                self.struck.append(Struck.since(cell, datetime.now(UTC), task))
            else:
                strike = pool.submit(self.strike.carry_out, self.world, cell, task)
                self.struck.append(Struck(cell, task, strike))


def _runs(task: TaskRun) -> bool:
    return task.state == "running" and task.pid is not None


def _same(one: TaskRun, other: TaskRun) -> bool:
    return (one.task, one.map_index) == (other.task, other.map_index)
