"""Champions come and go while requests are answered."""

import os
import resource
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from answering import answering
from evergreen.records import Records
from evergreen.serving import desk, upstream, watch
from evergreen.serving.artifacts import MODEL, Artifacts
from evergreen.serving.model_ref import ModelRef
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from learning import CATALOG
from serving.conftest import Client, Shop, eventually, rows_of
from serving.test_app import ROW


@contextmanager
def load(client: Client, threads: int = 2) -> Iterator[list[httpx.Response]]:
    """Ask for small batches all the time, until the block ends."""
    answers: list[httpx.Response] = []
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=client.base_url, timeout=30) as own:
            while not over.is_set():
                answers.append(own.post("/iris/predict/batch", json={"rows": [ROW] * 3}))

    with ThreadPoolExecutor(threads) as pool:
        asking = [pool.submit(ask) for _ in range(threads)]
        try:
            yield answers
        finally:
            over.set()
        for future in asking:
            future.result()


def test_a_hundred_promotions_and_rollbacks_fail_no_request_and_mix_no_versions(
    iris: Client, shop: Shop
) -> None:
    models = [shop.put("iris", "logistic"), shop.put("iris", "logistic", seed=1)]
    digests = {1: models[0].sha256, 2: models[1].sha256}

    with load(iris) as answers:
        for number in range(1, 101):
            shop.promote(models[number % 2], version=1 + number % 2)
        eventually(lambda: iris.service.watcher.desks["iris"].champion.ref.version == 1)
    iris.service.journal.flush(10)

    assert {answer.status_code for answer in answers} == {200}
    pairs = {(answer.json()["version"], answer.json()["sha256"]) for answer in answers}
    assert pairs <= set(digests.items())
    recorded = rows_of(
        shop.settings.database_url,
        "SELECT DISTINCT version, sha256 FROM evergreen.predictions",
    )
    assert set(recorded) <= set(digests.items())
    assert iris.get("/ready").json()["status"] == "ready"


def damage(ref: ModelRef) -> None:
    with (Path(ref.model_uri) / MODEL).open("ab") as stream:
        stream.write(b"x")


@pytest.mark.parametrize("fault", ["damaged", "gone"])
def test_a_model_that_is_not_what_was_gated_is_refused_and_the_old_one_stays(
    iris: Client, shop: Shop, fault: str
) -> None:
    bad = shop.put("iris", "forest")
    damage(bad) if fault == "damaged" else shutil.rmtree(bad.model_uri)

    shop.promote(bad, 2)
    ready = eventually(lambda: (found := iris.get("/ready").json())["reasons"] and found)

    assert ready["status"] == "degraded"
    assert "sha256" in ready["reasons"]["iris"] or "fetched" in ready["reasons"]["iris"]
    assert iris.post("/iris/predict", json={"row": ROW}).json()["version"] == 1
    assert 'evergreen_serving_problem{use_case="iris"} 1.0' in iris.get("/metrics").text


def test_starts_from_its_own_copies_when_mlflow_is_down(shop: Shop) -> None:
    ref = shop.promote(shop.put("iris", "logistic"), 1)
    with shop.open():
        pass
    shutil.rmtree(ref.model_uri)

    with shop.open() as client:
        assert client.post("/iris/predict", json={"row": ROW}).status_code == 200
        assert client.get("/ready").json()["status"] == "ready"


def test_is_degraded_and_keeps_serving_while_mlflow_is_down(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "PAUSE", 0.1)
    shop.promote(shop.put("iris", "logistic"), 1)
    port = free_port()

    with shop.open(tracking_uri=f"http://127.0.0.1:{port}") as client:
        down = eventually(lambda: (f := client.get("/ready").json())["reasons"] and f)
        answer = client.post("/iris/predict", json={"row": ROW})
        with answering(HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler)):
            eventually(lambda: client.get("/ready").json()["status"] == "ready")

    assert (down["status"], list(down["reasons"])) == ("degraded", ["mlflow"])
    assert answer.status_code == 200


def test_a_damaged_copy_is_fetched_again(shop: Shop) -> None:
    ref = shop.promote(shop.put("iris", "logistic"), 1)
    with shop.open():
        pass
    (shop.settings.home / "models" / ref.sha256 / MODEL).write_bytes(b"x")

    with shop.open() as client:
        assert client.get("/ready").json()["status"] == "ready"


