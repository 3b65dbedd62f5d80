"""Services as processes: each in a session of its own, found again by its pid file.

Usage::

    service = Service("mlflow", ("mlflow", "server"))
    start(service, layout, environment)
    running(layout, "mlflow")   # its pid, or None
    stop(layout, ["mlflow"])
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from evergreen.settings import PROJECT
from evergreen_workshop.stack.layout import Layout, open_private

LOG_LIMIT = 20_000_000
"""A log that grew past this many bytes is put aside (as `.old`) when its service starts."""


OURS_ALONE = 0o077
"""The umask of services: what they write is for their owner's eyes."""

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Where Linux names each start of the machine."""

_started: list[subprocess.Popen[bytes]] = []
"""What this process has started and left running."""


@dataclass(frozen=True)
class Service:
    """A program that runs until it is stopped."""

    name: str
    command: tuple[str, ...]


def start(service: Service, layout: Layout, environment: Mapping[str, str]) -> int:
    """Start the service in a session of its own and return its pid; harmless when it runs.

    What one that died has left running is ended first: it would hold on to locks and ports.
    """
    pid = running(layout, service.name)
    if pid is not None:
        return pid
    kill(orphans(layout, service.name))
    _take_notice()
    log = layout.log(service.name)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".old"))
    with open_private(log) as stream:
        process = subprocess.Popen(
            service.command, env=dict(environment), cwd=PROJECT, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, umask=OURS_ALONE,
        )  # fmt: skip
    _started.append(process)
    known = {"pid": process.pid} | _birth(psutil.Process(process.pid))
    layout.pid(service.name).write_text(json.dumps(known))
    return process.pid


def running(layout: Layout, name: str) -> int | None:
    """Return the pid of the service, or None when it does not run.

    A pid that another program has got since is told apart by its time of birth.
    """
    known = _known(layout, name)
    try:
        process = psutil.Process(known["pid"]) if known else None
        if process is None or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.pid if _is_of(known, process) else None
    except psutil.NoSuchProcess:
        return None


def _is_of(known: Mapping[str, Any], process: psutil.Process) -> bool:
    """Tell whether a pid file is of this process, and of none that had its pid before."""
    if "boot" not in known:  # of a version that went by the time of day
        return bool(abs(process.create_time() - known["born"]) < 1)
    birth = _birth(process)
    since = abs(birth["since_boot"] - known["since_boot"])
    return bool(birth["boot"] == known["boot"] and since < 1)


def _birth(process: psutil.Process) -> dict[str, Any]:
    """Return when a process was born, so that no step of the machine's clock moves it."""
    boot = BOOT.read_text().strip() if BOOT.exists() else ""
    return {"boot": boot, "since_boot": process.create_time() - psutil.boot_time()}


def born(layout: Layout, name: str) -> float | None:
    """Return when the running service was started, in seconds since 1970 of the clock of now."""
    pid = running(layout, name)
    return float(psutil.Process(pid).create_time()) if pid else None


def variables(layout: Layout, name: str) -> dict[str, str]:
    """Return what the service was started with; nothing when it does not run."""
    pid = running(layout, name)
    return dict(psutil.Process(pid).environ()) if pid else {}


def _known(layout: Layout, name: str) -> dict[str, Any]:
    """Return what the pid file holds; nothing when there is none, or half of one."""
    try:
        return dict(json.loads(layout.pid(name).read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def stop(layout: Layout, names: Iterable[str], grace: float = 20) -> None:
    """Ask the services and their children to end, and kill what is left after `grace` seconds."""
    names = list(names)
    leaders = [pid for name in names if (pid := running(layout, name)) is not None]
    members = {member for pid in leaders for member in family(pid)}
    for pid in leaders:
        os.killpg(pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(members, timeout=grace)
    left = {orphan for name in names for orphan in orphans(layout, name)}
    kill({*alive, *left, *(member for pid in leaders for member in session(pid))})
    for name in names:
        layout.pid(name).unlink(missing_ok=True)
    _take_notice()


def _take_notice() -> None:
    """Let go of what has ended: until its parent takes notice, it is a zombie."""
    _started[:] = [process for process in _started if process.poll() is None]


def family(pid: int) -> set[psutil.Process]:
    """Return the process, its descendants and whatever else is in its session."""
    try:
        leader = psutil.Process(pid)
        return {leader, *leader.children(recursive=True), *session(pid)}
    except psutil.NoSuchProcess:
        return session(pid)


def orphans(layout: Layout, name: str) -> set[psutil.Process]:
    """Return what a service that is dead has left running, as workers that it forked.

    They are still in its session, and as long as one of them lives its pid goes to nobody else.
    """
    known = _known(layout, name)
    if not known or running(layout, name) is not None or _is_taken(known):
        return set()
    return {member for member in session(known["pid"]) if _is_alive(member)}


def _is_taken(known: Mapping[str, Any]) -> bool:
    """Tell whether a program of another birth has the pid."""
    try:
        return not _is_of(known, psutil.Process(known["pid"]))
    except psutil.NoSuchProcess:
        return False


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def session(leader: int) -> set[psutil.Process]:
    """Return the processes of a session; it may have outlived its leader."""
    return {process for process in psutil.process_iter() if _session_of(process.pid) == leader}


def kill(processes: Iterable[psutil.Process], timeout: float = 10) -> None:
    """End the processes at once and wait until they are gone."""
    processes = list(processes)
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=timeout)


def wait(processes: Iterable[psutil.Process], timeout: float = 10) -> list[psutil.Process]:
    """Wait until the processes have ended, whether anybody has taken notice of it or not.

    Those that are left after `timeout` seconds are returned.
    """
    left, end = list(processes), time.monotonic() + timeout
    while (left := [one for one in left if _is_alive(one)]) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None
