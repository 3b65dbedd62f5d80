import errno
import json
import os
import re
from typing import Any

import pytest

from database import records_of
from evergreen.learning import models
from evergreen.records import Pin
from evergreen.serving.ids import new_id
from evergreen.serving.journal import Journal
from serving.conftest import Client, Shop, eventually, iris_rows, rows_of, trained
from serving.test_journal import line

ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def test_answers_as_the_model_does(iris: Client) -> None:
    rows = iris_rows()
    wanted = models.predict(trained("iris", "logistic"), rows)

    answers = [
        iris.post("/iris/predict", json={"row": {name: row[name] for name in ROW}}).json()
        for row in rows.to_dict("records")
    ]

    assert [answer["prediction"] for answer in answers] == wanted.labels.tolist()
    assert answers[0]["probabilities"]["setosa"] == pytest.approx(wanted.probabilities[0, 0])
    assert {answer["engine"] for answer in answers} <= {"onnx", "sklearn"}


def test_every_answer_is_on_record_with_what_it_came_from(iris: Client, shop: Shop) -> None:
    answer = iris.post("/iris/predict", json={"row": ROW, "subject": "ann"}).json()
    iris.service.journal.flush()

    [row] = rows_of(
        shop.settings.database_url,
        "SELECT id::text, use_case, version, sha256, snapshot_sha256, code <> '', engine, variant,"
        " subject, inputs, output, probability > 0.9, latency_ms > 0, history"
        " FROM evergreen.predictions",
    )
    assert row == (
        answer["id"], "iris", 1, answer["sha256"], "5" * 64, True, answer["engine"], "champion",
        "ann", ROW, "setosa", True, True, None,
    )  # fmt: skip


def test_a_batch_is_answered_row_by_row(iris: Client, shop: Shop) -> None:
    response = iris.post("/iris/predict/batch", json={"rows": [ROW] * 1000})

    assert response.status_code == 200
    assert len({p["id"] for p in response.json()["predictions"]}) == 1000
    assert iris.service.journal.flush(10)
    assert rows_of(shop.settings.database_url, "SELECT count(*) FROM evergreen.predictions") == [
        (1000,)
    ]


REFUSED: list[tuple[str, bytes, int, str]] = [
    ("NaN", b'{"row":{"sepal_length":NaN}}', 422, "row.sepal_length"),
    ("infinity", b'{"row":{"sepal_length":1e400}}', 422, "row.sepal_length"),
    ("huge integer", b'{"row":{"sepal_length":1' + b"0" * 400 + b"}}", 422, "row.sepal_length"),
    ("text", b'{"row":{"sepal_length":"5"}}', 422, "row.sepal_length"),
    ("bool", b'{"row":{"sepal_length":true}}', 422, "row.sepal_length"),
    ("missing", b'{"row":{"sepal_length":1}}', 422, "row.sepal_width"),
    ("a key, which none is declared for", b'{"key":{"id":1}}', 422, "key"),
    ("extra", json.dumps({"row": ROW | {"colour": 1}}).encode(), 422, "row.colour"),
    ("surrogate", b'{"subject":"\\ud800"}', 422, "body"),
    ("surrogate key", b'{"\\ud800":1}', 422, "body"),
    ("NUL", json.dumps({"row": ROW, "subject": "\0"}).encode(), 422, "subject"),
    ("not UTF-8", b"\xff", 422, "body"),
    ("nothing", b"", 422, "body"),
    ("deep", b"[" * 100_000, 422, "body"),
    ("large", b" " * 2_000_001, 413, "body"),
    ("list", b"[]", 422, "body"),
]