def test_a_new_champion_that_cannot_be_loaded_takes_no_other_away(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    bad = shop.put("weather", "logistic")
    damage(bad)

    with shop.open() as client:
        assert client.get("/ready").status_code == 200
        shop.promote(bad, 1)
        told = eventually(lambda: (f := client.get("/ready").json())["reasons"] and f)
        ready = client.get("/ready")
        answer = client.post("/iris/predict", json={"row": ROW})

    assert (ready.status_code, told["status"]) == (200, "degraded")
    assert "sha256" in told["reasons"]["weather"]
    assert (list(told["champions"]), answer.status_code) == (["iris"], 200)


def test_a_service_that_begins_answers_for_whom_it_can(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    bad = shop.put("weather", "logistic")
    damage(bad)
    shop.promote(bad, 1)

    with shop.open() as client:
        ready, health = client.get("/ready"), client.get("/health").json()
        answer = client.post("/iris/predict", json={"row": ROW})
        refused = client.post("/weather/predict", json={"row": {}})
        metrics = client.get("/metrics").text

    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["champions"] == {"iris": 1}
    assert (health["status"], list(health["unserved"])) == ("alive", ["weather"])
    assert (answer.status_code, refused.status_code) == (200, 503)
    assert "the champion of weather is not loaded" in refused.text
    assert "sha256" in refused.text
    assert 'evergreen_serving_problem{use_case="weather"} 1.0' in metrics


def lacking(*names: str) -> Callable[..., Any]:
    """Return `serve` of an image that lacks what the models of these use cases need."""

    def serve(found: Any, ref: ModelRef, artifacts: Artifacts, expectations: Path) -> Any:
        artifacts.get(ref)
        if ref.use_case in names:
            import_module("a_library_that_it_lacks")
        return desk.serve(found, ref, artifacts, expectations)

    return serve


@pytest.mark.parametrize("names", [("iris", "weather"), ("weather",)])
def test_an_image_that_lacks_what_a_champion_needs_does_not_take_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    for name in ("iris", "weather"):
        shop.promote(shop.put(name, "logistic"), 1)
    monkeypatch.setattr(watch, "serve", lacking(*names))

    with shop.open() as client:
        ready, health = client.get("/ready"), client.get("/health")

    assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
    assert sorted(ready.json()["reasons"]) == sorted(names)
    assert health.status_code == 200


def test_a_champion_of_a_newer_image_takes_no_service_away_that_answers(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    monkeypatch.setattr(watch, "serve", lacking("weather"))

    with shop.open() as client:
        assert client.get("/ready").status_code == 200
        shop.promote(shop.put("weather", "logistic"), 1)
        eventually(lambda: client.get("/ready").json()["reasons"])
        ready = client.get("/ready")

    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")


def test_a_champion_that_cannot_be_loaded_at_the_start_is_not_ready(shop: Shop) -> None:
    ref = shop.put("iris", "logistic")
    damage(ref)
    shop.promote(ref, 1)

    with shop.open() as client:
        ready, answer = client.get("/ready"), client.post("/iris/predict", json={"row": ROW})

    assert (ready.status_code, answer.status_code) == (503, 503)
    assert "sha256" in ready.json()["reasons"]["iris"]


def test_an_error_that_nobody_expects_is_told_and_the_ledger_is_followed_on(
    iris: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(iris.service.watcher, "refresh", lambda: 1 / 0)
        shop.promote(shop.put("iris", "forest"), 2)
        told = eventually(lambda: (f := iris.get("/ready").json())["reasons"] and f)

    eventually(lambda: iris.get("/iris/model-info").json()["version"] == 2)
    assert told["status"] == "degraded"
    assert "ZeroDivisionError: division by zero" in told["reasons"]["ledger"]
    eventually(lambda: iris.get("/ready").json()["status"] == "ready")


def test_the_ledger_is_followed_with_more_than_a_thousand_files_open(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)

    with many_files_open(1_100), shop.open() as client:
        shop.promote(shop.put("iris", "forest"), 2)

        eventually(lambda: client.get("/iris/model-info").json().get("version") == 2)


@contextmanager
def many_files_open(number: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 2 * number), limits[1]))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(number)]
    try:
        yield
    finally:
        for handle in held:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_end_of_a_trial_that_the_ledger_does_not_know_is_let_go(
    iris: Client, shop: Shop
) -> None:
    known = iris.service.watcher.desks["iris"].champion

    iris.service.watcher.end_trial("iris", desk.Trial(99, "canary", 0.5, known), "it failed")
    shop.promote(shop.put("iris", "forest"), 2)

    eventually(lambda: iris.get("/iris/model-info").json()["version"] == 2)
    assert iris.get("/ready").json()["status"] == "ready"


def test_postgresql_away_under_load_loses_nothing(
    tmp_path: Path, settings: Any, shop: Shop
) -> None:
    from dataclasses import replace

    server = EmbeddedPostgres(tmp_path / "pg", free_port(), options=("fsync=off",))
    server.start()
    try:
        server.create_database("away")
        url = server.url("away")
        Records(url, kept=0).migrate()
        own = Shop(replace(settings, database_url=url), CATALOG)
        own.promote(own.put("iris", "logistic"), 1)
        with own.open() as client:
            with load(client) as answers:
                eventually(lambda: len(answers) > 20)
                server.stop()
                before = len(answers)
                eventually(lambda: len(answers) > before + 50, 20)
                degraded = eventually(
                    lambda: (f := client.get("/ready").json())["status"] == "degraded" and f
                )
                server.start()
            assert client.service.journal.flush(20)
            counts = client.service.journal.counts
            eventually(lambda: client.get("/ready").json()["status"] == "ready")

        assert {answer.status_code for answer in answers} == {200}
        assert set(degraded["reasons"]) & {"ledger", "journal"}
        assert counts.accepted == counts.logged + counts.dropped == 3 * len(answers)
        [(stored,)] = rows_of(url, "SELECT count(*) FROM evergreen.predictions")
        assert stored == counts.accepted
    finally:
        server.destroy()
