"""Processes that load the clock live at its time, all of them and at once; others do not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from evergreen.errors import StackError
from evergreen_workshop.stack.clock import Clock
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import Stack
from evergreen_workshop.stack.progress import Progress

HOURS, SOON = timedelta(hours=20), timedelta(seconds=30)
TALKS = """
import sys, time
from datetime import datetime, UTC
from multiprocessing import Semaphore
for line in sys.stdin:
    began = time.monotonic()
    time.sleep(0.1)
    Semaphore(0).acquire(timeout=0.1)
    print(datetime.now(UTC).isoformat(), time.time(), time.monotonic() - began, flush=True)
"""


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock.build(tmp_path)


@pytest.fixture
def process(clock: Clock) -> Iterator["subprocess.Popen[str]"]:
    """A process that says its time for each line that it gets, after waiting for a while."""
    with subprocess.Popen(
        [sys.executable, "-c", TALKS], env=os.environ | clock.variables, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as started:  # fmt: skip
        yield started
        started.kill()


def asked(process: "subprocess.Popen[str]") -> tuple[datetime, datetime, float]:
    """Return its time of day, told in two ways, and for how many seconds it has waited."""
    assert process.stdin and process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    day, seconds, waited = process.stdout.readline().split()
    return datetime.fromisoformat(day), datetime.fromtimestamp(float(seconds), UTC), float(waited)


def test_a_process_that_runs_is_moved_ahead_and_back_and_waits_as_long_as_ever(
    clock: Clock, process: "subprocess.Popen[str]"
) -> None:
    for ahead in (timedelta(), HOURS, timedelta()):
        clock.move(ahead)
        told, counted, waited = asked(process)

        for moment in (told, counted):
            assert abs(moment - datetime.now(UTC) - ahead) < SOON
        assert 0.2 <= waited < SOON.seconds


@pytest.mark.parametrize("by", [HOURS, -HOURS])
def test_one_process_alone_is_moved_ahead_or_back_and_put_right_again(
    clock: Clock, process: "subprocess.Popen[str]", by: timedelta
) -> None:
    clock.move(HOURS)

    with clock.moved_for(process.pid, by):
        alone, _, waited = asked(process)
    with clock.moved_for(os.getpid(), by):
        as_others, *_ = asked(process)
    again, *_ = asked(process)

    assert abs(alone - datetime.now(UTC) - HOURS - by) < SOON
    for moment in (as_others, again):
        assert abs(moment - datetime.now(UTC) - HOURS) < SOON
    assert 0.2 <= waited < SOON.seconds


def test_it_can_be_a_moment_to_come_and_no_past_one(
    clock: Clock, process: "subprocess.Popen[str]"
) -> None:
    midnight = (datetime.now(UTC) + timedelta(days=3)).replace(hour=0, minute=0, second=0)
    clock.move_to(midnight)

    assert timedelta() <= asked(process)[0] - midnight + timedelta(seconds=1) < SOON
    with pytest.raises(StackError, match="past"):
        clock.move_to(datetime.now(UTC) - timedelta(days=1))


def test_without_its_file_a_process_ends_and_does_not_live_at_the_wrong_time(clock: Clock) -> None:
    clock.file.unlink()

    ended = subprocess.run(
        [sys.executable, "-V"], env=clock.variables, capture_output=True, text=True
    )

    assert ended.returncode == 127
    assert "No such file" in ended.stderr


def test_a_process_knows_whether_it_has_such_a_clock(clock: Clock) -> None:
    assert Clock.of(os.environ | clock.variables) == clock
    assert Clock.of({"PATH": "/bin"}) is None


def test_the_tasks_of_a_stack_load_the_clock_that_was_built_for_it(tmp_path: Path) -> None:
    stack = Stack(Layout(tmp_path), Progress(Console(quiet=True)))
    without = stack.variables_of("scheduler", {})

    clock = Clock.build(stack.layout.clock)

    assert without == {}
    assert stack.variables_of("scheduler", {}) == clock.variables
    assert stack.variables_of("serve", {}) == {}


def test_what_has_no_compiler_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StackError, match="apt install gcc"):
        Clock.build(tmp_path)
