"""The embedded PostgreSQL, also where its own user cannot reach the virtual environment."""

import contextlib
import os
from pathlib import Path

import psycopg2
import pytest

from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for the server")
def test_starts_where_its_user_can_reach_neither_home_nor_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddedPostgres, "_reachable", lambda *_: False)
    server = EmbeddedPostgres(tmp_path, free_port())

    try:
        server.start()
        with contextlib.closing(psycopg2.connect(server.url())) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 6 * 7")
            answer = cursor.fetchone()
    finally:
        server.destroy()

    assert answer == (42,)
    assert not server.data.exists()
