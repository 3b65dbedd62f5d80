"""Who goes first where tasks wait for a slot, as Airflow itself makes the weights."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bag import USE_CASES
from evergreen.catalog import load
from evergreen.spec import Task, UseCase
from evergreen.spec.tasks import OF_A_TRAINING

pytestmark = pytest.mark.usefixtures("airflow")
DAY = timedelta(days=1)


@pytest.fixture
def weather() -> UseCase:
    return load(USE_CASES).find("weather")


@pytest.fixture
def ages(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, timedelta]]:
    """How long ago each DAG last went well; `test_pools` asks a real database."""
    from evergreen_airflow import priorities

    found: dict[str, timedelta] = {}
    monkeypatch.setattr(priorities, "_age", lambda dag_id, _: found.get(dag_id))
    yield found


def weights(dag: Any) -> dict[str, int]:
    """Return the weight of each task of a DAG, as the scheduler reads and makes it."""
    from airflow.serialization.serialized_objects import DagSerialization

    read = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    run = {"run_id": "scheduled__1"}
    return {
        task.task_id: task.weight_rule.get_weight(SimpleNamespace(task=task, **run))
        for task in read.tasks
    }


def training(use_case: UseCase, **options: Any) -> dict[str, int]:
    from evergreen_airflow.training import training_dag

    return weights(training_dag(use_case, **options))


def test_what_has_begun_goes_first(weather: UseCase, ages: dict[str, timedelta]) -> None:
    ages["weather_training"] = DAY

    found = training(weather)

    assert [found[step] for step in OF_A_TRAINING] == sorted(found[step] for step in OF_A_TRAINING)
    assert found["validate"] > found["extract"] + 900


def test_what_is_stored_beside_a_training_has_begun_as_well(
    weather: UseCase, ages: dict[str, timedelta]
) -> None:
    ages["weather_training"] = DAY

    found = training(replace(weather, features=replace(weather.features, stored=True)))

    assert found["build_features"] < found["store_features"] < found["evaluate"]


def test_the_stalest_goes_first(weather: UseCase, ages: dict[str, timedelta]) -> None:
    found = {}
    for name, age in {"fresh": DAY, "stale": 3 * DAY, "never": None}.items():
        if age:
            ages[f"{name}_training"] = age
        found[name] = training(weather, dag_id=f"{name}_training")["extract"]

    assert found["fresh"] < found["stale"] < found["never"]
    assert found["never"] < training(weather)["validate"]


def test_it_is_the_stalest_by_its_own_schedule(
    weather: UseCase, ages: dict[str, timedelta]
) -> None:
    ages["weather_training"] = timedelta(hours=30)

    hourly, daily, by_hand = (
        training(weather, schedule=schedule)["extract"] for schedule in ("@hourly", "@daily", None)
    )

    assert hourly > daily == by_hand


def test_nothing_is_behind_trainings(weather: UseCase, ages: dict[str, timedelta]) -> None:
    from evergreen_airflow.monitoring import monitoring_dag
    from evergreen_airflow.watchdog import watchdog_dag

    [watchdog] = weights(watchdog_dag()).values()
    monitoring = weights(monitoring_dag(weather)).values()

    assert watchdog > max(monitoring)
    assert min(monitoring) > max(training(weather).values())


def test_a_declared_priority_comes_before_all_of_it(
    weather: UseCase, ages: dict[str, timedelta]
) -> None:
    urgent = {"*": Task(priority=5)}

    found = training(weather, tasks=urgent)

    assert found["extract"] > 50_000
    assert found["train"] > found["extract"]
    assert max(training(weather, tasks={"*": Task(priority=10**9)}).values()) < 2**31


def test_trainings_share_a_pool_and_nothing_else_does(
    weather: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergreen_airflow.monitoring import monitoring_dag
    from evergreen_airflow.training import training_dag

    monkeypatch.setenv("EVERGREEN_TRAINING_POOL", "fifty")

    assert {task.pool for task in training_dag(weather).tasks} == {"fifty"}
    assert {task.pool for task in monitoring_dag(weather).tasks} == {"default_pool"}
    own = training_dag(weather, tasks={"train": Task(pool="gpu")})
    assert own.get_task("train").pool == "gpu"


def test_what_no_clock_starts_is_stale_after_a_day() -> None:
    from evergreen_airflow.priorities import pause_of

    assert pause_of("Asset") == pause_of(None) == DAY
    assert pause_of("0 * * * *") == timedelta(hours=1)
    assert datetime.now(UTC) - pause_of("@weekly") < datetime.now(UTC) - 6 * DAY
