"""Features are stored by a task beside the fits, where the use case asks for it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from test_edge import running

from evergreen import catalog
from evergreen.settings import PROJECT, Settings
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


def test_they_are_told_to_the_log_and_the_note_is_left_to_what_is_decided(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    filled = SimpleNamespace(sentence="9 rows are stored.", to_json=lambda: {"rows": 9})
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)
    monkeypatch.setattr("evergreen.steps.store_features", lambda *_, **__: filled)
    monkeypatch.setattr("evergreen_airflow.training.FeaturesRef.from_json", lambda _: None)
    store: Any = training_dag(weather(stored=True)).get_task("store_features")

    with caplog.at_level("INFO"), running() as ti:
        ti.task_id, ti.map_index = "store_features", -1
        done = store.python_callable({})

    assert (done, ti.pushed) == ({"rows": 9}, {})
    assert "9 rows are stored." in caplog.messages


def test_there_is_no_such_task_where_nothing_is_stored() -> None:
    assert "store_features" not in training_dag(weather(stored=False)).task_ids
