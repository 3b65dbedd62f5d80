"""What the service exports reaches people: a real Prometheus, a real Alertmanager, a listener."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import start_http_server

from database import records_of
from evergreen import notify
from evergreen.serving.journal import Journal
from evergreen.serving.meters import Meters
from evergreen.serving.pipeline import Pipeline
from evergreen.settings import Settings
from evergreen_workshop.stack.ports import free_port
from prometheus import Watch, watching
from waiting import eventually
from webhook import Webhook

pytestmark = pytest.mark.system

AT = datetime(2026, 11, 21, tzinfo=UTC)
UI = "http://ui.example.com"
SOON = 120.0
"""Seconds."""
Opening = Callable[..., Watch]


@dataclass(frozen=True)
class Replica:
    """What a service exports, on a port of its own."""

    meters: Meters
    address: str

    def is_out_of_step(self, so: bool) -> None:
        """Have it tell that it cannot load a champion, or that it can."""
        self.meters.problem.labels("iris").set(so)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings without an MLflow, which nothing here asks for."""
    return Settings(
        home=tmp_path, database_url=database_url, tracking_uri="", artifacts_url="",
        use_cases_dir=tmp_path, expectations_dir=tmp_path,
    )  # fmt: skip


@pytest.fixture
def replicas(settings: Settings) -> Iterator[list[Replica]]:
    """The metrics of two services that read the same records."""
    with ExitStack() as stack:
        yield [stack.enter_context(replica(settings, name)) for name in ("a", "b")]


@contextmanager
def replica(settings: Settings, name: str) -> Iterator[Replica]:
    records, port = records_of(settings), free_port()
    meters = Meters(Journal(settings.home / name, records), UI)
    meters.registry.register(Pipeline(records))
    server, thread = start_http_server(port, "127.0.0.1", meters.registry)
    yield Replica(meters, f"127.0.0.1:{port}")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def open_watch(tmp_path: Path, webhook: Webhook) -> Iterator[Opening]:
    """Look at services, by their addresses."""
    with ExitStack() as stack:
        told = f"http://127.0.0.1:{webhook.server_port}/"
        yield lambda *services: stack.enter_context(watching(tmp_path, list(services), told))


def told(webhook: Webhook) -> list[tuple[str, str]]:
    messages: list[Any] = webhook.messages
    return [(each["status"], each["groupLabels"]["alertname"]) for each in messages]


def soon(found: Callable[[], Any], what: str) -> Any:
    return eventually(found, what, SOON)


def test_people_hear_once_of_all_replicas_with_a_link_and_then_of_the_end(
    replicas: list[Replica], open_watch: Opening, webhook: Webhook
) -> None:
    addresses = {each.address for each in replicas}
    watch = open_watch(*addresses)
    for each in replicas:
        each.is_out_of_step(True)

    soon(lambda: webhook.messages, "a message")
    time.sleep(8)  # two of its intervals: it is not said again
    messages: list[Any] = webhook.messages
    [first] = messages
    for each in replicas:
        each.is_out_of_step(False)
    soon(lambda: told(webhook)[-1][0] == "resolved", "the end")

    last = messages[-1]
    assert first["groupLabels"] == {"alertname": "ChampionOutOfStep", "use_case": "iris"}
    assert (first["receiver"], first["status"]) == ("people", "firing")
    assert {each["labels"]["instance"] for each in first["alerts"]} == addresses
    assert first["commonAnnotations"]["link"] == f"{UI}/evergreen/models/iris/"
    assert {each["status"] for each in last["alerts"]} == {"resolved"}
    soon(lambda: not watch.lasting("people"), "nothing that lasts")


def test_what_evergreen_tells_itself_is_shown_and_not_sent(
    settings: Settings, replicas: list[Replica], open_watch: Opening, webhook: Webhook
) -> None:
    for about, kind in (("weather", "drift"), ("operations", "disk")):
        notify.alert(records_of(settings), settings, about, kind, "It is so.", at=AT)
    watch = open_watch(replicas[0].address)

    shown = soon(lambda: len(found := watch.lasting("shown")) == 2 and found, "both alerts")

    assert shown["Drift"]["annotations"]["link"] == f"{UI}/evergreen/models/weather/"
    assert shown["Silence"]["annotations"]["link"] == f"{UI}/evergreen/models/"
    time.sleep(5)
    assert not webhook.messages


def test_what_follows_from_another_alert_is_kept_back(
    replicas: list[Replica], open_watch: Opening, webhook: Webhook
) -> None:
    watch = open_watch(replicas[0].address, f"127.0.0.1:{free_port()}")
    soon(lambda: webhook.messages, "that a service is down")
    replicas[0].is_out_of_step(True)

    kept = soon(partial(kept_back, watch, "ChampionOutOfStep"), "an alert that is kept back")

    assert kept["labels"]["use_case"] == "iris"
    time.sleep(5)
    assert told(webhook) == [("firing", "ServiceDown")]


def kept_back(watch: Watch, name: str) -> Any:
    alert = watch.lasting("people").get(name)
    return alert and alert["status"]["inhibitedBy"] and alert


def test_who_cannot_be_told_is_told_so_when_he_can(
    replicas: list[Replica], open_watch: Opening, webhook: Webhook
) -> None:
    webhook.status = 500
    watch = open_watch(replicas[0].address)
    replicas[0].is_out_of_step(True)

    soon(lambda: "AlertsUndelivered" in watch.lasting("people"), "that nobody is told")
    webhook.messages.clear()
    webhook.status = 200

    expected = {("firing", "ChampionOutOfStep"), ("firing", "AlertsUndelivered")}
    soon(lambda: expected <= set(told(webhook)), "both")