def test_a_full_disk_is_told_by_ready_until_there_is_room(
    iris: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(iris.service.journal, "_append", full)
        answered = iris.post("/iris/predict", json={"row": ROW})
        ready = iris.get("/ready").json()

    assert answered.status_code == 200
    assert ready["status"] == "degraded"
    assert ready["reasons"]["journal"] == (
        "predictions are dropped, and counted: the spool cannot be written: No space left on device"
    )
    iris.post("/iris/predict", json={"row": ROW})
    assert iris.get("/ready").json()["status"] == "ready"


def test_a_field_that_is_given_twice_is_refused_by_name(iris: Client) -> None:
    row = json.dumps(ROW)
    for body, field in (
        (f'{{"row":{row},"row":{row}}}', "row"),
        (f'{{"row":{row[:-1]}, "petal_width": 9}}}}', "petal_width"),
        (f'{{"row":{row},"subject":"ann","subject":"bob"}}', "subject"),
    ):
        response = iris.post("/iris/predict", content=body)

        assert response.status_code == 422
        assert response.json()["error"] == {"field": field, "reason": "is given twice"}


def test_no_page_of_another_site_may_send_anything_where_there_are_no_keys(iris: Client) -> None:
    ours = f"http://{iris.base_url.netloc.decode()}"

    for origin, status in ((None, 200), (ours, 200), ("https://evil.example", 403), ("null", 403)):
        headers = {} if origin is None else {"Origin": origin}
        response = iris.post("/iris/predict", json={"row": ROW}, headers=headers)
        seen = iris.get("/iris/model-info", headers=headers)

        assert (response.status_code, seen.status_code) == (status, 200), origin
    assert response.json()["error"]["field"] == "Origin"


def test_what_cannot_be_answered_is_refused_with_field_and_reason(iris: Client) -> None:
    for path in ("predict", "predict/batch", "feedback"):
        for name, body, status, field in REFUSED:
            response = iris.post(f"/iris/{path}", content=body)

            assert response.status_code == status, (path, name)
            error = response.json()["error"]
            assert error["reason"]
            assert path != "predict" or error["field"] == field


def test_absurd_but_finite_values_are_answered_or_refused(iris: Client) -> None:
    answers = [iris.post("/iris/predict", json={"row": ROW | {"sepal_length": value}})
               for value in (1e308, -1e308, 5e-324, 0)]  # fmt: skip

    assert {answer.status_code for answer in answers} <= {200, 422}


def test_a_batch_has_1_to_1000_rows(iris: Client) -> None:
    for size in (0, 1001):
        response = iris.post("/iris/predict/batch", json={"rows": [ROW] * size})

        assert response.status_code == 422
        assert response.json()["error"]["field"] == "rows"


def test_unknown_paths_are_told(iris: Client) -> None:
    paths = {
        ("POST", "/irsi/predict"): 404,
        ("POST", "/weather/predict"): 404,
        ("GET", "/x/y/z"): 404,
        ("GET", "/iris/predict"): 405,
        ("POST", "/%ff%00/predict"): 404,
    }

    for (method, path), status in paths.items():
        response = iris.request(method, path, json={})

        assert response.status_code == status
        assert response.json()["error"]["reason"]


def test_feedback_is_taken_once(iris: Client) -> None:
    number = iris.post("/iris/predict", json={"row": ROW}).json()["id"]

    def give(label: Any, of: str = number) -> int:
        return iris.post("/iris/feedback", json={"id": of, "label": label}).status_code

    assert [give("setosa"), give("setosa"), give("virginica")] == [200, 200, 409]
    assert give("setosa", "01981c3e-5b1e-7c3a-9d53-6a4b5d1f0c11") == 404
    assert [give("tulip"), give(1), give("setosa", "x")] == [422, 422, 422]


def test_a_label_of_what_another_process_answered_just_now_is_asked_for_again(
    iris: Client, shop: Shop
) -> None:
    before_long = {"id": new_id(), "label": "setosa"}

    early = iris.post("/iris/feedback", json=before_long)
    other = Journal(shop.settings.home / "of_another_process", records_of(shop.settings))
    other.keep([line(id=before_long["id"], request_id=before_long["id"])])
    other.ship()
    later = iris.post("/iris/feedback", json=before_long)
    other.close()

    assert (early.status_code, early.headers["Retry-After"]) == (503, "5")
    assert "not on record yet; send it again" in early.text
    assert later.json()["stored"]


def test_a_key_is_asked_for_when_there_are_keys(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)

    with shop.open(api_keys=("one", "two")) as client:
        statuses = [
            client.post("/iris/predict", json={"row": ROW}, headers=headers).status_code
            for headers in ({}, {"X-API-Key": "three"}, {"X-API-Key": "two"})
        ]
        open_ = client.get("/health").status_code
        docs = [client.get(path).status_code for path in ("/docs", "/openapi.json", "/metrics")]

    assert statuses == [401, 401, 200]
    assert open_ == 200
    assert docs == [401, 401, 401]


def test_a_browser_asks_its_user_for_the_key(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)

    with shop.open(api_keys=("one", "two")) as client:
        asked = client.get("/docs")
        known, unknown = (client.get("/docs", auth=("me", key)).status_code for key in ("two", "x"))
        broken = client.get("/docs", headers={"Authorization": "Basic %"}).status_code
        # Another site can make the browser send this.
        posted = client.post("/iris/predict", json={"row": ROW}, auth=("me", "two")).status_code

    assert asked.headers["WWW-Authenticate"].startswith("Basic ")
    assert (known, unknown, broken, posted) == (200, 401, 401, 401)


def test_says_which_model_answers_and_that_it_is_ready(iris: Client) -> None:
    info, ready = iris.get("/iris/model-info").json(), iris.get("/ready").json()

    assert (info["version"], info["snapshot_sha256"]) == (1, "5" * 64)
    assert info["promoted_at"].startswith("20")
    assert info["knowledge_until"] is None  # flowers have no time
    assert info["labels"] == ["setosa", "versicolor", "virginica"]
    assert ready == {"status": "ready", "reasons": {}, "champions": {"iris": 1}}


def test_says_by_whom_the_champion_is_pinned(iris: Client, shop: Shop) -> None:
    free = iris.get("/iris/model-info").json()["pinned"]
    pin = Pin(use_case="iris", version=1, reason="complaints", actor="ada")
    records_of(shop.settings).pins.put(pin)

    held = iris.get("/iris/model-info").json()["pinned"]

    assert free is None
    assert held.startswith("pinned by ada on 20")
    assert held.endswith(": complaints")


def test_metrics_count_requests_and_predictions(iris: Client) -> None:
    iris.post("/iris/predict", json={"row": ROW})
    iris.post("/iris/predict", json={})
    iris.service.journal.flush()

    text = iris.get("/metrics").text

    assert 'evergreen_requests_total{route="predict",status="200",use_case="iris"} 1.0' in text
    assert 'evergreen_requests_total{route="predict",status="422",use_case="iris"} 1.0' in text
    assert "evergreen_predictions_accepted_total 1.0" in text
    assert "evergreen_predictions_logged_total 1.0" in text
    assert 'evergreen_champion_version{use_case="iris"} 1.0' in text


def test_metrics_count_what_the_service_fails_at(
    iris: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iris.service.journal, "keep", lambda _: 1 / 0)

    answer = iris.post("/iris/predict", json={"row": ROW}, headers={"Connection": "close"})

    text = iris.get("/metrics").text
    assert answer.status_code == 500
    assert 'evergreen_requests_total{route="predict",status="500",use_case="iris"} 1.0' in text


def test_the_documents_show_examples_that_work(iris: Client) -> None:
    document = iris.get("/openapi.json").json()

    operations = {path: item["post"] for path, item in document["paths"].items() if "post" in item}
    examples = {
        path: operation["requestBody"]["content"]["application/json"]["example"]
        for path, operation in operations.items()
    }

    assert set(examples) == {"/iris/predict", "/iris/predict/batch", "/iris/feedback"}
    for path in ("/iris/predict", "/iris/predict/batch"):
        assert iris.post(path, json=examples[path]).status_code == 200
    described = document["components"]["schemas"]["IrisRow"]["properties"]["petal_width"]
    assert "expected from" in described["description"]


def test_the_page_of_the_documents_asks_nobody_else(iris: Client) -> None:
    page = iris.get("/docs").text

    asked = re.findall(r'(?:src|href)="([^"]+)"', page)
    files = [iris.get(f"/{path}") for path in asked if path != "data:,"]
    assert [path for path in asked if "//" in path] == []
    assert [file.status_code for file in files] == [200, 200]
    assert "openapi.json" in page


def test_a_promotion_is_served_within_two_seconds(iris: Client, shop: Shop) -> None:
    shop.promote(shop.put("iris", "forest"), 2)

    eventually(lambda: iris.get("/iris/model-info").json()["version"] == 2, 2)
