"""A page of a fleet reads what it shows, and leads to the rest."""

import json
import re

import pytest
from fastapi.testclient import TestClient

from evergreen.settings import Settings
from evergreen.storage import Store
from evergreen_airflow.pages import reports_page
from evergreen_airflow.pages.choice import FEW, choose

NAMES = [f"uc_{n:03}" for n in range(FEW + 1)]
DECISION = {"passed": True, "sentence": "Why.", "challenger": "boosting"}
REPORT = {"decision": DECISION, "evidence": {"fit": None}}


def test_few_are_shown_together_many_only_when_asked_for() -> None:
    assert choose(NAMES[1:], "").shown == tuple(NAMES[1:])
    assert choose(NAMES, "").shown == ()
    assert choose(NAMES, NAMES[3]).shown == (NAMES[3],)


def write(settings: Settings, use_case: str, day: int) -> None:
    folder = settings.home / "reports" / use_case / f"202611{day:02}T000000-aaaaaaaaaaaa"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<p>the report</p>")
    (folder / "report.json").write_text(json.dumps(REPORT))


def test_of_many_nothing_is_read_until_one_is_chosen(
    browser: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        write(settings, name, 1)
    asked: list[str] = []
    listed = Store.list
    monkeypatch.setattr(
        Store, "list", lambda self, pattern: asked.append(pattern) or listed(self, pattern)
    )

    page = browser.get("/evergreen/reports/").text
    assert asked == []
    assert re.findall(r'href="\?use_case=(\w+)"', page) == NAMES

    page = browser.get(f"/evergreen/reports/?use_case={NAMES[2]}").text
    assert asked == [f"{NAMES[2]}/*/report.html"]
    assert re.findall(r'<section class="card" id="(\w+)"', page) == [NAMES[2]]


def test_the_newest_reports_are_read_and_the_others_counted(
    browser: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports_page, "SHOWN", 2)
    for day in range(1, 6):
        write(settings, "weather", day)

    page = browser.get("/evergreen/reports/").text
    alone = browser.get("/evergreen/reports/?use_case=weather").text

    assert "2 reports, 3 earlier" in page
    assert "2026-11-05" in page
    assert "2026-11-03" not in page
    assert "5 reports" in alone


@pytest.mark.parametrize("page", ["reports", "drift", "replay"])
def test_one_that_is_not_there_is_said_and_not_found(browser: TestClient, page: str) -> None:
    answer = browser.get(f"/evergreen/{page}/?use_case=<b>x")

    assert answer.status_code == 404
    assert "There is nothing of &lt;b&gt;x here" in answer.text
