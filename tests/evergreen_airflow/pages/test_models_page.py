"""The table of all use cases, as it is asked for by an address and as a browser shows it."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from test_model_page import ATTACK, promote, weather
from typer.testing import CliRunner

from evergreen import cli
from evergreen.cli import base
from evergreen.fleet import table
from evergreen.records import HOUSE, Incident, Records
from evergreen.refs import Band, WindowRef
from evergreen.settings import PROJECT, Settings

__all__ = ["weather"]
PAGE = "/evergreen/models/"
AT = datetime(2026, 11, 21, 15, tzinfo=UTC)


@pytest.fixture
def three(weather: Records, settings: Settings) -> Records:
    """Weather with a champion that drifts, iris without one, and a file that does not load."""
    shutil.copy(PROJECT / "include" / "use_cases" / "iris.py", settings.use_cases_dir)
    (settings.use_cases_dir / "typo.py").write_text(f"raise ValueError({ATTACK!r})\n")
    promote(weather, 1)
    alarm(weather, "weather", "It drifts.")
    return weather


def alarm(records: Records, about: str, message: str) -> None:
    records.incidents.open(
        Incident(use_case=about, run_key=f"{about}/drift", step="s", message=message, kind="drift")
    )


def lines(page: str) -> list[str]:
    """The names of the lines, in their order."""
    return [part.split('"')[0] for part in page.split('<tr role="row" id="')[1:]]


def test_says_what_to_do_when_no_use_case_is_declared(browser: TestClient) -> None:
    assert "evergreen new NAME" in browser.get(PAGE).text


def test_begins_with_what_needs_a_person_and_leads_to_the_cards(
    browser: TestClient, three: Records
) -> None:
    page = browser.get(PAGE).text

    assert lines(page) == ["typo", "weather", "iris"]
    assert 'href="/evergreen/models/weather/"' in page
    assert '<span class="badge alert">alert</span>' in page
    assert '<span class="badge none">no champion yet</span>' in page
    assert '<span class="why">It drifts.</span>' in page
    assert "3 use cases; 3 in all need a person." in page
    assert ATTACK not in page


def test_a_line_tells_champion_quality_drift_decision_and_next_run(
    browser: TestClient, three: Records
) -> None:
    three.windows.keep(
        WindowRef(
            use_case="weather", start=AT - timedelta(hours=1), end=AT, champion=1, rows=900,
            outcome="warning", sentence="One of 4 columns drifted.", drift_share=0.25,
            metric="roc_auc", floor=0.64, estimate=Band(value=0.713, low=0.655, high=0.771),
        )
    )  # fmt: skip

    page = browser.get(PAGE).text

    assert ">v1</td>" in page
    assert "<strong>≈ 0.713</strong>" in page
    assert "(0.655 to 0.771) ≥ 0.64" in page
    assert '<span class="badge warning">warning</span></span> 25%' in page
    assert '<span title="Decision 1."><span class="badge passed">passed</span></span>' in page
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert f'<time datetime="{tomorrow}T00:00:00+00:00">' in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("?state=none", ["iris"]),
        ("?state=needs&words=drifts", ["weather"]),
        ("?tag=demo&owner=&state=&words=", ["weather", "iris"]),
        ("?words=species", ["iris"]),
        ("?owner=nobody", []),
    ],
)
def test_an_address_asks_for_some_of_them(
    browser: TestClient, three: Records, asked: str, found: list[str]
) -> None:
    page = browser.get(f"{PAGE}{asked}").text

    assert lines(page) == found
    assert f"{len(found)} of 3 use cases; 3 in all need a person." in page
    assert "Show all" in page
    assert ("None of them is like that" in page) is (found == [])


def test_what_was_asked_for_stands_in_the_form(browser: TestClient, three: Records) -> None:
    page = browser.get(f"{PAGE}?state=alert&owner=nobody&words=%22%3E{ATTACK}").text

    assert '<option value="alert" selected>alert (1)</option>' in page
    assert '<option value="nobody" selected>nobody</option>' in page
    assert 'value="&#34;&gt;&lt;script&gt;' in page
    assert ATTACK not in page


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (f"?state={ATTACK}", "state is &#34;&lt;script&gt;"),
        ("?state=alerts", "did you mean &#39;alert&#39;"),
        (f"?words={'x' * 201}", "allowed: at most 200 letters"),
    ],
)
def test_what_cannot_be_asked_for_is_told_above_the_whole_table(
    browser: TestClient, three: Records, asked: str, problem: str
) -> None:
    answer = browser.get(f"{PAGE}{asked}")

    assert answer.status_code == 400
    assert problem in answer.text
    assert lines(answer.text) == ["typo", "weather", "iris"]


def test_the_form_works_without_a_script_and_asks_for_this_page_only(
    browser: TestClient, three: Records
) -> None:
    answer = browser.get(PAGE)

    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert "form-action 'none'" not in answer.headers["Content-Security-Policy"]
    assert answer.text.count("<script") == 1  # the theme
    assert '<form class="filter" method="get" action="/evergreen/models/"' in answer.text


def test_what_lasts_in_the_house_stands_above_the_table(
    browser: TestClient, three: Records
) -> None:
    alarm(three, HOUSE, "The disk is nearly full.")

    page = browser.get(PAGE).text

    assert page.index("The disk is nearly full.") < page.index("<table")


def test_no_more_lines_are_shown_than_a_page_holds(
    browser: TestClient, three: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergreen_airflow.pages.models_page.SHOWN", 2)

    page = browser.get(PAGE).text

    assert lines(page) == ["typo", "weather"]
    assert "3 use cases, of which 2 are shown; 3 in all need a person." in page


def test_the_command_line_lists_the_same_lines(
    browser: TestClient, three: Records, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    asked: list[table.Fleet] = []
    monkeypatch.setattr("evergreen.console.fleet", lambda found, *_, **__: asked.append(found))

    CliRunner().invoke(cli.app, ["ls"])

    assert [row.name for row in asked[0].rows] == lines(browser.get(PAGE).text)
