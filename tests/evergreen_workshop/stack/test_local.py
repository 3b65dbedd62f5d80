"""The real services, without demo data and DAGs: started, killed, recovered, stopped."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import psycopg2
import pytest
from rich.console import Console

from evergreen.settings import PROJECT
from evergreen_workshop.stack import processes
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import SERVICES, Stack, service_url
from evergreen_workshop.stack.ports import free_port, is_free
from evergreen_workshop.stack.progress import Progress

pytestmark = pytest.mark.end_to_end

USER_SETTINGS = ("EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI", "EVERGREEN_HOME")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up, on ports of its own."""
    folder = tmp_path_factory.mktemp("stack")
    (folder / "dags").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in USER_SETTINGS:
            patch.delenv(name, raising=False)
        for name in ("UI", "MLFLOW", "POSTGRES", "SERVE"):
            patch.setenv(f"EVERGREEN_{name}_PORT", str(free_port()))
        patch.setenv("EVERGREEN_DAGS_DIR", str(folder / "dags"))
        with (folder / "told").open("w") as told:
            stack = Stack(Layout(folder / "home"), Progress(Console(file=told)))
            try:
                stack.up()
                yield stack
            finally:
                stack.clean()


def told(stack: Stack) -> str:
    stack.progress.console.file.flush()
    return (stack.layout.home.parent / "told").read_text()


def everything(stack: Stack) -> set[psutil.Process]:
    """All processes of the stack, by the sessions of its services."""
    leaders = [status.pid for status in stack.status() if status.pid]
    return {member for leader in leaders for member in processes.family(leader)}


def is_alive(process: psutil.Process) -> bool:
    """Zombies are gone: they only wait for the system's init to notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_every_service_is_well(stack: Stack) -> None:
    health = {status.name: status.health for status in stack.status()}

    assert health == dict.fromkeys(("postgres", *SERVICES), "healthy")


def test_nobody_gets_in_without_the_login(stack: Stack) -> None:
    url = stack.environment["EVERGREEN_UI_URL"]

    anonymous = httpx.get(f"{url}/api/v2/dags")
    guessed = httpx.post(f"{url}/auth/token", json={"username": "admin", "password": "admin"})

    assert anonymous.status_code == 401
    assert guessed.status_code == 401
    assert stack.airflow.dag("no_such_dag") is None  # the login that was made works


def test_the_service_answers_and_shows_its_documents(stack: Stack) -> None:
    url = service_url(stack.environment)

    ready, page = httpx.get(f"{url}/ready").json(), httpx.get(f"{url}/docs")

    assert ready["status"] == "ready"
    assert "swagger" in page.text
    assert "GET" not in stack.log("serve").read_text()  # a line for each request would fill it


def test_secrets_are_in_files_for_their_owner_and_in_no_command_line(stack: Stack) -> None:
    secrets = {
        value
        for name, value in stack.environment.items()
        if name.endswith(("_KEY", "_SECRET", "_PASSWORD")) or "://evergreen:" in value
    }
    lines = [" ".join(process.cmdline()) for process in everything(stack)]

    assert secrets
    assert not [line for line in lines if any(secret in line for secret in secrets)]
    for file in (stack.layout.environment, stack.layout.login, stack.layout.passwords):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_the_services_write_is_for_their_owner_only(stack: Stack) -> None:
    folders = {path for path in stack.layout.home.iterdir() if path.is_dir()}
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folders - {stack.layout.postgres}}
    logs = {stat.S_IMODE(log.stat().st_mode) for log in (stack.layout.home / "logs").iterdir()}

    assert modes == dict.fromkeys(modes, 0o700)
    assert logs == {0o600}


@pytest.mark.parametrize("name", ["mlflow", "serve"])
def test_what_reads_the_models_of_others_has_no_secret_of_airflows(stack: Stack, name: str) -> None:
    pid = processes.running(stack.layout, name)
    assert pid is not None

    inherited = psutil.Process(pid).environ()

    assert not [key for key in inherited if key.startswith("AIRFLOW__")]


def test_services_listen_on_loopback_only(stack: Stack) -> None:
    addresses = {
        connection.laddr.ip
        for process in everything(stack)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }

    assert addresses == {"127.0.0.1"}


def test_up_again_starts_nothing_and_says_so(stack: Stack) -> None:
    before = [status.pid for status in stack.status()]

    stack.up()

    assert [status.pid for status in stack.status()] == before
    for name in ("PostgreSQL", *SERVICES):
        assert f"✓ {name} runs already" in told(stack)


def test_up_ends_what_a_killed_scheduler_left_with_its_locks(stack: Stack) -> None:
    scheduler = processes.running(stack.layout, "scheduler")
    assert scheduler is not None
    os.kill(scheduler, signal.SIGKILL)
    while processes.running(stack.layout, "scheduler"):
        time.sleep(0.05)
    workers = processes.orphans(stack.layout, "scheduler")

    stack.up()

    assert workers  # the executor's, with the connections of the dead one
    assert not [process for process in workers if is_alive(process)]
    assert f"scheduler died: ending {len(workers)} processes that it left" in told(stack)
    assert all(status.health == "healthy" for status in stack.status())


def test_a_session_of_airflow_that_idles_in_a_transaction_is_ended(stack: Stack) -> None:
    url = stack.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("2min",)


def test_up_recovers_after_everything_was_killed(stack: Stack) -> None:
    with psycopg2.connect(stack.environment["EVERGREEN_DATABASE_URL"]) as connection:
        connection.cursor().execute("CREATE TABLE kept AS SELECT 42 AS answer")
    connection.close()
    environment = stack.environment
    processes.kill(everything(stack))
    assert not any(status.running for status in stack.status())

    stack.up()

    assert all(status.health == "healthy" for status in stack.status())
    assert stack.environment == environment
    with psycopg2.connect(environment["EVERGREEN_DATABASE_URL"]) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT answer FROM kept")
        assert cursor.fetchone() == (42,)
    connection.close()


def test_status_tells_a_script(stack: Stack) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "evergreen_workshop.stack", "status", "--json"], check=False,
        env=os.environ | {"EVERGREEN_HOME": str(stack.layout.home)}, capture_output=True, text=True,
        cwd=PROJECT,
    )  # fmt: skip

    assert answer.returncode == 0, answer.stderr
    assert '"name": "scheduler", "running": true' in answer.stdout


def test_down_leaves_no_process_and_keeps_the_data(stack: Stack) -> None:
    members = everything(stack)

    stack.down()

    assert members
    assert not [process for process in members if is_alive(process)]
    assert {status.health for status in stack.status()} == {"stopped"}
    assert (stack.postgres.data / "PG_VERSION").exists()


def test_a_port_that_was_set_and_is_taken_stops_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in USER_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setenv("EVERGREEN_UI_PORT", str(server.getsockname()[1]))
        monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))

        answer = subprocess.run(
            [sys.executable, "-m", "evergreen_workshop.stack", "up"],
            check=False, capture_output=True, text=True, cwd=PROJECT,
        )  # fmt: skip

    assert answer.returncode == 1
    assert "EVERGREEN_UI_PORT" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "postgres" / "server").exists()


def test_clean_removes_everything(stack: Stack) -> None:
    data = stack.postgres.data
    ports = [
        int(stack.environment[f"EVERGREEN_{n}_PORT"]) for n in ("UI", "MLFLOW", "POSTGRES", "SERVE")
    ]

    stack.clean()

    assert not stack.layout.home.exists()
    assert not data.exists()
    assert all(map(is_free, ports))
