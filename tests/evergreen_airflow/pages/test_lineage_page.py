"""The page that follows an answer back; `tests/forgetting/test_lineage.py` tries how."""

import json
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from test_model_page import ATTACK, NOW, promote, weather

from evergreen.records import Records

__all__ = ["weather"]
PAGE = "/evergreen/lineage/weather/"


def answered(ledger: Records) -> str:
    """Put an answer of version 1 on record, whose rows nobody keeps any more."""
    number = str(uuid4())
    row = {
        "id": number, "request_id": number, "time": NOW.isoformat(), "use_case": "weather",
        "version": 1, "run_id": f"{1:032x}", "sha256": f"{1:064x}", "snapshot_sha256": "0" * 64,
        "code": "abc", "engine": "onnx", "variant": "champion", "inputs": {}, "output": 1,
        "latency_ms": 1.0,
    }  # fmt: skip
    ledger.predictions.insert([json.dumps(row).encode()])
    return number


def test_an_answer_leads_to_its_version_and_decision(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)

    page = browser.get(PAGE, params={"prediction": f" {answered(weather)} "})

    assert page.status_code == 200
    assert "<strong>Version 1</strong>" in page.text
    assert 'href="/evergreen/cards/weather/1/"' in page.text
    assert "Decision 1." in page.text


def test_a_version_is_champion_until_another_one_is(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)
    answer = answered(weather)
    first = browser.get(PAGE, params={"prediction": answer}).text
    promote(weather, 2)
    later = browser.get(PAGE, params={"prediction": answer}).text

    assert "became champion at" in first and "became champion at" in later
    assert "(another one is now)" not in first
    assert "(another one is now)" in later


def test_what_is_not_known_any_more_is_told(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)

    page = browser.get(PAGE, params={"prediction": answered(weather)})

    assert "is not in the store any more" in page.text
    assert "is gone, or names no commit" in page.text


@pytest.mark.parametrize("asked", ["17", ATTACK, "1edf3497-0038-4f38-9c33-8daac890c426"])
def test_what_is_no_answer_is_refused_and_stays_text(
    browser: TestClient, weather: Records, asked: str
) -> None:
    promote(weather, 1)

    page = browser.get(PAGE, params={"prediction": asked})

    assert page.status_code == 400
    assert "PREDICTION" in page.text
    assert ATTACK not in page.text


def test_the_card_leads_to_the_form(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)

    assert f'href="{PAGE}"' in browser.get("/evergreen/models/weather/").text
    assert 'name="prediction"' in browser.get(PAGE).text


def test_the_form_offers_what_was_answered_last(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)
    answer = answered(weather)

    empty = browser.get(PAGE).text

    assert f'href="?prediction={answer}"' in empty
    assert "Answered last" not in browser.get(PAGE, params={"prediction": answer}).text


@pytest.mark.usefixtures("weather")
def test_what_never_had_a_champion_has_no_lineage(browser: TestClient) -> None:
    assert browser.get(PAGE).status_code == 404
    assert browser.get("/evergreen/lineage/nobody/").status_code == 404


def test_strangers_see_nothing(anonymous: TestClient, weather: Records) -> None:
    promote(weather, 1)

    assert anonymous.get(PAGE).status_code == 401
