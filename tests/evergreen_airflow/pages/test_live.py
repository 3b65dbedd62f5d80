"""The last minutes of the champions, as the page asks for them and as a browser shows them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from evergreen.settings import PROJECT, Settings
from evergreen_workshop.stack.ports import free_port
from ingest.conftest import Server, server
from serving.conftest import Shop, eventually, shop
from serving.test_app import ROW

__all__ = ["server", "shop"]
TOLD: Any = {"process": "a:1", "use_cases": {"weather": {}}}


@pytest.fixture
def at(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the pages take the service at an address."""

    def serve(url: str, **changes: Any) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        known = replace(settings, serve_host=host, serve_port=int(port), **changes)
        monkeypatch.setattr("evergreen_airflow.here.settings", lambda: known)

    return serve


def test_passes_on_what_the_service_tells(
    browser: TestClient, server: Server, at: Callable[..., None]
) -> None:
    server.answers["/live"] = TOLD
    at(server.url, api_keys=("one", "two"))

    answer = browser.get("/evergreen/live/")

    assert answer.json() == TOLD
    assert answer.headers["cache-control"] == "no-store"
    assert {name.lower(): value for name, value in server.asked[0][1].items()}["x-api-key"] == "one"


def test_says_that_no_service_is_said_to_be(
    browser: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)

    told = browser.get("/evergreen/live/")

    assert told.status_code == 502
    assert "EVERGREEN_SERVE_HOST is not set" in told.json()["problem"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([(401, {})], "it asks for a key: set EVERGREEN_API_KEYS"),
        ([(403, {})], "it asks for a key: set EVERGREEN_API_KEYS"),
        ([(500, {})], "answered 500"),
        (b"<html>", "does not answer (JSONDecodeError)"),
    ],
)
def test_says_why_there_are_no_figures(
    browser: TestClient, server: Server, at: Callable[..., None], answer: Any, why: str
) -> None:
    server.answers["/live"] = answer
    at(server.url)

    told = browser.get("/evergreen/live/")

    assert told.status_code == 502
    assert why in told.json()["problem"]


def test_a_service_that_is_down_is_told(browser: TestClient, at: Callable[..., None]) -> None:
    at(f"http://127.0.0.1:{free_port()}")

    problem = browser.get("/evergreen/live/").json()["problem"]

    assert problem.startswith("No live figures of the service: http://127.0.0.1:")
    assert problem.endswith("/live does not answer (ConnectError).")


def test_a_card_may_ask_for_these_figures_and_for_nothing_else(
    browser: TestClient, settings: Settings
) -> None:
    declared = (PROJECT / "include" / "use_cases" / "iris.py").read_text()
    (settings.use_cases_dir / "iris.py").write_text(declared)

    policy = browser.get("/evergreen/models/iris/").headers["Content-Security-Policy"]

    assert policy.endswith("; connect-src testserver/evergreen/live/")


@contextmanager
def pages_for(role: str) -> Iterator[str]:
    """Serve the pages to somebody who has logged in; yield their address."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    from evergreen_airflow.pages.app import create_app

    pages, airflow = create_app(), FastAPI()
    pages.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="ada", role=role)
    airflow.mount("/evergreen", pages)
    port = free_port()
    running = uvicorn.Server(uvicorn.Config(airflow, port=port, log_level="warning"))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        eventually(lambda: running.started, 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_come_without_a_reload_on_a_narrow_page_too(
    chromium: Browser, shop: Shop, at: Callable[..., None], theme: Any
) -> None:
    name = "iris.py"
    declared = (PROJECT / "include" / "use_cases" / name).read_text()
    (shop.settings.use_cases_dir / name).write_text(declared)
    shop.promote(shop.put("iris", "logistic"), 1)
    with shop.open() as client, pages_for("viewer") as url:
        at(str(client.base_url))
        context = chromium.new_context(viewport={"width": 400, "height": 900}, color_scheme=theme)
        page = context.new_page()
        problems: list[str] = []
        page.on("console", lambda said: problems.append(said.text))
        page.goto(f"{url}/evergreen/models/iris/")
        shown = page.locator("#iris .live")
        expect(shown).to_contain_text("Nobody has asked it since")

        client.post("/iris/predict/batch", json={"rows": [ROW] * 3})
        client.post("/iris/predict", json={"row": {}})

        expect(shown.locator('[data-figure="requests"] strong')).to_have_text("2")
        expect(shown.locator('[data-figure="refused"] strong')).to_have_text("1")
        expect(shown.get_by_role("img", name="Confidence, mean")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")
        context.close()
    assert wide <= 400
    assert problems == []
