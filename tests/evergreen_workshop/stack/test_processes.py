import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from evergreen_workshop.stack import processes
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.processes import Service

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True);"
    "time.sleep(600)",
)
PARENT = (
    sys.executable,
    "-c",
    "import os, subprocess, sys, time;"
    "child = 'import os, time; os.setpgid(0, 0); time.sleep(600)';"
    "subprocess.Popen([sys.executable, '-c', child]);"
    "print('up', flush=True); time.sleep(600)",
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.create()
    return layout


def start(layout: Layout, command: tuple[str, ...]) -> int:
    return processes.start(Service("it", command), layout, os.environ)


def wait_for_log(layout: Layout, text: str) -> None:
    while text not in layout.log("it").read_text():
        time.sleep(0.02)


def test_a_service_runs_in_a_session_of_its_own_until_it_is_stopped(layout: Layout) -> None:
    pid = start(layout, SLEEP)

    assert processes.running(layout, "it") == pid == os.getsid(pid)

    processes.stop(layout, ["it"])

    assert processes.running(layout, "it") is None
    assert not psutil.pid_exists(pid)
    assert not layout.pid("it").exists()


def test_starting_twice_starts_once(layout: Layout) -> None:
    first = start(layout, SLEEP)

    second = start(layout, SLEEP)

    assert first == second
    processes.stop(layout, ["it"])


def test_a_service_that_ignores_the_request_to_end_is_killed(layout: Layout) -> None:
    pid = start(layout, STUBBORN)
    wait_for_log(layout, "up")

    processes.stop(layout, ["it"], grace=0.3)

    assert not psutil.pid_exists(pid)


def test_no_zombie_is_left_of_one_that_was_killed_and_is_started_again(layout: Layout) -> None:
    killed = start(layout, SLEEP)
    os.kill(killed, signal.SIGKILL)
    while psutil.Process(killed).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.02)

    start(layout, SLEEP)

    assert not psutil.pid_exists(killed)
    processes.stop(layout, ["it"])
    assert processes._started == []  # Python would warn of it as it ends


def test_a_child_in_a_process_group_of_its_own_is_stopped_too(layout: Layout) -> None:
    pid = start(layout, PARENT)
    wait_for_log(layout, "up")
    while not (children := psutil.Process(pid).children()):
        time.sleep(0.02)

    processes.stop(layout, ["it"], grace=0.5)

    assert not any(child.is_running() for child in children)


def test_a_child_that_outlives_its_killed_parent_is_still_found_by_its_session(
    layout: Layout,
) -> None:
    pid = start(layout, PARENT)
    wait_for_log(layout, "up")
    psutil.Process(pid).kill()

    left = processes.session(pid)
    processes.kill(left)

    assert left
    assert not processes.session(pid)


def test_what_a_dead_service_has_left_is_ended_before_it_starts_again(layout: Layout) -> None:
    left = widowed(layout)

    pid = start(layout, SLEEP)

    assert not any(child.is_running() for child in left)
    assert processes.running(layout, "it") == pid
    processes.stop(layout, ["it"])


def test_what_a_dead_service_has_left_is_stopped_with_it(layout: Layout) -> None:
    left = widowed(layout)

    processes.stop(layout, ["it"])

    assert not any(child.is_running() for child in left)


def widowed(layout: Layout) -> set[psutil.Process]:
    """The children of a service that was killed."""
    pid = start(layout, PARENT)
    wait_for_log(layout, "up")
    while not psutil.Process(pid).children():
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    while processes.running(layout, "it"):
        time.sleep(0.02)
    left = processes.orphans(layout, "it")
    assert left
    return left


def test_what_runs_in_the_session_of_another_program_is_nobodys_orphan(layout: Layout) -> None:
    other = subprocess.Popen(SLEEP, start_new_session=True)
    layout.pid("it").write_text(f'{{"pid": {other.pid}, "born": 1.0}}')

    assert processes.session(other.pid)
    assert processes.orphans(layout, "it") == set()
    other.kill()
    other.wait()


def test_a_pid_that_another_program_has_got_is_not_ours(layout: Layout) -> None:
    me = os.getpid()
    layout.pid("it").write_text(f'{{"pid": {me}, "born": 1.0}}')

    processes.stop(layout, ["it"])

    assert processes.running(layout, "it") is None
    assert psutil.pid_exists(me)


def test_a_step_of_the_machines_clock_does_not_hide_what_runs(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = start(layout, SLEEP)
    set_clock(monkeypatch, ahead=3600.0)

    assert processes.running(layout, "it") == pid
    born = processes.born(layout, "it")
    assert born == pytest.approx(time.time() + 3600, abs=60)

    processes.stop(layout, ["it"])

    assert not psutil.pid_exists(pid)


def test_a_pid_that_was_ours_before_the_machine_was_started_again_is_not_ours(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid = start(layout, SLEEP)
    (other := tmp_path / "boot_id").write_text("another\n")

    with monkeypatch.context() as patched:
        patched.setattr(processes, "BOOT", other)
        assert processes.running(layout, "it") is None

    assert processes.running(layout, "it") == pid
    processes.stop(layout, ["it"])


def set_clock(monkeypatch: pytest.MonkeyPatch, ahead: float) -> None:
    """Let psutil see what Linux tells after the clock was set: it moves the start of the machine.

    A process' own time of birth is told since then, so all of them move with it.
    """
    born, booted = psutil.Process.create_time, psutil.boot_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda one: born(one) + ahead)
    monkeypatch.setattr(psutil, "boot_time", lambda: booted() + ahead)


def test_what_a_version_has_started_that_went_by_the_time_of_day_is_found(layout: Layout) -> None:
    pid = start(layout, SLEEP)
    born = psutil.Process(pid).create_time()
    layout.pid("it").write_text(f'{{"pid": {pid}, "born": {born}}}')

    assert processes.running(layout, "it") == pid
    processes.stop(layout, ["it"])


def test_a_stale_pid_file_does_not_count(layout: Layout) -> None:
    pid = start(layout, SLEEP)
    psutil.Process(pid).kill()
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [])

    assert processes.running(layout, "it") is None


def test_a_log_that_grew_too_large_is_put_aside(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT", 3)
    layout.log("it").write_text("long")

    start(layout, SLEEP)

    assert layout.log("it").with_suffix(".old").read_text() == "long"
    processes.stop(layout, ["it"])
