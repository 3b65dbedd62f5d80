"""`operations_prune` tells what would go, and deletes only when it is told to; `operations_retire`
and `operations_trial` end what has no file that loads."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from test_edge import running

from database import records_of
from evergreen import storage
from evergreen.catalog import Catalog
from evergreen.settings import Settings

pytestmark = pytest.mark.usefixtures("airflow")

PAGE = "reports/weather/20200101T000000-0123456789ab/report.html"


@pytest.fixture(autouse=True)
def old(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A report of 2020."""
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)
    storage.of(settings).publish(PAGE, "<p>No.</p>")
    at = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    os.utime(settings.home / PAGE, (at, at))
    return settings


def run(run_type: str = "manual", **form: Any) -> str:
    """Run the task; return the sentence that it tells."""
    from evergreen_airflow.operations import prune_dag

    with running(run_type=run_type, **form) as ti:
        ti.task_id, ti.map_index = "prune", -1
        prune_dag(["weather"]).get_task("prune").python_callable()
    return str(ti.pushed["evergreen_outcome"])


def test_without_delete_it_only_tells(old: Settings) -> None:
    told = run(use_case="weather")

    assert told == "Nothing was deleted. What would go: 1 reports; 10 bytes."
    assert (old.home / PAGE).exists()


def test_with_delete_it_deletes(old: Settings) -> None:
    told = run(delete=True, keep=["400d"])

    assert told == "Gone, and on record: 1 reports; 10 bytes."
    assert not (old.home / PAGE).exists()


@pytest.mark.parametrize("allowed", [False, True])
def test_the_weekly_run_deletes_only_where_the_setting_says_so(
    old: Settings, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: replace(old, prune=allowed))

    run("scheduled")

    assert (old.home / PAGE).exists() is not allowed


def test_an_age_that_is_none_fails_at_once() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="--keep is 'soon'"):
        run(keep=["soon"])


def test_a_backfill_may_take_all_its_days_and_waits_behind_trainings() -> None:
    from evergreen_airflow.operations import backfill_dag

    dag = backfill_dag(["weather"])
    train = dag.get_task("train_and_evaluate")

    assert dag.dagrun_timeout == timedelta(hours=366)
    assert (train.pool, train.priority_weight) == ("evergreen_training", 10_000)


def test_the_days_of_a_backfill_that_were_done_are_told_with_those_that_failed() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from evergreen_airflow.operations import backfill_dag

    summarise = backfill_dag(["weather"]).get_task("summarise")
    done = [{"day": "2026-11-20", "sentence": "Kept."}]

    with running() as ti, pytest.raises(AirflowFailException, match="outcome: 2026-11-21"):
        summarise.python_callable(["2026-11-20", "2026-11-21"], done)

    assert ti.pushed["evergreen_outcome"] == "2026-11-20: Kept.\n2026-11-21: it failed"
    assert summarise.trigger_rule == "all_done_min_one_success"


def test_what_does_not_load_is_retired_and_its_trial_is_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergreen_airflow.operations import retire_dag, trial_dag

    broken = Catalog(broken={"weather": "1/0"})
    for room in ("house", "champion"):
        monkeypatch.setattr(f"evergreen_airflow.operations.{room}.catalog", lambda: broken)
    kept = records_of(settings)
    kept.trials.start("weather", "canary", 0.1, {"version": 3}, reason="to see", actor="ada")

    for make, task, form in (
        (trial_dag, "carry_out", {"deed": "stop"}),
        (retire_dag, "retire", {}),
    ):
        with running("manual", user="ada", use_case="weather", reason="sold", **form) as ti:
            ti.task_id, ti.map_index = task, -1
            make(["weather"]).get_task(task).python_callable()

    [trial] = kept.trials.newest("weather")
    assert trial.outcome == "stopped by ada: sold"
    assert "weather" in kept.retirements.all()
