"""Two nodes of Ray, on loopback or on two hosts, with what listens to clients."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from evergreen_workshop.stack.ports import free_port
from hosts import Host
from waiting import eventually

HERE = "127.0.0.1"
TRIES = 3
"""Ray gives a node half a minute to start, however busy the machine is."""
PATIENT = {
    "PYTHONPATH": str(Path(__file__).parent),
    "RAY_USAGE_STATS_ENABLED": "0",
    "GRPC_ENABLE_FORK_SUPPORT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "180",
    "RAY_agent_register_timeout_ms": "180000",
    "RAY_worker_register_timeout_seconds": "180",
}


LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Else its client server takes the network's address."""


@dataclass(frozen=True)
class TwoNodes:
    """A cluster, and where it is."""

    cluster: Any
    address: str
    """As EVERGREEN_COMPUTE names it."""
    node: Any
    """The second one."""


@contextmanager
def two_nodes() -> Iterator[TwoNodes]:
    """Start them; nothing is left of them in the end."""
    with _patient(LOOPBACK):
        from ray.cluster_utils import Cluster

        cluster, port = Cluster(shutdown_at_exit=False), free_port()
        try:
            _add(cluster, ray_client_server_port=port)
            node = _add(cluster)
            _connect(f"ray://{HERE}:{port}")
            yield TwoNodes(cluster, f"ray://{HERE}:{port}", node)
        finally:
            cluster.shutdown()


@contextmanager
def two_hosts(far: Host) -> Iterator[str]:
    """Start a node here and one on another host; yield the address for EVERGREEN_COMPUTE."""
    ray = str(Path(sys.executable).with_name("ray"))
    each = ("--num-cpus=1", "--object-store-memory=100000000", "--block", "--node-ip-address")
    head, clients = free_port(), free_port()
    here = (ray, "start", "--head", f"--port={head}", f"--ray-client-server-port={clients}",
            "--include-dashboard=false", *each, far.here)  # fmt: skip
    there = far.command(ray, "start", f"--address={far.here}:{head}", *each, far.there)
    address = f"ray://{far.here}:{clients}"
    with _patient(), ExitStack() as ending:
        for command in (here, there):
            node = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ending.callback(node.wait)
            ending.callback(node.terminate)
            eventually(lambda: _reached(far.here, head), "the head", 120)
        _connect(address)
        yield address


@contextmanager
def _patient(more: Mapping[str, str] = {}) -> Iterator[None]:
    """Let Ray take its time, and nobody else in; nothing that is started is left in the end."""
    asked = {**PATIENT, **more}
    before = {name: os.environ.get(name) for name in asked}
    os.environ.update(asked)
    running = _children()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    gone, left = psutil.wait_procs(_children() - running, timeout=60)
    assert not left, f"{left} are left, {len(gone)} went"


def _reached(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def listening() -> list[tuple[str, int, str]]:
    """Return where children of this process listen: address, port, name."""
    return [
        (one.laddr.ip.removeprefix("::ffff:"), one.laddr.port, process.name())
        for process in _children()
        for one in _sockets(process)
        if one.status == psutil.CONN_LISTEN
    ]


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _sockets(process: psutil.Process) -> Any:
    try:
        return process.net_connections("inet")
    except psutil.NoSuchProcess:
        return []


def _add(cluster: Any, **more: Any) -> Any:
    asked = {
        "node_ip_address": HERE, "num_cpus": 1, "include_dashboard": False,
        "object_store_memory": 100_000_000,
    }  # fmt: skip
    return patiently(lambda: cluster.add_node(**asked, **more))


def _connect(address: str) -> None:
    """Come as the first client, whose imports take longest."""
    import ray

    patiently(lambda: ray.init(address))
    ray.shutdown()


def patiently(begin: Callable[[], Any]) -> Any:
    """Begin, and again: on a busy machine Ray's own patience ends before it is ready."""
    for tries_left in reversed(range(TRIES)):
        try:
            return begin()
        except Exception:
            if not tries_left:
                raise
    return None
