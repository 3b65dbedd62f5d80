"""Which port each service listens on."""

import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from evergreen.errors import SettingError, StackError


@dataclass(frozen=True)
class Port:
    """A port of the stack, and the setting that fixes it."""

    service: str
    setting: str
    default: int

    def choose(
        self,
        explicit: Mapping[str, str],
        remembered: Mapping[str, str],
        others: Collection[int] = (),
    ) -> int:
        """Return the port: as set, else the one of last time or the default, else a free one.

        `others` are those of the services that have theirs already.

        Raises:
            SettingError: the setting is no port.
            StackError: the port was set explicitly and is taken.
        """
        if self.setting in explicit:
            return self._explicit(explicit[self.setting])
        for port in (int(remembered.get(self.setting, self.default)), self.default):
            if port not in others and is_free(port):
                return port
        return free_port(others)

    def _explicit(self, value: str) -> int:
        if not (value.isdigit() and 0 < int(value) < 65536):
            raise SettingError(f"{self.setting} is {value!r}; allowed: a port from 1 to 65535")
        if not is_free(int(value)):
            raise StackError(
                f"port {value} for {self.service} is taken by another program:"
                f" set {self.setting} to a free port, or unset it and one will be found"
            )
        return int(value)


PORTS = (
    Port("PostgreSQL", "EVERGREEN_POSTGRES_PORT", 54320),
    Port("MLflow", "EVERGREEN_MLFLOW_PORT", 5000),
    Port("the Airflow UI", "EVERGREEN_UI_PORT", 8080),
    Port("the prediction service", "EVERGREEN_SERVE_PORT", 8100),
)


def is_free(port: int) -> bool:
    """Tell whether nobody listens on that loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(others: Collection[int] = ()) -> int:
    """Return a loopback port that nobody listens on, and none of `others`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return free_port(others) if port in others else port


def refuse_shared(explicit: Mapping[str, str]) -> None:
    """Refuse two settings of one port.

    Raises:
        StackError: there are.
    """
    taken: dict[str, str] = {}
    for setting in (port.setting for port in PORTS if port.setting in explicit):
        first = taken.setdefault(explicit[setting], setting)
        if first != setting:
            raise StackError(
                f"{first} and {setting} are both {explicit[setting]}: set one to another port"
            )
