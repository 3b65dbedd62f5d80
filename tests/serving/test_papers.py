"""What no gate has passed answers those who ask for it, until something has."""

import shutil
from typing import Any

from database import records_of
from evergreen.refs import PAPER
from evergreen.serving import papers, releases
from serving.conftest import Client, Shop, eventually, rows_of
from serving.test_app import ROW

ASKED = "/iris/predict?on_paper=true"


def begin(shop: Shop, candidate: str = "logistic", version: int = 1) -> int:
    found = shop.register(shop.put("iris", candidate), version)
    trials = records_of(shop.settings).trials
    row = trials.start("iris", PAPER, 1.0, found.to_json(), reason="below the floor", actor="ada")
    return row.id


def on_paper(client: Client) -> Any:
    return client.service.watcher.papers.get("iris")


def test_who_asks_for_it_is_answered_and_told_that_it_is_unproven(shop: Shop) -> None:
    number = begin(shop)
    with shop.open() as client:
        eventually(lambda: on_paper(client))

        plain, asked = (
            client.post("/iris/predict", json={"row": ROW}),
            client.post(ASKED, json={"row": ROW}),
        )
        info = client.get("/iris/model-info?on_paper=true").json()
        paths = client.get("/openapi.json").json()["paths"]
        client.service.journal.flush()

    assert plain.status_code == 404
    assert "it has no champion yet; an unproven model answers" in plain.text
    assert asked.status_code == 200
    assert asked.json()["notes"] == ["unproven: no gate has passed this model"]
    assert asked.json()["variant"] == PAPER
    assert (info["version"], info["on_paper"]) == (1, True)
    assert paths["/iris/predict"]["parameters"][0]["name"] == "on_paper"
    sql = "SELECT variant, version, release_id FROM evergreen.predictions"
    assert rows_of(shop.settings.database_url, sql) == [(PAPER, 1, number)]


def test_its_labels_are_taken(shop: Shop) -> None:
    begin(shop)
    with shop.open() as client:
        eventually(lambda: on_paper(client))
        name = client.post(ASKED, json={"row": ROW}).json()["id"]

        told = client.post(
            "/iris/feedback?on_paper=true", json={"id": name, "label": "setosa"}
        ).json()

    assert told == {"id": name, "stored": True}


def test_the_newest_one_answers_and_one_that_ended_does_not(shop: Shop) -> None:
    records = records_of(shop.settings)
    begin(shop)
    with shop.open() as client:
        eventually(lambda: on_paper(client))
        papers.end("iris", "followed by version 2", records=records)
        begin(shop, "forest", 2)

        eventually(lambda: client.post(ASKED, json={"row": ROW}).json().get("version") == 2)
        papers.end("iris", "seen enough", records=records)

        eventually(lambda: client.post(ASKED, json={"row": ROW}).status_code == 404)


def test_the_problem_of_one_that_ended_ends_with_it(shop: Shop) -> None:
    begin(shop)
    shutil.rmtree(shop.shelf)
    with shop.open() as client:
        told = client.get("/ready")
        papers.end("iris", "it cannot be loaded", records=records_of(shop.settings))

        ready = eventually(lambda: (f := client.get("/ready")).status_code == 200 and f)
        refused = client.post(ASKED, json={"row": ROW})

    assert (told.status_code, list(told.json()["reasons"])) == (503, ["iris"])
    assert ready.json()["reasons"] == {}
    assert refused.status_code == 404


def test_a_champion_takes_its_place(shop: Shop) -> None:
    begin(shop)
    with shop.open() as client:
        eventually(lambda: on_paper(client))

        shop.promote(shop.put("iris", "forest"), 2)

        eventually(lambda: client.post("/iris/predict", json={"row": ROW}).status_code == 200)
        answer = client.post(ASKED, json={"row": ROW}).json()
        assert on_paper(client) is None
        assert (answer["version"], answer["variant"], "notes" in answer) == (2, "champion", False)


def test_a_trial_beside_a_champion_ends_what_was_on_paper(shop: Shop) -> None:
    number = begin(shop)
    shop.promote(shop.put("iris", "forest"), 2)
    challenger, trials = (
        shop.register(shop.put("iris", "logistic"), 1),
        records_of(shop.settings).trials,
    )

    releases.start(trials, "iris", "canary", 0.1, challenger, reason="to see", actor="ann")

    assert [row.strategy for row in trials.running("iris")] == ["canary"]
    assert next(row for row in trials.newest("iris") if row.id == number).outcome is not None
