"""What Airflow says of the DAGs of a use case, and what their runs leave behind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from test_edge import running

from bag import USE_CASES
from database import records_of
from evergreen.catalog import load
from evergreen.deciding.arrivals import Scheduled
from evergreen.records import Records
from evergreen.settings import Settings
from evergreen.spec import Files, Ingest

pytestmark = pytest.mark.usefixtures("airflow")

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NEXT = NOW + timedelta(days=1)
INGEST = Ingest(source=Files(url="/data/*.csv"))


@pytest.fixture
def kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)
    return records_of(settings)


def scheduled(
    kept: Records, dags: dict[str, bool], *, active: int = 0, status: int = 404
) -> list[Scheduled] | None:
    """Ask for those of weather in an Airflow that has these DAGs (paused or not)."""
    from evergreen_airflow import schedules

    weather = replace(load(USE_CASES).find("weather"), ingest=INGEST)
    with running() as ti:
        ti.get_dag = asked_of(dags, status)
        ti.get_dr_count = lambda states, **_: active * ("running" in states)
        return schedules.scheduled(weather, "ml_", NOW, kept.heartbeats)


def asked_of(dags: dict[str, bool], status: int = 404) -> Callable[[str], Any]:
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    def get_dag(dag_id: str) -> Any:
        if dag_id in dags:
            return SimpleNamespace(is_paused=dags[dag_id], next_dagrun=NEXT)
        detail = {"status_code": status, "message": "not found", "detail": None}
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))

    return get_dag


def test_a_dag_is_looked_after_from_the_first_look_on(kept: Records) -> None:
    [first] = scheduled(kept, {"ml_weather_training": False})
    [second] = scheduled(kept, {"ml_weather_training": True}, active=1)

    assert first == Scheduled(
        dag_id="ml_weather_training", schedule="@daily", ended=NOW, known=True, due=NEXT
    )
    assert second == replace(first, paused=True, running=True)


@pytest.mark.parametrize(
    ("dags", "runs", "why"),
    [
        ({"weather_training": False}, 0, ""),
        ({"weather_training": False}, 1, "a run of weather_training runs already"),
        ({"weather_training": True}, 0, "weather_training is paused"),
        ({"weather_training": True}, 1, "weather_training is paused"),
        ({}, 0, ""),
    ],
)
def test_a_training_that_is_paused_is_not_asked_for_and_it_says_so(
    dags: dict[str, bool], runs: int, why: str
) -> None:
    from evergreen_airflow import retraining

    with running() as ti:
        ti.get_dag, ti.get_dr_count = asked_of(dags), lambda **_: runs
        told = retraining.waits("weather_training")

    assert told.startswith(why)
    assert bool(told) is bool(why)


def test_what_airflow_never_had_is_nobodys_and_what_it_has_no_more_is_told(kept: Records) -> None:
    kept.heartbeats.ran("ml_weather_ingest", NOW - timedelta(days=9))

    [gone] = scheduled(kept, {})

    assert (gone.dag_id, gone.known) == ("ml_weather_ingest", False)


def test_where_airflow_does_not_answer_nothing_is_known(kept: Records) -> None:
    kept.heartbeats.ran("ml_weather_training", NOW - timedelta(days=9))

    assert scheduled(kept, {}, status=503) is None


@pytest.mark.parametrize("well", [True, False])
def test_the_end_of_each_run_is_kept(kept: Records, well: bool) -> None:
    from evergreen_airflow.edge import CloseIncident, ReportFailure

    before = datetime.now(UTC)
    ended: Any = {"dag": SimpleNamespace(dag_id="weather_training"), "run_id": "1", "reason": "no"}

    (CloseIncident() if well else ReportFailure("weather")).notify(ended)

    at = kept.heartbeats.ended("weather_training")
    assert at is not None
    assert at >= before
    assert kept.heartbeats.ended("weather_ingest") is None
