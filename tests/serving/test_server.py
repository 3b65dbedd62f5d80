"""The process itself: killed, and asked nonsense."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database import records_of
from evergreen.serving import server
from evergreen.serving.journal import Journal
from evergreen.settings import PROJECT
from evergreen_workshop.stack.ports import free_port
from serving.conftest import Client, Shop, eventually, rows_of
from serving.test_app import ROW

SERVE = "import runpy; runpy.run_module('evergreen.serving', run_name='__main__')"
"""As `python -m evergreen.serving`."""


@contextmanager
def started(
    shop: Shop, port: int, code: str = "", killed_by: int = signal.SIGKILL
) -> Iterator["subprocess.Popen[bytes]"]:
    """The service in a process of its own, after other code; ended by a signal."""
    env = os.environ | {
        "EVERGREEN_HOME": str(shop.settings.home),
        "EVERGREEN_DATABASE_URL": shop.settings.database_url,
        "MLFLOW_TRACKING_URI": shop.settings.tracking_uri,
        "EVERGREEN_SERVE_PORT": str(port),
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "include"), *sys.path]),
    }
    command = [sys.executable, "-c", f"{code}\n{SERVE}"]
    with (shop.settings.home / "serve.log").open("wb") as log:
        child = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    with child:
        try:
            yield child
        finally:
            child.send_signal(killed_by)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_what_a_killed_service_answered_is_on_record(shop: Shop) -> None:
    ref = shop.promote(shop.put("iris", "logistic"), 1)
    copy = shop.settings.home / "models" / ref.sha256
    copy.parent.mkdir()
    Path(ref.model_uri).rename(copy)
    port = free_port()
    with started(shop, port):
        eventually(lambda: answers(port), 60)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            ids = {client.post("/iris/predict", json={"row": ROW}).json()["id"] for _ in range(300)}

    heir = Journal(shop.settings.home / "spool", records_of(shop.settings))
    heir.start()
    assert heir.flush(10)
    heir.close()

    stored = rows_of(shop.settings.database_url, "SELECT id::text FROM evergreen.predictions")
    assert ids == {number for (number,) in stored}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NEAR = st.fixed_dictionaries(
    {"row": st.fixed_dictionaries({name: JSON | st.floats() for name in ROW})},
    optional={"subject": JSON, "rows": JSON, "id": JSON, "label": JSON},
)


def test_no_body_makes_the_service_fail(iris: Client) -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(["predict", "predict/batch", "feedback"]), NEAR | JSON, st.binary())
    def check(path: str, document: Any, junk: bytes) -> None:
        for content in (_dumps(document), junk):
            response = iris.post(f"/iris/{path}", content=content)

            assert response.status_code < 500
            assert response.status_code == 200 or response.json()["error"]["reason"]

    check()
    assert iris.get("/ready").json()["status"] == "ready"


def _dumps(document: Any) -> bytes:
    import json

    return json.dumps(document).encode()


@pytest.mark.parametrize("sent", [b"", b"POST /iris/predict HTT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_connections_that_never_finish_their_headers_are_closed(
    iris: Client, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.3)

    with socket.create_connection((iris.base_url.host, iris.base_url.port)) as waiting:
        waiting.sendall(sent)
        waiting.settimeout(60)
        rest = waiting.recv(1000)

    assert rest == b""
