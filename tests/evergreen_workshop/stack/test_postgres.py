"""The embedded PostgreSQL, also where its own user cannot reach the virtual environment."""

import contextlib
import os
from functools import partial
from pathlib import Path

import psutil
import psycopg2
import pytest

from evergreen.errors import StackError
from evergreen_workshop.stack import processes
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres


def answer_of(server: EmbeddedPostgres, question: str) -> object:
    """Start a server, ask it, and leave nothing of it."""
    try:
        server.start()
        with contextlib.closing(psycopg2.connect(server.url())) as connection:
            cursor = connection.cursor()
            cursor.execute(question)
            return cursor.fetchone()
    finally:
        server.destroy()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for the server")
def test_starts_where_its_user_can_reach_neither_home_nor_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddedPostgres, "_reachable", lambda *_: False)
    server = EmbeddedPostgres(tmp_path, free_port())

    assert answer_of(server, "SELECT 6 * 7") == (42,)
    assert not server.data.exists()


@pytest.mark.parametrize("name", ["my state", "a" * 120, "it's $HOME"])
def test_starts_whatever_its_home_is_called(tmp_path: Path, name: str) -> None:
    server = EmbeddedPostgres(tmp_path / name, free_port(), options=("search_path=public, extra",))

    assert answer_of(server, "SHOW search_path") == ("public, extra",)


def stopping(server: EmbeddedPostgres, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `pg_ctl` stop it with another option than to wait."""
    real = server._run
    monkeypatch.setattr(
        server, "_run", lambda *said: real(*(option if one == "-w" else one for one in said))
    )


def test_nothing_of_it_is_left_when_it_is_said_to_have_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedPostgres(tmp_path, free_port())
    server.start()
    assert server.pid is not None
    members = processes.family(server.pid)
    stopping(server, "-W", monkeypatch)  # as if it said so long before

    try:
        server.stop()
        left = [one for one in members if processes._is_alive(one)]
    finally:
        monkeypatch.undo()
        server.destroy()

    assert len(members) > 3
    assert left == []


def test_a_process_that_outlives_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedPostgres(tmp_path, free_port())
    server.start()
    assert server.pid is not None
    stays = psutil.Process(server.pid).children()[0]
    stopping(server, "-W", monkeypatch)
    monkeypatch.setattr(processes, "wait", partial(processes.wait, timeout=0.5))
    stays.suspend()

    try:
        with pytest.raises(StackError, match=rf"there still are .*\b{stays.pid}\b"):
            server.destroy()
        assert server.data.exists()
    finally:
        stays.resume()
        monkeypatch.undo()
        server.destroy()


def test_a_server_that_goes_on_is_told_and_keeps_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedPostgres(tmp_path, free_port())
    server.start()
    stopping(server, "--no-such-option", monkeypatch)

    try:
        with pytest.raises(StackError, match=r"PostgreSQL does not stop: .*no-such-option"):
            server.destroy()
        assert server.data.exists()
    finally:
        monkeypatch.undo()
        server.destroy()
