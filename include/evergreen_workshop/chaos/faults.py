"""How each fault that strikes a process is brought about, and how it ends."""

import contextlib
import resource
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psutil  # type: ignore[import-untyped]

from evergreen_workshop.chaos.cells import Cell, Fault
from evergreen_workshop.chaos.world import Gone, TaskRun, World

DEAD = 2.0
"""Seconds until whoever keeps a service running starts it again."""
STANDS, RUNS = 0.3, 0.1
"""Seconds that what is slow stands still, and runs, in turn."""
NO_ROOM = 0
"""Bytes that a file may have for a process whose disk is full."""
LEAP, MOVED = timedelta(hours=1), 0.5
"""How far a clock leaps; and for how many seconds it is moved, and right, in turn."""


@dataclass(frozen=True)
class Strike:
    """How faults strike."""

    seconds: float = 60.0
    """How long those last that end by themselves."""

    def carry_out(self, world: World, cell: Cell, task: TaskRun | None) -> datetime:
        """Strike; return the moment from which on recovery counts, once the fault is over.

        That is its end; of what was killed, and has been started again since, the kill.

        Raises:
            Gone: the victim does not run (any more), and was not struck.
            StackError: it could not be started again.
        """
        match cell.fault:
            case Fault.KILL:
                began = datetime.now(UTC)
                world.kill(cell.victim, task)
                time.sleep(DEAD)
                world.revive(cell.victim)
                return began
            case Fault.STOP:
                self._stop(world, cell, task)
            case Fault.SLOW:
                self._slow(world, cell, task)
            case Fault.FULL:
                self._fill(world, cell, task)
            case Fault.AHEAD:
                self._move(world, cell, task, LEAP)
            case Fault.BACK:
                self._move(world, cell, task, -LEAP)
            case _:
                raise ValueError(f"{cell.fault} strikes no process")
        return datetime.now(UTC)

    def _stop(self, world: World, cell: Cell, task: TaskRun | None) -> None:
        members = world.members(cell.victim, task)
        try:
            _send(members, signal.SIGSTOP)
            time.sleep(self.seconds)
        finally:
            _send(members, signal.SIGCONT)

    def _slow(self, world: World, cell: Cell, task: TaskRun | None) -> None:
        """Let it stand still most of the time, so that whoever asks it waits, again and again."""
        members, deadline = world.members(cell.victim, task), time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            try:
                _send(members, signal.SIGSTOP)
                time.sleep(STANDS)
            finally:
                _send(members, signal.SIGCONT)
            time.sleep(RUNS)
            with contextlib.suppress(Gone):  # it has ended, and was struck all the same
                members = world.members(cell.victim, task)  # new connections have new processes

    def _fill(self, world: World, cell: Cell, task: TaskRun | None) -> None:
        """Let no file of the process grow for a while, as on a disk that is full."""
        process = world.leader(cell.victim, task)
        soft, hard = process.rlimit(resource.RLIMIT_FSIZE)
        process.rlimit(resource.RLIMIT_FSIZE, (NO_ROOM, hard))
        try:
            time.sleep(min(self.seconds, 10))
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):  # a task that failed of it
                process.rlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def _move(self, world: World, cell: Cell, task: TaskRun | None, by: timedelta) -> None:
        """Let the time of day of the process, and of no other, leap and come back, in turns."""
        process, clock = world.leader(cell.victim, task), world.clock
        deadline = time.monotonic() + min(self.seconds, 10)
        while process.is_running() and time.monotonic() < deadline:
            with clock.moved_for(process.pid, by):
                time.sleep(MOVED)
            time.sleep(MOVED)


def _send(members: set[psutil.Process], number: signal.Signals) -> None:
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.send_signal(number)
