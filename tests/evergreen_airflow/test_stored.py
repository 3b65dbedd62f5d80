"""Features are stored by a task beside the fits, where the use case asks for it."""

from dataclasses import replace

import pytest

from evergreen import catalog
from evergreen.settings import PROJECT
from evergreen.spec import UseCase
from evergreen_airflow.training import training_dag

pytestmark = pytest.mark.usefixtures("airflow")


def weather(*, stored: bool) -> UseCase:
    declared = catalog.load(PROJECT / "include" / "use_cases").find("weather")
    return replace(declared, features=replace(declared.features, stored=stored))


def test_they_are_stored_once_they_are_built_and_nothing_waits_for_it() -> None:
    dag = training_dag(weather(stored=True))

    store = dag.get_task("store_features")
    assert store.upstream_task_ids == {"build_features"}
    assert store.downstream_task_ids == set()
    assert "train" in dag.get_task("build_features").downstream_task_ids


def test_there_is_no_such_task_where_nothing_is_stored() -> None:
    assert "store_features" not in training_dag(weather(stored=False)).task_ids
