"""A training inside a DAG of somebody's own: what failed there is over once it goes well."""

from types import SimpleNamespace
from typing import Any

import pytest
from test_edge import running

from bag import USE_CASES
from database import records_of
from evergreen.catalog import load
from evergreen.notify import report_failure
from evergreen.refs import Verdict
from evergreen.settings import Settings

pytestmark = pytest.mark.usefixtures("airflow")

WEATHER = load(USE_CASES).find("weather")
PROMOTED = SimpleNamespace(promoted=False, champion=None, sentence="No.", to_json=dict)


@pytest.fixture
def failed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """One DAG trains weather and iris; both failed there, and weather in another one, too."""
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)
    for key, name in (("weather_training/0", "weather"), ("weather_training/1", "iris"),
                      ("else/0", "weather")):  # fmt: skip
        report_failure(records_of(settings), settings, name, key, "train", "it failed")
    return settings


def step(name: str, *, fit: Any = None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a step of the group, of an engine that answers so."""
    from airflow.sdk import DAG

    from evergreen_airflow import training_tasks

    monkeypatch.setattr("evergreen.steps.fit", lambda *_, **__: fit)
    monkeypatch.setattr("evergreen.steps.promote", lambda *_, **__: PROMOTED)
    monkeypatch.setattr("evergreen.deciding.alerts.of_fit", lambda *_, **__: None)
    monkeypatch.setattr("evergreen_airflow.training.tell_champions", lambda *_: None)
    monkeypatch.setattr("evergreen_airflow.training.Verdict.from_json", lambda _: fit)
    with DAG("weather_training", schedule=None) as dag:
        training_tasks(WEATHER)
    done: Any = dag.get_task(f"train_weather.{name}")
    with running() as ti:
        ti.task_id, ti.map_index = name, -1
        done.python_callable({})


def still_open(settings: Settings) -> set[str]:
    return {row.run_key for row in records_of(settings).incidents.newest(open=True)}


def verdict(*, passed: bool) -> Any:
    outcome = "passed" if passed else "refused"
    return SimpleNamespace(passed=passed, sentence=outcome, to_json=lambda: {"passed": passed})


@pytest.mark.parametrize(
    ("name", "fit"), [("fit", None), ("fit", verdict(passed=False)), ("promote", None)]
)
def test_a_training_that_goes_well_ends_its_failures_in_that_dag(
    failed: Settings, monkeypatch: pytest.MonkeyPatch, name: str, fit: Verdict | None
) -> None:
    step(name, fit=fit, monkeypatch=monkeypatch)

    assert still_open(failed) == {"weather_training/1", "else/0"}


def test_a_training_that_goes_on_has_not_gone_well_yet(
    failed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    step("fit", fit=verdict(passed=True), monkeypatch=monkeypatch)

    assert "weather_training/0" in still_open(failed)
