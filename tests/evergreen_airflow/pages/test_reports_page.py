import json

import pytest
from fastapi.testclient import TestClient

from evergreen.settings import Settings

ATTACK = "<img src=x onerror=alert(1)>"


def write(
    settings: Settings,
    report_id: str,
    passed: bool = True,
    sentence: str = "Why.",
    fit: str = "",
    **more: str,
) -> None:
    folder = settings.home / "reports" / "weather" / report_id
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<p>the report</p>")
    decision = {"passed": passed, "sentence": sentence, "challenger": "boosting", **more}
    evidence = {"fit": {"name": fit} if fit else None}
    document = {"decision": decision, "evidence": evidence}
    (folder / "report.json").write_text(json.dumps(document))


def test_says_when_there_will_be_reports(browser: TestClient) -> None:
    assert "No report yet" in browser.get("/evergreen/reports/").text


def test_lists_the_reports_newest_first_with_their_verdict(
    browser: TestClient, settings: Settings
) -> None:
    write(settings, "20261120T000000-aaaaaaaaaaaa", passed=True, sentence="The first.")
    write(settings, "20261121T000000-bbbbbbbbbbbb", passed=False, sentence="The second.")

    page = browser.get("/evergreen/reports/").text

    assert page.find("The second.") < page.find("The first.")
    assert 'class="badge refused"' in page
    assert "2026-11-21 00:00" in page


@pytest.mark.parametrize("kind", ["paper", "forced"])
def test_what_the_gate_did_not_let_is_not_told_as_passed(
    browser: TestClient, settings: Settings, kind: str
) -> None:
    write(settings, "20261120T000000-aaaaaaaaaaaa", kind=kind)

    page = browser.get("/evergreen/reports/").text

    assert f'class="badge {kind}"' in page
    assert 'class="badge passed"' not in page


@pytest.mark.parametrize(("passed", "word"), [(True, "refreshed"), (False, "refused")])
def test_a_refresh_is_told_of_the_recipe_in_charge_and_not_as_what_the_gate_let(
    browser: TestClient, settings: Settings, passed: bool, word: str
) -> None:
    write(settings, "20261120T000000-aaaaaaaaaaaa", passed, kind="refresh", fit="forest")

    page = browser.get("/evergreen/reports/").text

    assert f'class="badge {word}"' in page
    assert 'class="badge passed"' not in page
    assert "<td>forest</td>" in page
    assert "<td>boosting</td>" not in page


def test_a_report_that_cannot_be_read_is_unknown_and_hides_no_other(
    browser: TestClient, settings: Settings
) -> None:
    write(settings, "20261120T000000-aaaaaaaaaaaa")
    write(settings, "20261121T000000-bbbbbbbbbbbb")
    broken = settings.home / "reports" / "weather" / "20261121T000000-bbbbbbbbbbbb" / "report.json"
    broken.write_text("{")

    page = browser.get("/evergreen/reports/").text

    assert 'class="badge unknown"' in page
    assert "Why." in page


def test_text_of_a_report_is_escaped(browser: TestClient, settings: Settings) -> None:
    write(settings, "20261120T000000-aaaaaaaaaaaa", sentence=ATTACK)

    assert ATTACK not in browser.get("/evergreen/reports/").text


def test_opens_a_report_with_the_way_back(browser: TestClient, settings: Settings) -> None:
    write(settings, "20261120T000000-aaaaaaaaaaaa")

    frame = browser.get("/evergreen/reports/weather/20261120T000000-aaaaaaaaaaaa/")
    page = browser.get("/evergreen/reports/weather/20261120T000000-aaaaaaaaaaaa/report.html")

    assert 'src="/evergreen/reports/weather/20261120T000000-aaaaaaaaaaaa/report.html"' in frame.text
    assert "the report" in page.text


def test_a_report_that_does_not_exist_is_not_found(browser: TestClient) -> None:
    assert browser.get("/evergreen/reports/weather/1/").status_code == 404
