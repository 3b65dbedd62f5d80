"""Delete trainings from MLflow: the run, its trials, its models, and the files of all of them.

for past in trainings(settings, "weather"):
    past.run_id, past.ended_at                    # the runs of trainings, RUNNING ones told apart
measure(settings, run_id)                         # bytes of its files
erase(settings, run_id)                           # MLflow keeps the names, until `mlflow gc`
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, Run
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from evergreen.learning import tracking
from evergreen.learning.names import named
from evergreen.settings import Settings

SNAPSHOT, FEATURES = "evergreen.snapshot_sha256", "evergreen.features_sha256"
PAGE = 500


@dataclass(frozen=True)
class Past:
    """The MLflow run of a training."""

    run_id: str
    ended_at: datetime | None
    """None: it is under way."""
    rows: frozenset[str]
    """Digests of the snapshots that it learns from."""


def trainings(settings: Settings, use_case: str) -> list[Past]:
    """Return every run of a use case that is not a trial of another."""
    client = tracking.client(settings)
    experiment = client.get_experiment_by_name(named(settings, use_case))
    if experiment is None:
        return []
    runs = _search(client, experiment.experiment_id, "")
    return [_past(run) for run in runs if tracking.PARENT not in run.data.tags]


def measure(settings: Settings, run_id: str) -> int:
    """Return the bytes of the files of a run and of its models."""
    client = tracking.client(settings)
    run = client.get_run(run_id)
    return sum(_bytes(place, settings) for place in _places(client, run))


def erase(settings: Settings, run_id: str) -> None:
    """Delete a run, its trials and its models, with their files; what is gone already is fine.

    The run goes last, so that what was interrupted is found, and done, again.

    Raises:
        Unreachable: MLflow does not answer, or not about the run.
    """
    client = tracking.client(settings)
    if (run := tracking.find_run(settings, run_id)) is None:
        return
    for trial in _trials(client, run):
        client.delete_run(trial.info.run_id)
    for place in _places(client, run):
        files: Any = get_artifact_repository(place, tracking_uri=settings.tracking_uri)
        files.delete_artifacts()
    for model in list(_models(client, run)):
        client.delete_logged_model(model.model_id)
    client.delete_run(run_id)


def models_of(settings: Settings, run_id: str) -> list[str]:
    """Return where the files of the models of a run lie."""
    client = tracking.client(settings)
    run = client.get_run(run_id)
    return [str(model.artifact_location) for model in _models(client, run)]


def _past(run: Run) -> Past:
    ended = run.info.end_time
    tags = run.data.tags
    return Past(
        run_id=run.info.run_id,
        ended_at=None if ended is None else datetime.fromtimestamp(ended / 1000, UTC),
        rows=frozenset(tags[name] for name in (SNAPSHOT, FEATURES) if name in tags),
    )


def _trials(client: MlflowClient, run: Run) -> Iterator[Run]:
    query = f"tags.`{tracking.PARENT}` = '{run.info.run_id}'"
    return _search(client, run.info.experiment_id, query)


def _search(client: MlflowClient, experiment_id: str, query: str) -> Iterator[Run]:
    token: Any = None
    while token != "":
        page = client.search_runs([experiment_id], query, max_results=PAGE, page_token=token)
        yield from page
        token = page.token or ""


def _models(client: MlflowClient, run: Run) -> Iterator[LoggedModel]:
    """Yield the models of a run, but for those that an interrupted erasure has deleted."""
    for output in run.outputs.model_outputs if run.outputs else []:
        try:
            yield client.get_logged_model(output.model_id)
        except MlflowException as error:
            if error.error_code != tracking.GONE:
                raise


def _places(client: MlflowClient, run: Run) -> list[str]:
    models = (str(model.artifact_location) for model in _models(client, run))
    return [str(run.info.artifact_uri), *models]


def _bytes(place: str, settings: Settings, below: str = "") -> int:
    found = get_artifact_repository(place, tracking_uri=settings.tracking_uri)
    return sum(
        _bytes(place, settings, file.path) if file.is_dir else int(file.file_size or 0)
        for file in found.list_artifacts(below or None)
    )
