import socket
from collections.abc import Iterator

import pytest

from evergreen.errors import SettingError, StackError
from evergreen_workshop.stack.ports import PORTS, Port, free_port, is_free


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
