"""Another machine, as far as a network can tell: a namespace with a name and a loopback of its own.

A cable leads from it to this machine, which it reaches at one address. What listens on 127.0.0.1
there is not what listens here.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools import tool

LOOPBACK = "127.0.0.1"
OF = "make test-workers"
"""What installs `ip` and `iptables`."""


@dataclass(frozen=True)
class Host:
    """A machine with a name, and the addresses of both ends of the cable."""

    name: str
    here: str
    there: str
    cable: str
    """The interface at this end."""

    def command(self, *command: str) -> tuple[str, ...]:
        """Return the command line that runs a command there, under one pid."""
        named = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name)
        return (str(tool("ip", of=OF)), "netns", "exec", self.name, *named, *command)

    def reaching(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the variables with the address of what is on this machine, as seen from there."""
        return {name: value.replace(LOOPBACK, self.here) for name, value in env.items()}


@contextmanager
def another_host() -> Iterator[Host]:
    """Yield another machine, which is gone in the end. Only root can make one."""
    numbers = (number % 250 for number in range(os.getpid(), os.getpid() + 250))
    number = next(one for one in numbers if not Path(f"/run/netns/eg-far-{one}").exists())
    net, cable = f"10.213.{number}", f"eg{number}-here"
    host = Host(f"eg-far-{number}", here=f"{net}.1", there=f"{net}.2", cable=cable)
    end = f"eg{number}-there"
    with ExitStack() as ending:
        _ip(f"netns add {host.name}")
        ending.callback(_ip, f"netns del {host.name}")  # the cable goes with it
        _ip(f"link add {cable} type veth peer name {end} netns {host.name}")
        _ip(f"addr add {host.here}/30 dev {cable}")
        _ip(f"link set {cable} up")
        _ip(f"-n {host.name} addr add {host.there}/30 dev {end}")
        _ip(f"-n {host.name} link set {end} up")
        _ip(f"-n {host.name} link set lo up")
        yield host


@contextmanager
def another_host_on_loopback() -> Iterator[Host]:
    """The same, and what it sends to this machine reaches what listens on loopback."""
    with another_host() as host, ExitStack() as ending:
        Path(f"/proc/sys/net/ipv4/conf/{host.cable}/route_localnet").write_text("1")
        for rule in (
            f"PREROUTING -i {host.cable} -p tcp -j DNAT --to-destination {LOOPBACK}",
            f"INPUT -i {host.cable} -p tcp -j SNAT --to-source {LOOPBACK}",
        ):
            _run("iptables", f"-t nat -A {rule}")
            ending.callback(_run, "iptables", f"-t nat -D {rule}")
        yield host


def _ip(said: str) -> None:
    _run("ip", said)


def _run(program: str, said: str) -> None:
    done = subprocess.run(
        [tool(program, of=OF), *said.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{program} {said}: {done.stderr}"
