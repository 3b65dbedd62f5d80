"""Celery's workers as they are seen from outside, found by the task that they run."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from evergreen.errors import StackError
from evergreen_workshop.chaos.cells import Victim
from evergreen_workshop.chaos.world import TaskRun, World
from evergreen_workshop.stack import processes
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import SERVICES
from evergreen_workshop.stack.processes import Service

STEP = "import time; time.sleep(600)"
SUPERVISOR = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STEP!r}])"
WORKER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SUPERVISOR!r}])"
NOW = datetime(2026, 11, 27, tzinfo=UTC)


@dataclass
class TwoWorkers:
    """A stack of two workers, each with a supervisor and a step; it starts nothing again."""

    layout: Layout
    revived: list[str] = field(default_factory=list)

    def start(self) -> None:
        for name in ("worker-one", "worker-two"):
            processes.start(Service(name, (sys.executable, "-c", WORKER)), self.layout, {})

    def revive(self, name: str) -> None:
        self.revived.append(name)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[TwoWorkers]:
    layout = Layout(tmp_path)
    layout.create()
    started = TwoWorkers(layout)
    started.start()
    yield started
    processes.stop(layout, ["worker-one", "worker-two"], grace=0)


@pytest.fixture
def world(stack: TwoWorkers) -> World:
    return World(None, None, None, stack)  # type: ignore[arg-type]


def step_of(stack: TwoWorkers, name: str) -> TaskRun:
    """The step that a worker runs, two processes below it."""
    pid = processes.running(stack.layout, name)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if len(below := psutil.Process(pid).children(recursive=True)) == 2:
            return TaskRun("train", -1, 1, "running", below[-1].pid)
        time.sleep(0.05)
    raise AssertionError(f"{name} runs no step")


def test_the_worker_that_is_struck_is_the_one_that_runs_the_task(
    stack: TwoWorkers, world: World
) -> None:
    task = step_of(stack, "worker-two")

    found = world.leader(Victim.WORKER, task)

    assert found.pid == processes.running(stack.layout, "worker-two")
    assert len(world.members(Victim.WORKER, task)) == 3


def test_a_task_that_no_worker_runs_strikes_none(world: World) -> None:
    with pytest.raises(StackError, match="Celery worker does not run"):
        world.leader(Victim.WORKER, TaskRun("train", -1, 1, "running", 1))


def test_a_worker_dies_with_all_that_it_has_started_and_is_started_again(
    stack: TwoWorkers, world: World
) -> None:
    task = step_of(stack, "worker-one")
    assert world.works(Victim.WORKER, NOW)

    world.kill(Victim.WORKER, task)

    assert not psutil.pid_exists(task.pid or 0)
    assert not world.works(Victim.WORKER, NOW)
    world.revive(Victim.WORKER)
    assert stack.revived == [*SERVICES, "worker-one"]
