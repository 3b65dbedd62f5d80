import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from mlflow.types import ColSpec, DataType, Schema

from evergreen.errors import ModelRefused, Unreachable
from evergreen.learning import tracking
from evergreen.learning.tracking import RunLog
from evergreen.refs import Counts, SnapshotRef
from evergreen.settings import Settings
from evergreen_workshop.stack.ports import free_port

KEY = "k" * 64
SCHEMA = Schema([ColSpec(DataType.double, "x")])
SNAPSHOT = SnapshotRef(
    use_case="iris", uri="/snapshots/iris/0", sha256="0" * 64, rows=150,
    as_of=datetime(2026, 11, 26, tzinfo=UTC), counts=Counts(taken=150),
)  # fmt: skip


def status(settings: Settings, run_id: str) -> str:
    return tracking.client(settings).get_run(run_id).info.status


def test_tasks_that_make_the_same_experiment_at_once_share_it(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: tracking.experiment(settings, "raced").id, range(4)))

    assert len(set(found)) == 1


def test_tasks_that_log_the_same_dataset_at_once_share_it(settings: Settings) -> None:
    experiment, together = tracking.experiment(settings, "shared"), Barrier(4)
    runs = [experiment.client.create_run(experiment.id).info.run_id for _ in range(4)]

    def log(run_id: str, digest: str) -> None:
        snapshot = replace(SNAPSHOT, sha256=digest * 64)
        together.wait()
        RunLog(experiment.client, experiment.id, run_id).dataset(snapshot, SCHEMA)

    with ThreadPoolExecutor(4) as pool:
        for digest in "0123456789":
            list(pool.map(log, runs, digest * 4))

    inputs = [experiment.client.get_run(run).inputs.dataset_inputs for run in runs]
    assert [len(logged) for logged in inputs] == [10] * 4


def test_a_server_that_is_away_is_told_at_once(settings: Settings) -> None:
    away = replace(settings, tracking_uri=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(Unreachable, match=r"MLFLOW_TRACKING_URI right\? .*refused"):
        tracking.experiment(away, "away")


def test_takes_back_an_experiment_that_was_deleted(settings: Settings) -> None:
    experiment = tracking.experiment(settings, "deleted")
    experiment.client.delete_experiment(experiment.id)

    again = tracking.experiment(settings, "deleted")

    assert again.client.get_experiment(experiment.id).lifecycle_stage == "active"


def test_a_run_finishes_or_fails_with_its_body(settings: Settings) -> None:
    experiment = tracking.experiment(settings, "endings")

    with experiment.run("good", {tracking.KEY: KEY}) as good:
        pass
    with pytest.raises(KeyError), experiment.run("bad", {tracking.KEY: KEY}) as bad:
        raise KeyError

    assert (status(settings, good.run_id), status(settings, bad.run_id)) == ("FINISHED", "FAILED")
    assert experiment.finished(KEY).info.run_id == good.run_id
    assert experiment.finished("x" * 64) is None


def test_a_figure_may_have_any_name(settings: Settings) -> None:
    experiment = tracking.experiment(settings, "figures")

    with experiment.run("named", {tracking.KEY: KEY}) as log:
        kept = {"business_kept (€)": 1.0, "business_kept (%)": 0.5}
        log.figures({}, kept | {"größe": 2.0}, {}, None)
        log.trial("one", {}, {"business_kept (€)": 1.0})

    found = tracking.client(settings).get_run(log.run_id).data.metrics
    assert found == {
        "business_kept euro sign": 1.0,
        "business_kept percent sign": 0.5,
        "größe": 2.0,
    }


def test_ends_what_was_left_running_of_the_same_training_only(settings: Settings) -> None:
    experiment = tracking.experiment(settings, "leftovers")
    left, other = (
        experiment.client.create_run(experiment.id, tags={tracking.KEY: key}).info.run_id
        for key in (KEY, "o" * 64)
    )

    trials = [
        experiment.client.create_run(experiment.id, tags={tracking.PARENT: run}).info.run_id
        for run in (left, other)
    ]

    experiment.end_leftovers(KEY)

    assert [status(settings, run) for run in (left, other)] == ["KILLED", "RUNNING"]
    assert [status(settings, run) for run in trials] == ["KILLED", "RUNNING"]


def test_a_model_is_ready_once_its_files_are_there(settings: Settings, tmp_path: Path) -> None:
    experiment = tracking.experiment(settings, "folders")
    folder = tmp_path / "model"
    folder.mkdir()

    with experiment.run("r", {}) as log, log.model("m", folder) as model_id:
        (folder / "model.skops").write_text("bytes")
        made = experiment.client.get_logged_model(model_id)

    ready = experiment.client.get_logged_model(model_id)
    assert (str(made.status), str(ready.status)) == ("PENDING", "READY")
    assert Path(ready.artifact_location, "model.skops").read_text() == "bytes"


def test_a_model_whose_folder_cannot_be_written_has_failed(settings: Settings) -> None:
    experiment = tracking.experiment(settings, "failures")

    with (
        pytest.raises(OSError, match="disk"),
        experiment.run("r", {}) as log,
        log.model("m", Path("nowhere")) as model_id,
    ):
        raise OSError("disk full")

    assert str(experiment.client.get_logged_model(model_id).status) == "FAILED"


def test_a_model_or_golden_rows_that_cannot_be_had_are_refused(settings: Settings) -> None:
    with pytest.raises(ModelRefused, match="m-0000"):
        tracking.fetch_model(settings, "models:/m-0000", "0" * 64)
    with pytest.raises(ModelRefused, match=r"golden\.json"):
        tracking.fetch_golden(settings, "0" * 32)


def test_adds_a_report_to_its_run(settings: Settings) -> None:
    report = {"report.json": json.dumps({"passed": True})}
    experiment = tracking.experiment(settings, "reports")
    with experiment.run("r", {}) as log:
        pass

    tracking.log_report(settings, log.run_id, report)

    files = experiment.client.list_artifacts(log.run_id, "report")
    assert [file.path for file in files] == ["report/report.json"]


def test_without_a_server_the_artifacts_go_where_the_settings_say(settings: Settings) -> None:
    local = tracking.experiment(settings, "local")

    place = local.client.get_experiment(local.id).artifact_location

    assert place == f"{settings.artifacts_url}/local"
