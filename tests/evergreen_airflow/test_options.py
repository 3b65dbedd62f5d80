"""What a declaration says of its tasks, as Airflow's arguments."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from evergreen.errors import DeclarationError
from evergreen.spec import Task
from learning import CATALOG

SMALL = Task(cpu=1, memory="1Gi")


def options(tasks: dict[str, Task], step: str = "train") -> dict[str, Any]:
    from evergreen_airflow.options import options_of

    return dict(options_of(replace(CATALOG.find("iris"), tasks=tasks))(step))


def resources(found: dict[str, Any]) -> Any:
    [container] = found["executor_config"]["pod_override"].spec.containers
    assert container.resources.requests == container.resources.limits
    return container.resources.limits


@pytest.fixture
def kubernetes(airflow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow runs tasks in pods."""
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor")


def test_a_tasks_pod_is_as_large_as_declared(kubernetes: None) -> None:
    found = options({"train": Task(cpu=1.5, memory="8Gi", retries=1)})

    assert resources(found) == {"cpu": "1.5", "memory": "8Gi"}
    assert set(found) == {"executor_config", "retries"}


def test_the_nearer_wins_field_by_field(kubernetes: None) -> None:
    found = options({"*": Task(cpu=1, memory="2Gi", retries=1), "train": SMALL})

    assert resources(found) == {"cpu": "1", "memory": "1Gi"}
    assert found["retries"] == 1


def test_what_else_the_executor_is_told_stays(kubernetes: None) -> None:
    other = {"pod_template_file": "/large.yaml"}

    found = options({"train": replace(SMALL, executor_config=other)})

    assert found["executor_config"].items() >= other.items()
    assert resources(found) == {"cpu": "1", "memory": "1Gi"}


def test_a_pod_of_ones_own_for_a_step_wins_over_what_all_are_given(kubernetes: None) -> None:
    own = {"pod_override": object()}

    found = options({"*": SMALL, "train": Task(executor_config=own)})

    assert found == {"executor_config": own}


def test_other_executors_are_told_nothing_of_pods(
    airflow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")

    assert options({"train": Task(cpu=4, memory="8Gi", queue="large")}) == {"queue": "large"}
    by_name = options({"train": replace(SMALL, executor="KubernetesExecutor")})
    assert resources(by_name) == {"cpu": "1", "memory": "1Gi"}


def test_an_alias_is_the_executor_that_it_stands_for(
    airflow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = "airflow.providers.cncf.kubernetes.executors.kubernetes_executor.KubernetesExecutor"
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", f"LocalExecutor, k8s:{theirs}")

    assert resources(options({"train": replace(SMALL, executor="k8s")}))["memory"] == "1Gi"
    assert options({"train": replace(SMALL, executor="LocalExecutor")}) == {
        "executor": "LocalExecutor"
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"cpu": 0, "memory": "1Gi"}, "cpu is 0; allowed: more than 0 cores"),
        ({"cpu": 1, "memory": "8GB"}, "memory is '8GB'; allowed: as 512Mi or 16Gi"),
        ({"cpu": 1}, "both or neither"),
        ({"memory": "1Gi"}, "both or neither"),
        (
            {"cpu": 1, "memory": "1Gi", "executor_config": {"pod_override": object()}},
            "cpu and memory without one",
        ),
    ],
)
def test_resources_that_kubernetes_would_refuse_are_refused(
    given: dict[str, Any], told: str
) -> None:
    with pytest.raises(DeclarationError, match=told):
        Task(**given)


@pytest.mark.parametrize(
    ("tasks", "hours"),
    [({}, 6), ({"train": Task(timeout=timedelta(hours=10))}, 52)],
    ids=["nothing granted", "five recipes of ten hours"],
)
def test_a_run_may_take_as_long_as_its_tasks(
    airflow: None, tasks: dict[str, Task], hours: int
) -> None:
    from evergreen_airflow.training import training_dag

    iris = replace(CATALOG.find("iris"), tasks=tasks)

    assert training_dag(iris).dagrun_timeout == timedelta(hours=hours)
