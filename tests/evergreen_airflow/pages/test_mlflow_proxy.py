import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fastapi.testclient import TestClient

from answering import answering
from evergreen.settings import Settings


class EchoServer(BaseHTTPRequestHandler):
    """Stands where MLflow would, and answers with what reached it."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode(),
        }
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "mlflow=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 (names of the library)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def mlflow(settings: Settings) -> Iterator[None]:
    with answering(ThreadingHTTPServer(("127.0.0.1", 0), EchoServer)) as server:
        object.__setattr__(settings, "tracking_uri", f"http://127.0.0.1:{server.server_port}")
        yield


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "version"),
        ("GET", "static-files/static/js/main.js"),
        ("GET", "ajax-api/2.0/mlflow/runs/get?run_id=1"),
        ("GET", "get-artifact?path=report.html&run_uuid=1"),
        ("POST", "ajax-api/2.0/mlflow/runs/search"),
        ("POST", "ajax-api/3.0/mlflow/traces/search"),
        ("POST", "ajax-api/2.0/mlflow/logged-models/search"),
        ("POST", "graphql"),
    ],
)
def test_what_only_reads_is_passed_on(
    browser: TestClient, mlflow: None, method: str, path: str
) -> None:
    answer = browser.request(method, f"/evergreen/mlflow/{path}", content=b"{}")

    assert answer.status_code == 200
    assert (answer.json()["method"], answer.json()["path"]) == (method, f"/{path}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "ajax-api/2.0/mlflow/runs/delete"),
        ("POST", "ajax-api/2.0/mlflow/experiments/create"),
        ("POST", "api/2.0/mlflow/registered-models/alias"),
        ("POST", "ajax-api/2.0/mlflow/upload-artifact"),
        ("POST", "ajax-api/2.0/mlflow/gateway-proxy"),
        ("GET", "ajax-api/2.0/mlflow/gateway-proxy?gateway_path=x"),
        ("GET", "ajax-api/3.0/jobs/1"),
        ("GET", "ajax-api/2.0/mlflow/webhooks"),
        ("GET", "ajax-api/2.0/mlflow/%2577ebhooks"),
        ("GET", "ajax-api/2.0/mlflow/%252567ateway-proxy?gateway_path=x"),
        ("GET", "ajax-api/2.0/mlflow//gateway-proxy?gateway_path=x"),
        ("GET", "get-artifact/%2e%2e/%2e%2e/x"),
        ("GET", "static-files/%252e%252e/ajax-api/3.0/jobs/1"),
        ("GET", "static-files/%25252e%25252e/ajax-api/2.0/mlflow/gateway-proxy"),
        ("GET", "static-files/..%255cx"),
        ("GET", "/evil.example/version"),
        ("GET", "@evil.example/version"),
        ("GET", "http://evil.example/version"),
        ("POST", "ajax-api/2.0/mlflow/runs/search/../delete"),
    ],
)
def test_what_could_change_something_is_refused(
    browser: TestClient, mlflow: None, method: str, path: str
) -> None:
    answer = browser.request(method, f"/evergreen/mlflow/{path}", content=b"{}")

    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_reach_nothing(browser: TestClient, mlflow: None, method: str) -> None:
    answer = browser.request(method, "/evergreen/mlflow/ajax-api/2.0/mlflow/runs/search")

    assert answer.status_code == 404


def test_the_credentials_of_airflow_stay_in_airflow(browser: TestClient, mlflow: None) -> None:
    secret = {"Authorization": "Bearer secret", "Cookie": "_token=secret", "Origin": "http://x"}

    answer = browser.get("/evergreen/mlflow/version", headers=secret)

    assert "secret" not in answer.text
    assert "origin" not in answer.json()["headers"]
    assert "set-cookie" not in answer.headers


def test_the_application_may_only_talk_to_mlflow(browser: TestClient, mlflow: None) -> None:
    policy = browser.get("/evergreen/mlflow/").headers["content-security-policy"]

    assert "connect-src testserver/evergreen/mlflow/ data: blob:;" in policy


def test_says_so_when_mlflow_does_not_answer(browser: TestClient, settings: Settings) -> None:
    object.__setattr__(settings, "tracking_uri", "http://127.0.0.1:1")

    answer = browser.get("/evergreen/mlflow/version")

    assert answer.status_code == 502
    assert "MLflow does not answer" in answer.json()["detail"]


def test_says_so_when_mlflow_has_no_server(browser: TestClient) -> None:
    answer = browser.get("/evergreen/mlflow/version")  # the tests' tracking_uri is a database

    assert answer.status_code == 404
    assert "postgres" not in answer.text


def test_no_post_of_mlflow_that_changes_something_is_passed_on(pages: None) -> None:
    from mlflow.server.handlers import get_endpoints

    from evergreen_airflow.pages.mlflow_proxy import SEARCH

    words = (
        "create",
        "delete",
        "update",
        "log",
        "set",
        "restore",
        "rename",
        "transition",
        "register",
    )
    posts = {path.lstrip("/") for path, _, methods in get_endpoints() if "POST" in methods}

    passed_on = {path for path in posts if SEARCH.fullmatch(path)}

    assert passed_on
    assert [
        path for path in passed_on if any(word in path.rsplit("/", 1)[-1] for word in words)
    ] == []


@pytest.mark.parametrize(
    ("variables", "sent"),
    [
        ({"USERNAME": "ada", "PASSWORD": "pw"}, "Basic YWRhOnB3"),
        ({"TOKEN": "t", "USERNAME": "ada"}, "Bearer t"),
        ({}, None),
    ],
)
def test_mlflow_gets_the_credentials_that_its_own_client_is_given(
    pages: None, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sent: str | None
) -> None:
    from evergreen_airflow.pages.mlflow_proxy import credentials

    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", variables.get(name, ""))

    assert credentials().get("authorization") == sent
