"""A request may name a row by its key, where that is declared: the newest row of it answers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from database import records_of
from evergreen.data import warehouse
from evergreen.dossier.writing import describe
from evergreen.errors import DeclarationError
from evergreen.learning import models
from evergreen.refs import CandidateRef, Window
from evergreen.serving.artifacts import MODEL
from evergreen.serving.model_ref import ModelRef
from evergreen.spec import (
    Candidate,
    Features,
    Gate,
    Kind,
    Labels,
    Serving,
    Source,
    UseCase,
    Windows,
)
from evergreen.watching import late_labels
from serving.conftest import Client, Shop, eventually, rows_of
from verdicts import NOBODY, verdict_on

VISITS = UseCase(
    name="visits", doc="Will they leave?", owner="me", kind=Kind.BINARY,
    source=Source(table="visits", key=("customer", "day"), timestamp="day", target="gone"),
    windows=Windows(holdout=timedelta(days=5)),
    features=Features(numeric=("spent", "seats"), categorical=("plan",), dates=("day",)),
    candidates=(Candidate(name="one", build=LogisticRegression),),
    baselines=(Candidate(name="base", build=LogisticRegression),),
    gate=Gate(metric="roc_auc", floors={"roc_auc": 0.5}),
    serving=Serving(key=("customer",)),
)  # fmt: skip


def visits() -> pa.Table:
    draw = np.random.default_rng(1)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(20)]
    customers, moments = np.repeat(np.arange(10), 20), days * 10
    return pa.table({
        "customer": customers, "day": pa.array(moments, pa.date32()),
        "spent": draw.normal(10, 3, 200), "seats": draw.integers(1, 9, 200),
        "plan": [None if n % 7 == 0 else "ab"[n % 2] for n in range(200)],
        "gone": draw.random(200) < 0.4,
    })  # fmt: skip


def put(shop: Shop, use_case: UseCase, rows: pa.Table) -> ModelRef:
    frame = rows.to_pandas(date_as_object=False)
    model = models.pipeline(use_case, use_case.candidates[0]).fit(frame, frame["gone"])
    made = shop.shelf / use_case.name
    made.mkdir(parents=True)
    challenger = CandidateRef(
        name="one", run_id="run", model_uri=str(made), sha256=models.save(model, made / MODEL),
        cv={}, metrics={}, seconds=1,
    )  # fmt: skip
    golden = models.golden(model, frame[list(use_case.features.raw)].tail(40))
    verdict = verdict_on(use_case, challenger)
    found = describe(use_case, verdict, NOBODY, 1, model, golden, rows)
    shop.dossiers[challenger.sha256] = found
    return ModelRef.of(found)


@pytest.fixture
def service(shop: Shop) -> Iterator[Client]:
    warehouse.write(shop.settings.database_url, "visits", visits(), "replace")
    shop.promote(put(shop, VISITS, visits()), 1)
    with shop.open() as client:
        yield client


def row_of(customer: int, day: str = "2026-01-20") -> dict[str, Any]:
    rows = visits().to_pandas()
    [row] = rows[(rows["customer"] == customer) & (rows["day"].astype(str) == day)].to_dict(
        "records"
    )
    plan = None if pd.isna(row["plan"]) else row["plan"]
    return {"spent": row["spent"], "seats": row["seats"], "plan": plan, "day": day}


def said(answer: dict[str, Any]) -> Any:
    return answer["probabilities"]


def test_the_newest_row_of_a_key_answers_as_if_it_were_sent(service: Client, shop: Shop) -> None:
    keyed = service.post("/visits/predict", json={"key": {"customer": 3}}).json()
    sent = service.post("/visits/predict", json={"row": row_of(3)}).json()

    assert said(keyed) == said(sent)
    logged = eventually(
        lambda: rows_of(shop.settings.database_url,
                        "SELECT inputs->>'day', (inputs->>'seats')::int FROM evergreen.predictions"
                        f" WHERE id = '{keyed['id']}'")
    )  # fmt: skip
    assert logged[0][0].startswith("2026-01-20")
    assert logged[0][1] == row_of(3)["seats"]


def test_labels_of_a_query_find_what_was_asked_by_a_part_of_the_key(
    service: Client, shop: Shop
) -> None:
    url, kept = shop.settings.database_url, records_of(shop.settings)
    for body in ({"keys": [{"customer": 4}, {"customer": 7}]}, {"rows": [row_of(5)]}):
        service.post("/visits/predict/batch", json=body)
    eventually(lambda: rows_of(url, "SELECT 1 FROM evergreen.predictions HAVING count(*) = 3"))
    query = "SELECT customer, day, gone FROM visits WHERE day = '2026-01-20'"
    asked = replace(VISITS, labels=Labels(query=query))
    now, [own] = datetime.now(UTC), shop.dossiers.values()

    found = late_labels.collect(
        asked, own, Window(start=now - timedelta(hours=1), end=now + timedelta(hours=1)),
        records=kept, settings=shop.settings,
    )  # fmt: skip

    assert found is not None
    assert (found.stored, found.unknown, found.problem) == (2, 8, "")


def test_many_keys_are_answered_in_their_order(service: Client) -> None:
    keys = [{"customer": n} for n in (7, 2, 7)]

    found = service.post("/visits/predict/batch", json={"keys": keys}).json()["predictions"]

    rows = [row_of(n) for n in (7, 2, 7)]
    sent = service.post("/visits/predict/batch", json={"rows": rows}).json()["predictions"]
    assert [*map(said, found)] == [*map(said, sent)]


@pytest.mark.parametrize(
    ("path", "body", "field", "reason"),
    [
        ("predict", {"key": {"customer": 99}}, "key", "no such row by customer"),
        ("predict/batch", {"keys": [{"customer": 1}, {"customer": 99}]}, "keys.1", "no such row"),
        ("predict", {"key": {"customer": 1}, "row": row_of(1)}, "body", "either row or key"),
        ("predict", {}, "body", "either row or key"),
        ("predict", {"key": {"day": "2026-01-20"}}, "key.customer", "required"),
        ("predict/batch", {"keys": []}, "keys", "at least 1"),
    ],
)
def test_what_cannot_be_found_is_told_by_field(
    path: str, body: Any, field: str, reason: str, service: Client
) -> None:
    answer = service.post(f"/visits/{path}", json=body)

    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert reason in answer.json()["error"]["reason"]


def test_a_row_that_has_come_to_lack_a_value_is_told(service: Client, shop: Shop) -> None:
    with warehouse.connect(shop.settings.database_url) as opened, opened.cursor() as cursor:
        cursor.execute("UPDATE visits SET seats = NULL WHERE customer = 4 AND day = '2026-01-20'")

    answer = service.post("/visits/predict", json={"key": {"customer": 4}})

    assert answer.status_code == 422
    assert answer.json()["error"]["reason"].startswith("seats of the newest row is null")


def test_a_source_that_is_gone_asks_for_the_row(service: Client, shop: Shop) -> None:
    with warehouse.connect(shop.settings.database_url) as opened, opened.cursor() as cursor:
        cursor.execute("DROP TABLE visits")

    answer = service.post("/visits/predict", json={"key": {"customer": 4}})

    assert answer.status_code == 503
    assert "send the row, or try later" in answer.json()["error"]["reason"]


def test_the_service_says_which_key_it_takes(service: Client) -> None:
    paths = service.get("/openapi.json").json()["components"]["schemas"]

    assert service.get("/visits/model-info").json()["takes_key"] == ["customer"]
    assert list(paths["VisitsKey"]["properties"]) == ["customer"]


def test_no_key_is_taken_that_is_not_declared(shop: Shop) -> None:
    shop.promote(put(shop, replace(VISITS, serving=None), visits()), 1)
    with shop.open() as client:
        answer = client.post("/visits/predict", json={"key": {"customer": 3}})

    assert answer.json()["error"]["field"] in {"row", "key"}


TIMELESS = replace(VISITS.source, timestamp=None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"serving": Serving(key=("custome",))}, "did you mean 'customer'"),
        ({"source": TIMELESS, "windows": Windows(holdout=0.3)}, "no timestamp says which"),
    ],
)
def test_a_key_that_names_no_row_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeclarationError, match=reason):
        replace(VISITS, **changes)
