"""The monitoring DAGs: which window a run watches, and how their page reads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from test_edge import DUE, running

from bag import USE_CASES, Report, load_dags
from evergreen.catalog import load
from evergreen.errors import DeclarationError
from evergreen.settings import Settings

pytestmark = pytest.mark.usefixtures("airflow")
WEATHER = load(USE_CASES).use_cases["weather"]


@pytest.fixture(autouse=True)
def the_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return load_dags(tmp_path_factory.mktemp("home"), USE_CASES)


def test_every_use_case_is_watched_by_its_declared_schedule(report: Report) -> None:
    for name, use_case in load(USE_CASES).use_cases.items():
        dag = report["dags"][f"{name}_monitoring"]

        assert dag["owner"] == use_case.owner
        assert dag["schedule"] == use_case.monitoring.schedule
        assert dag["params"] == ["as_of", "note", "since"]
        assert ["collect", "watch"] in dag["edges"]
        assert ["watch", "decide"] in dag["edges"]


def test_a_scheduled_run_watches_the_hour_before_it_is_due() -> None:
    from evergreen_airflow.monitoring import the_window

    with running():
        window = the_window(WEATHER)

    assert (window.start, window.end) == (DUE - timedelta(hours=1), DUE)


def test_the_form_names_another_stretch() -> None:
    from evergreen_airflow.monitoring import the_window

    with running("manual", as_of="2026-11-20T12:00", since="2026-11-19T12:00"):
        window = the_window(WEATHER)

    assert window.start == datetime(2026, 11, 19, 12, tzinfo=UTC)
    assert window.end == datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("form", [{"as_of": "2026-11-22"}, {"since": "2026-11-21T00:00"}])
def test_a_window_in_the_future_or_without_length_is_refused(form: dict[str, str]) -> None:
    from evergreen_airflow.monitoring import the_window

    with running("manual", **form), pytest.raises(DeclarationError):
        the_window(WEATHER)


def test_the_page_says_what_is_compared_and_what_alarms() -> None:
    from evergreen_airflow.monitoring_doc import doc_md

    page = doc_md(WEATHER)
    first, *others = WEATHER.features.raw
    hidden = replace(WEATHER, monitoring=replace(WEATHER.monitoring, columns={first: None}))
    assert f"| Columns | `{others[0]}`" in doc_md(hidden)

    assert "critical above 30% of them" in page
    assert "`temp_max`" in page
    assert "mean top probability under 0.7 and surely less than usual" in page


def test_the_page_of_a_regression_or_without_a_limit_names_no_confidence() -> None:
    from evergreen_airflow.monitoring_doc import doc_md

    unlimited = replace(WEATHER, monitoring=replace(WEATHER.monitoring, min_confidence=None))

    for use_case in (unlimited, load(USE_CASES).use_cases["crop"]):
        assert "drifted answers, nulls," in doc_md(use_case)
