import errno
import json
import resource
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import aiohttp
import botocore.exceptions
import psycopg2
import pytest
import requests
from mlflow.exceptions import MlflowException

from answering import answering
from evergreen.errors import ChampionBusy, ModelRefused, NoRoom, Unreachable
from evergreen.learning import hiccups, tracking
from evergreen.settings import Settings
from evergreen_workshop.stack.ports import free_port


def answered(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


def wrapped(origin: Exception) -> Exception:
    """As MLflow tells what went wrong."""
    told = MlflowException("API request failed")
    told.__context__ = origin
    return told


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(), TimeoutError(), requests.ConnectionError(), requests.ReadTimeout(),
        psycopg2.OperationalError(), NoRoom(), ChampionBusy(), answered(503),
        wrapped(requests.ConnectionError()),
        wrapped(answered(500)), OSError(errno.ENOSPC, "No space left on device"),
        MlflowException("failures while downloading: [Errno 27] File too large"),
        OSError(errno.EBUSY, "Please reduce your request rate"),  # s3fs of SlowDown
        OSError(errno.EREMOTEIO, "InternalError"), aiohttp.ClientPayloadError(),
        botocore.exceptions.EndpointConnectionError(endpoint_url="http://s3"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://s3"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_another_try_may_not_meet_passes(error: Exception) -> None:
    assert hiccups.passes(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(), FileNotFoundError(), MemoryError(), answered(404), ModelRefused("damaged"),
        psycopg2.ProgrammingError(), wrapped(answered(404)), wrapped(FileNotFoundError()),
        PermissionError(errno.EACCES, "AccessDenied"), OSError("cannot be read"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_every_try_would_meet_does_not(error: Exception) -> None:
    assert not hiccups.passes(error)


class Faulty(BaseHTTPRequestHandler):
    """Answers everything with the status of its server."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def faulty() -> Iterator[HTTPServer]:
    with answering(HTTPServer(("127.0.0.1", free_port()), Faulty)) as server:
        yield server


@pytest.mark.parametrize(
    ("status", "told"), [(503, Unreachable), (404, ModelRefused), (None, Unreachable)]
)
def test_a_model_is_refused_for_what_it_is_and_not_for_a_server_that_is_away(
    status: int | None,
    told: type[Exception],
    faulty: HTTPServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faulty.status = status  # type: ignore[attr-defined]
    port = faulty.server_port if status else free_port()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = replace(settings, tracking_uri=f"http://127.0.0.1:{port}")

    with pytest.raises(told):
        tracking.fetch_golden(away, "0" * 32)


def test_a_disk_that_fills_up_while_a_model_is_fetched_is_told(settings: Settings) -> None:
    client = tracking.client(settings)
    experiment = client.create_experiment("full", settings.artifacts_url)
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, json.dumps({"rows": [], "outputs": []}), tracking.GOLDEN_FILE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        with pytest.raises(NoRoom, match="the disk is full"):
            tracking.fetch_golden(settings, run_id)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
