"""A training goes from MLflow with its trials, models and files: a database, or a server."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from evergreen.errors import Unreachable
from evergreen.learning import erasing, tracking
from evergreen.learning.tracking import PARENT
from evergreen.settings import Settings
from evergreen_workshop.stack.ports import free_port
from mlflow_server import MlflowServer


@pytest.fixture(params=["database", "server"])
def place(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """MLflow's database with a folder of artifacts, and its server, which keeps them itself."""
    if request.param == "database":
        yield settings
        return
    server = MlflowServer(settings.tracking_uri, tmp_path / "mlflow", free_port())
    server.wait()
    yield replace(settings, tracking_uri=server.url)
    server.stop()


@pytest.fixture
def trained(place: Settings, tmp_path: Path) -> tuple[str, str]:
    """A finished run with a trial, a model and files; return it and another like it."""
    return _train(place, tmp_path / "a"), _train(place, tmp_path / "b")


def _train(settings: Settings, folder: Path) -> str:
    (folder / "plots").mkdir(parents=True)
    (folder / "plots" / "roc.svg").write_text("x" * 100)
    known = tracking.experiment(settings, "weather")
    with known.run("logistic", {erasing.SNAPSHOT: "5" * 64}) as log:
        log.trial("first", {}, {})
        model = folder / "model"
        with log.model("logistic", model):
            model.mkdir()
            (model / "model.skops").write_text("y" * 50)
        log.artifacts(folder)
    return log.run_id


def files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*.svg")} | {
        str(path) for path in folder.rglob("*.skops")
    }


def test_only_that_training_goes_with_all_of_its_files(
    place: Settings, trained: tuple[str, str], tmp_path: Path
) -> None:
    gone, stays = trained
    before, size = files(tmp_path), erasing.measure(place, gone)

    erasing.erase(place, gone)

    client = tracking.client(place)
    experiment = tracking.experiment(place, "weather").id
    left = client.search_runs([experiment])
    assert size == 100 + 50 + 50
    assert [run.run_id for run in erasing.trainings(place, "weather")] == [stays]
    assert {run.data.tags.get(PARENT) for run in left} == {None, stays}
    assert len(client.search_logged_models([experiment])) == 1
    assert len(before - files(tmp_path)) == 3
    assert erasing.measure(place, stays) == size


def test_an_erasure_that_was_interrupted_is_finished(
    place: Settings, trained: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, stays = trained
    with monkeypatch.context() as broken:
        broken.setattr("mlflow.MlflowClient.delete_run", _dies)
        with pytest.raises(ConnectionError):
            erasing.erase(place, gone)

    erasing.erase(place, gone)

    assert [run.run_id for run in erasing.trainings(place, "weather")] == [stays]


def _dies(client: MlflowClient, run_id: str) -> None:
    """Delete the trials, and not the run itself."""
    run = client.get_run(run_id)
    if PARENT not in run.data.tags:
        raise ConnectionError
    client._tracking_client.delete_run(run_id)


def test_what_is_gone_already_is_fine(place: Settings) -> None:
    tracking.experiment(place, "weather")

    erasing.erase(place, "0" * 32)

    assert erasing.trainings(place, "weather") == []
    assert erasing.trainings(place, "iris") == []


@pytest.mark.parametrize("asked", ["get_run", "get_logged_model"])
def test_what_mlflow_does_not_tell_now_is_not_taken_for_gone(
    place: Settings, trained: tuple[str, str], monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    gone, stays = trained
    with monkeypatch.context() as away:
        away.setattr(f"mlflow.MlflowClient.{asked}", _does_not_tell)
        with pytest.raises((Unreachable, MlflowException)):
            erasing.erase(place, gone)

    assert {run.run_id for run in erasing.trainings(place, "weather")} == {gone, stays}


def _does_not_tell(client: MlflowClient, id: str) -> None:
    raise MlflowException("connection refused")


def test_one_that_is_under_way_is_told_apart_with_the_rows_that_it_learns_from(
    place: Settings,
) -> None:
    known = tracking.experiment(place, "weather")
    known.client.create_run(known.id, tags={erasing.SNAPSHOT: "5" * 64, erasing.FEATURES: "6" * 64})

    [run] = erasing.trainings(place, "weather")

    assert run.ended_at is None
    assert run.rows == {"5" * 64, "6" * 64}
