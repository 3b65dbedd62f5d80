import shutil

import pytest
from fastapi.testclient import TestClient
from test_model_page import ATTACK, promote

from database import records_of
from evergreen.records import Records
from evergreen.settings import PROJECT, Settings

PAGE = "/evergreen/rollback/weather/"


@pytest.fixture
def weather(settings: Settings) -> Records:
    shutil.copy(PROJECT / "include" / "use_cases" / "weather.py", settings.use_cases_dir)
    return records_of(settings)


def test_offers_each_earlier_champion_once_but_not_the_present_one(
    browser: TestClient, weather: Records
) -> None:
    promote(weather, 1)
    promote(weather, 2, reason=ATTACK)
    promote(weather, 1, kind="rollback")
    promote(weather, 3)

    page = browser.get(PAGE).text

    assert [page.count(f'value="{version}"') for version in (1, 2, 3)] == [1, 1, 0]
    assert page.index('value="1"') < page.index('value="2"')
    assert "became champion at" in page and "champion since" not in page
    assert ATTACK not in page


def test_says_that_there_is_nothing_to_go_back_to(browser: TestClient, weather: Records) -> None:
    assert "There has been no champion yet." in browser.get(PAGE).text

    promote(weather, 1)

    assert "Version 1 is the first champion" in browser.get(PAGE).text


def test_may_ask_airflow_for_a_rollback_and_for_nothing_else(
    browser: TestClient, weather: Records
) -> None:
    policy = browser.get(PAGE).headers["Content-Security-Policy"]

    assert policy.endswith("; connect-src testserver/api/v2/dags/operations_rollback/dagRuns")


@pytest.mark.parametrize("name", ["nobody", "%2e%2e", "<b>"])
def test_knows_declared_use_cases_only(browser: TestClient, weather: Records, name: str) -> None:
    assert browser.get(f"/evergreen/rollback/{name}/").status_code == 404


def test_models_leads_to_it(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)
    promote(weather, 2)

    assert f'href="{PAGE}"' in browser.get("/evergreen/models/weather/").text
