"""Each fault does to a real process what it says, and lets it go."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from evergreen_workshop.chaos.cells import Cell, Fault, Moment, Victim
from evergreen_workshop.chaos.faults import Strike
from evergreen_workshop.chaos.world import Gone, TaskRun
from evergreen_workshop.stack.clock import Clock

WRITES = """
import os, sys, time
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while True:
    try:
        os.write(file, b"x")
    except OSError as error:
        print(error.strerror, flush=True)
    time.sleep(0.01)
"""


SAYS = """
import sys, time
while True:
    print(time.time(), flush=True)
    time.sleep(0.05)
"""


@dataclass
class OneProcess:
    """A world in which every victim is the same process."""

    process: psutil.Process
    clock: Clock | None = None
    revived: list[Victim] = field(default_factory=list)

    def leader(self, victim: Victim, task: TaskRun | None) -> psutil.Process:
        return self.process

    def members(self, victim: Victim, task: TaskRun | None) -> set[psutil.Process]:
        return {self.process}

    def kill(self, victim: Victim, task: TaskRun | None) -> None:
        if not self.process.is_running():
            raise Gone("it does not run")
        self.process.send_signal(signal.SIGKILL)

    def revive(self, victim: Victim) -> None:
        self.revived.append(victim)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that writes to a file all the time, and tells when it cannot."""
    command = [sys.executable, "-c", WRITES, str(tmp_path / "file")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while not (tmp_path / "file").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        yield process
        process.kill()


def strike(
    fault: Fault, process: "subprocess.Popen[str]", seconds: float, clock: Clock | None = None
) -> OneProcess:
    world = OneProcess(psutil.Process(process.pid), clock)
    cell = Cell(fault, Victim.SERVICE, Moment.SERVE)
    Strike(seconds).carry_out(world, cell, None)  # type: ignore[arg-type]
    return world


def hours_of(process: "subprocess.Popen[str]") -> list[int]:
    """By how many hours each of its lines was ahead, once it is ended."""
    process.kill()
    assert process.stdout is not None
    return [round((float(line) - time.time()) / 3600) for line in process.stdout.readlines()]


def grows(file: Path) -> bool:
    before = file.stat().st_size
    time.sleep(0.3)
    return file.stat().st_size > before


def test_what_is_killed_is_dead_and_started_again(writer: "subprocess.Popen[str]") -> None:
    world = strike(Fault.KILL, writer, 1)

    assert writer.wait(5) == -signal.SIGKILL
    assert world.revived == [Victim.SERVICE]


def test_what_was_stopped_goes_on(writer: "subprocess.Popen[str]", tmp_path: Path) -> None:
    began = time.monotonic()

    strike(Fault.STOP, writer, 0.5)

    assert time.monotonic() - began >= 0.5
    assert grows(tmp_path / "file")


def test_what_is_slow_runs_a_quarter_of_the_time(
    writer: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    file = tmp_path / "file"
    before = file.stat().st_size
    time.sleep(2)
    usual = file.stat().st_size - before

    strike(Fault.SLOW, writer, 2)

    assert 0 < file.stat().st_size - before - usual < usual * 0.6
    assert grows(file)


def test_what_ends_while_it_is_slow_was_struck() -> None:
    found = iter([set[psutil.Process]()])

    def members(victim: Victim, task: TaskRun | None) -> set[psutil.Process]:
        try:
            return next(found)
        except StopIteration:
            raise Gone("it has ended") from None

    world = SimpleNamespace(members=members)
    cell = Cell(Fault.SLOW, Victim.CHILD, Moment.GATE)

    Strike(0.1).carry_out(world, cell, None)  # type: ignore[arg-type]

    with pytest.raises(Gone):  # before the first blow
        Strike(0.1).carry_out(world, cell, None)  # type: ignore[arg-type]


def test_what_has_no_room_is_told_so_and_has_it_again(
    writer: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    strike(Fault.FULL, writer, 0.5)

    assert grows(tmp_path / "file")
    writer.kill()
    assert writer.stdout is not None
    assert "File too large" in writer.stdout.read()


@pytest.mark.parametrize(("fault", "hours"), [(Fault.AHEAD, 1), (Fault.BACK, -1)])
def test_a_clock_leaps_and_comes_back(tmp_path: Path, fault: Fault, hours: int) -> None:
    clock = Clock.build(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", SAYS], env=os.environ | clock.variables,
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        time.sleep(0.5)

        strike(fault, process, 0.3, clock)

        time.sleep(0.3)
        said = hours_of(process)
    assert [hour for hour, _ in groupby(said)] == [0, hours, 0]
