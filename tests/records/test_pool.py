import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from database import query
from evergreen.records import pool as pools
from evergreen.records.pool import Pool
from evergreen_workshop.stack.clock import Clock

PID = "SELECT pg_backend_pid() AS pid"
CONNECTS = """
import sys
from evergreen.records.pool import connect
print("now", flush=True)
print(connect(sys.argv[1]).closed, flush=True)
"""


def backend(pool: Pool) -> int:
    with pool.transaction() as cursor:
        cursor.execute(PID)
        return cursor.fetchone()["pid"]


@pytest.fixture
def pool(database_url: str):
    pool = Pool(database_url)
    yield pool
    pool.close()


def test_hands_the_same_connection_to_the_next(pool: Pool):
    assert backend(pool) == backend(pool)


def test_two_at_once_have_two_connections(pool: Pool):
    with pool.transaction() as one:
        one.execute(PID)
        assert backend(pool) != one.fetchone()["pid"]


def test_keeps_a_few_connections_and_closes_the_others(database_url: str):
    pool, together = Pool(database_url, kept=2), threading.Barrier(5)

    def ask(_: int) -> None:
        with pool.transaction() as cursor:
            cursor.execute("SELECT 1")
            together.wait(10)

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(ask, range(5)))

    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'evergreen'"
    sql += " AND datname = current_database()"
    assert query(database_url, sql) == [(2,)]
    pool.close()
    assert query(database_url, sql) == [(0,)]


def test_replaces_a_connection_that_the_server_ended(pool: Pool, database_url: str):
    before = backend(pool)
    query(database_url, f"SELECT pg_terminate_backend({before}, 5000)")

    assert backend(pool) != before


def test_commits_what_succeeds_and_rolls_back_what_does_not(pool: Pool, database_url: str):
    with pool.transaction() as cursor:
        cursor.execute("CREATE TABLE public.kept (x int)")
    with pytest.raises(psycopg2.errors.DivisionByZero), pool.transaction() as cursor:
        cursor.execute("CREATE TABLE public.lost (x int)")
        cursor.execute("SELECT 1 / 0")

    found = query(database_url, "SELECT to_regclass('kept')::text, to_regclass('lost')::text")
    assert found == [("kept", None)]


def test_every_session_is_in_utc_and_finds_no_table_without_its_schema(
    pool: Pool, database_url: str, postgres
):
    query(database_url, "CREATE TABLE public.predictions (x int)")
    name = database_url.rpartition("/")[2]
    query(database_url, f"ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'")

    with pool.transaction() as cursor:
        cursor.execute("SHOW TimeZone")
        zone = cursor.fetchone()["TimeZone"]
        cursor.execute("SELECT to_regclass('predictions') AS found")
        assert (zone, cursor.fetchone()["found"]) == ("UTC", None)


def test_a_statement_that_takes_too_long_is_cut(database_url: str):
    pool = Pool(database_url, statement_seconds=0.05)

    with pytest.raises(psycopg2.errors.QueryCanceled), pool.transaction() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    pool.close()


def test_a_forked_child_opens_its_own_and_leaves_its_parents_open(pool: Pool):
    parents = backend(pool)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(backend(pool)).encode())
        pool.close()
        os._exit(0)  # as a forked worker does, without another word to the server

    os.waitpid(child, 0)

    assert int(os.read(reading, 20)) != parents
    assert backend(pool) == parents


def test_a_child_that_is_forked_while_a_thread_holds_the_mutex_does_not_wait(pool: Pool):
    with pool._mutex:
        child = os.fork()
        if child == 0:
            os._exit(0 if backend(pool) else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


@contextlib.contextmanager
def slow_way_to(url: str, pause: float) -> Iterator[str]:
    """Yield the URL of the same database by a way on which all that is said takes so long."""
    parts = urlsplit(url)

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with source, contextlib.suppress(OSError):
            while said := source.recv(65536):
                time.sleep(pause)
                target.sendall(said)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((parts.hostname, parts.port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        here = f"{parts.username}:{parts.password}@127.0.0.1:{listener.getsockname()[1]}"
        yield parts._replace(netloc=here).geturl()


def test_a_clock_that_leaps_ahead_as_it_connects_ends_no_patience(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock.build(tmp_path)
    with (
        slow_way_to(database_url, 0.1) as url,
        subprocess.Popen(
            [sys.executable, "-c", CONNECTS, url], env=os.environ | clock.variables,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        time.sleep(0.3)

        clock.move(timedelta(hours=1))

        assert process.communicate(timeout=60) == ("0\n", "")


def test_a_server_that_says_nothing_is_given_up_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()

        with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
            pools.connect(f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/x")

    assert 1.5 <= time.monotonic() - began < 10
