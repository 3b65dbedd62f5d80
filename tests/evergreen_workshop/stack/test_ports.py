import io
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from evergreen.errors import SettingError, StackError
from evergreen_workshop.stack import local
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.ports import PORTS, Port, free_port, is_free, refuse_shared
from evergreen_workshop.stack.progress import Progress


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


def test_a_free_default_is_taken() -> None:
    default = free_port()

    chosen = Port("MLflow", "PORT", default).choose({}, {})

    assert chosen == default


def test_the_port_of_last_time_comes_before_the_default() -> None:
    last = free_port()

    chosen = Port("MLflow", "PORT", free_port()).choose({}, {"PORT": str(last)})

    assert chosen == last


def test_another_free_port_is_found_when_the_default_is_taken(taken: int) -> None:
    chosen = Port("MLflow", "PORT", taken).choose({}, {})

    assert chosen != taken
    assert is_free(chosen)


def test_a_port_that_was_set_and_is_taken_is_an_error_that_names_the_setting(taken: int) -> None:
    port = Port("MLflow", "EVERGREEN_MLFLOW_PORT", 5000)

    with pytest.raises(StackError, match=rf"port {taken} for MLflow .*EVERGREEN_MLFLOW_PORT"):
        port.choose({"EVERGREEN_MLFLOW_PORT": str(taken)}, {})


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1", "80.5"])
def test_a_setting_that_is_no_port_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match=r"PORT is .*allowed"):
        Port("MLflow", "PORT", 5000).choose({"PORT": value}, {})


def test_services_have_ports_of_their_own() -> None:
    assert len({port.default for port in PORTS}) == len({port.setting for port in PORTS}) == 4


def test_a_service_leaves_the_port_that_is_set_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {port.setting: free_port() for port in PORTS}
    monkeypatch.setattr(
        local, "PORTS", [replace(port, default=ours[port.setting]) for port in PORTS]
    )
    for name in (*ours, "EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EVERGREEN_SERVE_PORT", str(ours["EVERGREEN_UI_PORT"]))
    stack = local.Stack(Layout(tmp_path), Progress(Console(file=io.StringIO())))
    stack.layout.create()

    env = stack._settle()

    assert env["EVERGREEN_SERVE_PORT"] == str(ours["EVERGREEN_UI_PORT"])
    assert len({env[setting] for setting in ours}) == len(PORTS)


def test_one_port_for_two_services_is_refused() -> None:
    with pytest.raises(StackError, match=r"EVERGREEN_MLFLOW_PORT and EVERGREEN_UI_PORT are both 9"):
        refuse_shared({"EVERGREEN_MLFLOW_PORT": "9", "EVERGREEN_UI_PORT": "9"})
