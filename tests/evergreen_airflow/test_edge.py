"""The edge between Airflow and the engine, with a context as Airflow gives it to a task."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bag import USE_CASES
from database import records_of
from evergreen.catalog import load
from evergreen.errors import (
    ChampionBusy,
    DataRefused,
    DeclarationError,
    LeaseLost,
    Retired,
    StackError,
)
from evergreen.settings import PROJECT, Settings
from fakes import FakeDecisions

pytestmark = pytest.mark.usefixtures("airflow")

DUE = datetime(2026, 11, 21, tzinfo=UTC)
STARTED = datetime(2026, 11, 21, 0, 5, tzinfo=UTC)


class TaskInstance:
    """Keeps what a task pushes to XCom, and what it tells of assets."""

    def __init__(self, outlets: Any) -> None:
        self.pushed: dict[str, Any] = {}
        self.outlets = outlets

    @property
    def updated(self) -> dict[str, Any]:
        """What was told of each asset, by its name."""
        events = (event for outlet in self.outlets.values() for event in outlet.asset_alias_events)
        return {event.dest_asset_key.name: event.extra for event in events}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@contextmanager
def running(run_type: str = "scheduled", user: str | None = None, **params: Any) -> Iterator[Any]:
    """Be inside a task of a run."""
    from airflow.sdk.execution_time.context import OutletEventAccessors, set_current_context

    dag_run = SimpleNamespace(
        dag_id="weather_training",
        run_id="scheduled__1",
        run_after=DUE,
        start_date=STARTED,
        run_type=SimpleNamespace(value=run_type),
        triggering_user_name=user,
    )
    outlets = OutletEventAccessors()
    task_instance = TaskInstance(outlets)
    context: Any = {"dag_run": dag_run, "params": params, "ti": task_instance}
    context |= {"outlet_events": outlets, "triggering_asset_events": {}}
    with set_current_context(context):
        yield task_instance


def test_a_scheduled_run_trains_on_what_was_known_when_it_was_due() -> None:
    from evergreen_airflow.edge import this_run

    with running():
        run = this_run()

    assert (run.as_of, run.asked_at, run.actor) == (DUE, STARTED, "schedule")
    assert run.key == "weather_training/scheduled__1"


def test_the_form_may_name_another_moment() -> None:
    from evergreen_airflow.edge import this_run

    with running("manual", user="ada", as_of="2026-11-01T12:00:00+02:00"):
        run = this_run()

    assert run.as_of == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert run.actor == "ada"


def test_a_run_of_airflows_own_backfill_never_promotes() -> None:
    from evergreen_airflow.training import the_run

    with running("backfill", user="ada"):
        run = the_run(load(USE_CASES).find("weather"))

    assert run.purpose == "backfill"
    assert not run.may_promote


@pytest.mark.parametrize("as_of", ["2026-02-30", "yesterday", "2999-01-01"])
def test_a_wrong_moment_fails_at_once_with_its_sentence(as_of: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from evergreen_airflow.edge import final_refusals, this_run

    with (
        running("manual", user="ada", as_of=as_of) as task,
        pytest.raises(AirflowFailException, match=as_of),
        final_refusals(),
    ):
        this_run()

    (sentence,) = task.pushed.values()
    assert as_of in sentence


def test_a_moment_in_the_future_is_refused() -> None:
    from evergreen_airflow.edge import this_run

    with running("manual", as_of="2026-11-22"), pytest.raises(DeclarationError, match="up to now"):
        this_run()


def test_a_run_of_what_is_retired_is_skipped_and_says_so() -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from evergreen_airflow.edge import final_refusals

    with running() as task, pytest.raises(AirflowSkipException), final_refusals():
        raise Retired("weather was retired by ada on 2026-11-20: sold")

    assert task.pushed == {"evergreen_outcome": "weather was retired by ada on 2026-11-20: sold"}


def test_says_why_the_run_happens() -> None:
    from evergreen_airflow.edge import why

    with running():
        scheduled = why()
    with running("manual", user="ada", note="after the outage"):
        by_hand = why()

    assert scheduled == "Its schedule asked for it at 2026-11-21 00:00 UTC."
    assert by_hand == "ada asked for it: after the outage"


def test_says_why_monitoring_asked_for_the_run_whoever_triggered_monitoring() -> None:
    from evergreen_airflow.edge import actor, why

    with running("operator_triggered", user="ada", cause="drift", why="Retrain: wind drifted.",
                 report="http://ui/r", note="drift: …"):  # fmt: skip
        sentence, who = why(), actor()

    assert sentence == (
        "Monitoring asked for it, because of drift: Retrain: wind drifted. Report: http://ui/r"
    )
    assert who == "monitoring"


def test_nobody_acts_in_the_name_of_monitoring() -> None:
    from evergreen_airflow.edge import actor, why

    with running("manual", user="mallory", cause="drift", why="Because."):
        sentence, who = why(), actor()

    assert sentence == "mallory asked for it."
    assert who == "mallory"


@pytest.mark.parametrize(
    ("run_type", "user", "cause"),
    [
        ("scheduled", None, "schedule"),
        ("asset_triggered", None, "assets"),
        ("operator_triggered", None, "operator_triggered"),
        ("asset_materialization", None, "asset_materialization"),
        ("operator_triggered", "ada", "person"),  # she had triggered the DAG that did
        ("manual", "ada", "person"),
    ],
)
def test_only_what_a_person_started_is_on_record_as_a_person(
    run_type: str, user: str | None, cause: str
) -> None:
    from evergreen_airflow.retraining import put_start_on_record

    decisions = FakeDecisions()
    with running(run_type, user=user):
        put_start_on_record(load(USE_CASES).find("weather"), "Because.", decisions)

    [made] = decisions.newest()
    assert made.evidence["cause"] == cause
    assert made.actor == (user or cause)


def test_what_starts_a_training_names_cause_window_and_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from evergreen.refs import WindowRef
    from evergreen.settings import Variables, complete
    from evergreen_airflow import here
    from evergreen_airflow.retraining import request

    known = complete(Variables(database_url="x", tracking_uri="x", ui_url="http://ui"))
    monkeypatch.setattr(here, "settings", lambda: known)
    window = WindowRef(
        use_case="weather", start=DUE, end=STARTED, champion=3, rows=9, outcome="critical",
        sentence="2 of 4 columns drifted.", report_id="r1",
    )  # fmt: skip

    asked = request("drift__1", "drift", "Retrain: wind drifted.", window)

    report = "http://ui/evergreen/drift/weather/r1/"
    span = "2026-11-21 00:00 to 2026-11-21 00:05 UTC"
    assert asked["note"] == f"Retrain: wind drifted. Window: {span}. {report}"
    assert asked["conf"]["cause"] == "drift"
    assert asked["conf"]["report"] == report
    assert asked["conf"]["window"]["end"] == "2026-11-21T00:05:00+00:00"


def test_refused_data_fails_at_once_and_leaves_its_reason() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from evergreen_airflow.edge import final_refusals
    from evergreen_airflow.notes import OUTCOME

    with running() as task_instance:
        with pytest.raises(AirflowFailException, match="3 values are above 50"), final_refusals():
            raise DataRefused(["3 values are above 50"])

        assert "3 values are above 50" in task_instance.pushed[OUTCOME]


@pytest.mark.parametrize(
    "error", [StackError("not yet"), ChampionBusy("locked"), ConnectionError("gone")]
)
def test_what_may_pass_by_itself_is_tried_again(error: Exception) -> None:
    from evergreen_airflow.edge import final_refusals

    with running(), pytest.raises(type(error)), final_refusals():
        raise error


def test_the_page_of_a_dag_tells_its_source_and_its_gate() -> None:
    from evergreen.catalog import load
    from evergreen_airflow.training_doc import doc_md

    weather = load(PROJECT / "include" / "use_cases").use_cases["weather"]

    page = doc_md(weather, weather.schedule, "ml_")

    assert "PostgreSQL table `weather`" in page
    assert "`roc_auc` ≥ 0.64" in page
    assert "live metric surely beyond its floor or worse than in the walk forward;" in page
    assert "`ml_operations_rollback`" in page  # by the name that it has here


def test_a_backfill_covers_both_ends_of_its_range() -> None:
    from evergreen_airflow.edge import days_between

    assert days_between(date(2026, 2, 28), date(2026, 3, 1)) == ["2026-02-28", "2026-03-01"]


@pytest.mark.parametrize("last", [date(2026, 2, 27), date(2028, 1, 1)])
def test_a_backfill_backwards_or_of_years_is_refused(last: date) -> None:
    from evergreen_airflow.edge import days_between

    with pytest.raises(DeclarationError, match="366 days later"):
        days_between(date(2026, 2, 28), last)


@pytest.mark.parametrize(("lost", "told"), [(True, 0), (False, 1)])
def test_a_try_that_lost_its_task_to_a_later_one_is_no_failure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, lost: bool, told: int
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from evergreen_airflow.edge import ReportFailure, final_refusals

    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)
    error = LeaseLost("is somebody else's by now") if lost else DataRefused("stale")
    with running(), pytest.raises(AirflowFailException) as raised, final_refusals():
        raise error
    failed = failure(raised.value)

    ReportFailure("weather").notify(failed)

    assert len(records_of(settings).incidents.newest()) == told


def failure(error: Exception, began: datetime = STARTED) -> Any:
    """What Airflow tells when a task has failed."""
    dag, ti = SimpleNamespace(dag_id="weather_training"), SimpleNamespace(task_id="gate")
    run = SimpleNamespace(start_date=began)
    return {"dag": dag, "ti": ti, "run_id": "1", "dag_run": run, "exception": error}


@pytest.mark.parametrize(("later", "lasts"), [(timedelta(0), False), (timedelta(days=9999), True)])
def test_a_run_that_was_cleared_fails_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, later: timedelta, lasts: bool
) -> None:
    from evergreen_airflow.edge import ReportFailure

    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)
    kept = records_of(settings)
    ReportFailure("weather").notify(failure(DataRefused("stale")))
    kept.incidents.resolve("weather_training/1")

    ReportFailure("weather").notify(failure(DataRefused("stale"), STARTED + later))

    assert bool(kept.incidents.newest(open=True)) is lasts
