"""Callers who are turned away are counted, with the reason that most of them got."""

from datetime import UTC, datetime, timedelta

import pytest

from database import records_of
from evergreen.records import Records
from evergreen.serving.tally import MOST, OTHERS, RequestTally
from evergreen.settings import Settings
from serving.conftest import Client, Shop

DAY = timedelta(days=1)
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def counted(kept: Records, use_case: str = "iris") -> tuple[int, int, str]:
    now = datetime.now(UTC)
    asked = kept.requests.since(use_case, now - DAY, now + DAY)
    return asked.answered, asked.refused, asked.reason


def test_answered_and_refused_requests_are_counted_with_their_reason(
    iris: Client, shop: Shop
) -> None:
    misspelt = {"petal_lenght" if name == "petal_length" else name: 1.0 for name in ROW}
    for _ in range(3):
        iris.post("/iris/predict", json={"row": ROW})
    refused = [iris.post("/iris/predict", json={"row": misspelt}) for _ in range(5)]
    iris.post("/iris/predict", content=b"{")
    iris.get("/iris/model-info")
    iris.service.tally.ship()
    iris.service.tally.ship()

    answered, turned_away, why = counted(records_of(shop.settings))
    assert {answer.status_code for answer in refused} == {422}
    assert (answered, turned_away) == (3, 6)
    error = refused[0].json()["error"]
    assert why == f"{error['field']}: {error['reason']}"[:200]


def test_counts_wait_while_the_database_is_away(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with Records("postgresql://nobody@127.0.0.1:1/nothing") as away:
        tally = RequestTally(away)
        tally.note("iris", "")
        tally.ship()
        tally.note("iris", "row: x")
        tally._records = records_of(settings)
        tally.ship()

    assert counted(records_of(settings)) == (1, 1, "row: x")
    assert "cannot be stored now" in caplog.text


def test_a_column_that_postgresql_cannot_hold_is_told_and_counted(iris: Client, shop: Shop) -> None:
    refused = iris.post("/iris/predict", json={"row": ROW | {"\0": 1}})
    iris.service.tally.ship()

    assert refused.json()["error"]["field"] == r"row.\x00"
    assert counted(records_of(shop.settings))[:2] == (0, 1)


def test_counts_that_can_never_be_stored_hold_up_no_others(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    tally = RequestTally(records_of(settings))
    tally.note("iris", "row: \0")
    tally.ship()
    tally.note("iris", "")
    tally.ship()

    assert counted(records_of(settings)) == (1, 0, "")
    assert "1 counts of requests cannot be stored" in caplog.text


def test_reasons_that_callers_make_up_do_not_fill_the_memory(settings: Settings) -> None:
    tally = RequestTally(records_of(settings))
    for n in range(2 * MOST):
        tally.note("iris", f"row.made_up_{n}: no such column")
    tally.note("iris", "")

    assert len(tally._counts) <= MOST + 2
    tally.ship()
    assert counted(records_of(settings)) == (1, 2 * MOST, OTHERS)


def test_what_was_counted_is_stored_at_the_end(settings: Settings) -> None:
    tally = RequestTally(records_of(settings))
    tally.start()
    tally.note("iris", "")
    tally.close()

    assert counted(records_of(settings)) == (1, 0, "")
