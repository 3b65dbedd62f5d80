"""Everything that training asks of MLflow: runs, models, artifacts.

Only `MlflowClient`, with its address given: no active run, no global state. Of a model only
`model.skops` is ever loaded, by `fetch_model`: digest first, then our own list of trusted types.
"""

import json
import os
import re
import socket
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.types import Schema
from sklearn.pipeline import Pipeline

from evergreen import room
from evergreen.errors import ModelRefused, NotOurs, Unreachable, origins
from evergreen.learning import hiccups, models, server
from evergreen.learning.models import Golden
from evergreen.learning.names import OURS, named
from evergreen.refs import SnapshotRef
from evergreen.settings import Settings

KEY = "evergreen.training_key"
COMMIT = "evergreen.code_commit"
HOST, PID = "evergreen.host", "evergreen.pid"
FORCED = "evergreen.forced"
PARENT = "mlflow.parentRunId"
MODEL_FILE = "model.skops"
GOLDEN_FILE = "golden.json"
RACES, DUPLICATE = 5, "dataset_pk"
"""How often a dataset is logged that others log as well, and what MLflow's error names."""
GONE = "RESOURCE_DOES_NOT_EXIST"
"""What MLflow's error says of what it does not know; every other one says nothing about that."""
PATIENCE = 5.0
"""Seconds until a server that does not answer is taken for away."""
_STRANGE = re.compile(r"[^\w.\- :/]")
"""What MLflow takes in no metric's name."""
_FILTER = "tags.`{}` = '{}' and attributes.status = '{}'"


@dataclass(frozen=True)
class Experiment:
    """The runs of one use case."""

    client: MlflowClient
    id: str

    def finished(self, key: str) -> Run | None:
        """Return the first run that finished the training of that key, if there is one."""
        return next(iter(self._search(key, "FINISHED")), None)

    def end_leftovers(self, key: str) -> None:
        """Mark as killed what a process that died left running."""
        for run in self._search(key, "RUNNING"):
            self._end(run.info.run_id)

    def end_unrecorded(self, key: str) -> None:
        """Mark as killed what was finished by a process that died before it was on record."""
        for run in self._search(key, "FINISHED"):
            self._end(run.info.run_id)

    def _end(self, run_id: str) -> None:
        """Mark a run as killed, and before it the trial that was being logged below it."""
        being_logged = _FILTER.format(PARENT, run_id, "RUNNING")
        for trial in self.client.search_runs([self.id], being_logged):
            self.client.set_terminated(trial.info.run_id, "KILLED")
        self.client.set_terminated(run_id, "KILLED")

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator["RunLog"]:
        """Start a run; it ends finished, or failed when an error passes through."""
        run = self.client.create_run(self.id, tags={**tags, **_alive()}, run_name=name)
        try:
            yield RunLog(self.client, self.id, run.info.run_id)
        except BaseException:
            self.client.set_terminated(run.info.run_id, "FAILED")
            raise
        self.client.set_terminated(run.info.run_id, "FINISHED")

    def _search(self, key: str, status: str) -> list[Run]:
        found: list[Run] = self.client.search_runs(
            [self.id], _FILTER.format(KEY, key, status), order_by=["attributes.start_time ASC"]
        )
        return found


def _alive() -> dict[str, str]:
    return {HOST: socket.gethostname(), PID: str(os.getpid())}


@dataclass(frozen=True)
class RunLog:
    """One run that is being written, in few calls: each is a request to the server."""

    client: MlflowClient
    experiment_id: str
    run_id: str

    def dataset(self, snapshot: SnapshotRef, schema: Schema) -> None:
        """Log the snapshot as the run's dataset; its digest is the start of its sha256.

        Tasks that train side by side log the same one: MLflow looks whether it is there, and writes
        it, and the slower of two gets its database's error. The next time, it is there.
        """
        dataset = Dataset(
            name=snapshot.use_case,
            digest=snapshot.sha256[:16],
            source_type=urlsplit(snapshot.uri).scheme or "local",
            source=json.dumps({"uri": f"{snapshot.uri}/manifest.json"}),
            schema=json.dumps({"mlflow_colspec": schema.to_dict()}),
            profile=json.dumps({"num_rows": snapshot.rows}),
        )
        tags = [InputTag("mlflow.data.context", "training"), InputTag("sha256", snapshot.sha256)]
        for tries_left in reversed(range(RACES)):
            try:
                self.client.log_inputs(self.run_id, [DatasetInput(dataset, tags)])
            except MlflowException as error:
                if not tries_left or DUPLICATE not in str(error):
                    raise
            else:
                return

    def figures(
        self,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        model_id: str | None,
    ) -> None:
        """Log parameters, metrics (of the run and of its model) and tags, in one batch."""
        now = time.time_ns() // 1_000_000
        self.client.log_batch(
            self.run_id,
            metrics=[Metric(_spelled(k), v, now, 0, model_id=model_id) for k, v in metrics.items()],
            params=[Param(k, str(v)) for k, v in params.items()],
            tags=[RunTag(k, str(v)) for k, v in tags.items()],
        )

    def trial(self, name: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Log one point of a search as a run nested below this one."""
        run = self.client.create_run(
            self.experiment_id, tags={PARENT: self.run_id, **_alive()}, run_name=name
        )
        now = time.time_ns() // 1_000_000
        self.client.log_batch(
            run.info.run_id,
            metrics=[Metric(_spelled(k), v, now, 0) for k, v in metrics.items()],
            params=[Param(k, str(v)) for k, v in params.items()],
        )
        self.client.set_terminated(run.info.run_id, "FINISHED")

    def artifacts(self, folder: Path) -> None:
        """Upload all files of a folder."""
        self.client.log_artifacts(self.run_id, str(folder))

    @contextmanager
    def model(self, name: str, folder: Path) -> Iterator[str]:
        """Yield the id of a new model; upload its folder, which is filled inside.

        The model is ready once its files are there, and failed when an error passes through.
        """
        made = self.client.create_logged_model(
            self.experiment_id, name=name, source_run_id=self.run_id
        )
        try:
            yield made.model_id
            self.client.log_model_artifacts(made.model_id, str(folder))
        except BaseException:
            self.client.finalize_logged_model(made.model_id, LoggedModelStatus.FAILED)
            raise
        self.client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
        self.client.log_outputs(self.run_id, [LoggedModelOutput(made.model_id, 0)])


def _spelled(metric: str) -> str:
    """Return a name in characters that MLflow takes: `kept (€)` is `kept euro sign`."""
    return _STRANGE.sub(lambda found: _word(found[0]), metric)


def _word(character: str) -> str:
    bracket = unicodedata.category(character) in ("Ps", "Pe")
    return "" if bracket else unicodedata.name(character, "_").lower()


def client(settings: Settings) -> MlflowClient:
    """Return a client of the tracking server (or database) and its registry.

    Raises:
        Unreachable: the server does not answer. MLflow alone would try for minutes.
    """
    _reach(settings.tracking_uri)
    return MlflowClient(tracking_uri=settings.tracking_uri, registry_uri=settings.tracking_uri)


def find_run(settings: Settings, run_id: str) -> Run | None:
    """Return a run; None: MLflow says that there is none.

    Raises:
        Unreachable: MLflow does not answer, or not about the run. A page waits for it, so it is
            asked each time whether it answers at all.
    """
    _ask(settings.tracking_uri)
    try:
        return client(settings).get_run(run_id)
    except MlflowException as error:
        if error.error_code == GONE:
            return None
        raise Unreachable("MLflow", "MLFLOW_TRACKING_URI", error) from error


def _ask(tracking_uri: str) -> None:
    if problem := server.problem(tracking_uri, PATIENCE):
        raise Unreachable("MLflow", "MLFLOW_TRACKING_URI", problem)


_reach = cache(_ask)  # once for each process, when it answers


def experiment(settings: Settings, use_case: str) -> Experiment:
    """Return the experiment of a use case; made when there is none, by whoever comes first.

    Raises:
        NotOurs: somebody else made one of that name.
    """
    mlflow_client, name = client(settings), named(settings, use_case)
    found = mlflow_client.get_experiment_by_name(name)
    if found is None:
        served = settings.tracking_uri.startswith("http")
        place = None if served else f"{settings.artifacts_url.rstrip('/')}/{use_case}"
        try:
            return Experiment(mlflow_client, mlflow_client.create_experiment(name, place, OURS))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return experiment(settings, use_case)
    if not OURS.items() <= found.tags.items():
        raise NotOurs(f"an experiment {name} in MLflow")
    if found.lifecycle_stage == "deleted":
        mlflow_client.restore_experiment(found.experiment_id)
    return Experiment(mlflow_client, found.experiment_id)


def fetch_model(settings: Settings, model_uri: str, sha256: str) -> Pipeline:
    """Download `model.skops` and nothing else, check its digest and load it.

    Raises:
        ModelRefused: it cannot be had, has another digest, or holds types that are not trusted.
        Unreachable: MLflow does not answer, or not now, which says nothing about the model.
        NoRoom: the disk is full, which says nothing about it either.
    """
    with tempfile.TemporaryDirectory() as folder:
        return models.load(download_model(settings, model_uri, folder), sha256)


def download_model(settings: Settings, model_uri: str, folder: str) -> Path:
    """Put `model.skops` and nothing else into a folder, and return where; nothing is checked.

    Raises:
        ModelRefused: it cannot be had.
        Unreachable: MLflow does not answer, or not now.
        NoRoom: the disk is full.
    """
    return _download(settings, f"{model_place(settings, model_uri)}/{MODEL_FILE}", folder)


def fetch_golden(settings: Settings, run_id: str) -> Golden:
    """Download the golden rows of a run.

    Raises:
        ModelRefused: they cannot be had.
        Unreachable: MLflow does not answer, or not now.
        NoRoom: the disk is full.
    """
    with tempfile.TemporaryDirectory() as folder:
        with _told_apart(f"runs:/{run_id}/{GOLDEN_FILE}"):  # MLflow hides why these fail
            place = client(settings).get_run(run_id).info.artifact_uri
        file = _download(settings, f"{place}/{GOLDEN_FILE}", folder)
        return Golden.from_json(json.loads(file.read_text()))


def find_file(settings: Settings, place: str, name: str) -> bytes | None:
    """Return a file of a run or of a model, as it is; None: what lies there has none of that name.

    Raises:
        ModelRefused: it is there, and cannot be had.
        Unreachable: MLflow or the store does not answer, or not now, which says nothing about it.
        NoRoom: the disk is full.
    """
    with _told_apart(f"{place}/{name}"), tempfile.TemporaryDirectory() as folder:
        files: Any = get_artifact_repository(place, tracking_uri=settings.tracking_uri)
        if name not in {file.path for file in files.list_artifacts()}:
            return None
        return Path(files.download_artifacts(name, dst_path=folder)).read_bytes()


def is_gone(error: BaseException) -> bool:
    """Tell whether MLflow says that what was asked for does not exist, and not that it fails."""
    asked = (one for one in origins(error) if isinstance(one, MlflowException))
    return any(one.error_code == GONE for one in asked)


def log_report(
    settings: Settings, run_id: str, files: Mapping[str, str], folder: str = "report"
) -> None:
    """Add files, name to text, to the run, below a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in files.items():
            Path(scratch, name).write_text(text)
        client(settings).log_artifacts(run_id, scratch, folder)


def model_place(settings: Settings, model_uri: str) -> str:
    """Return where the files of a `models:/m-…` lie; MLflow downloads only whole folders of it.

    Raises:
        ModelRefused: MLflow does not know it.
        Unreachable: MLflow does not answer, or not now.
    """
    model_id = model_uri.removeprefix("models:/")
    if not model_id.startswith("m-"):
        return model_uri
    with _told_apart(model_uri):
        return str(client(settings).get_logged_model(model_id).artifact_location)


def _download(settings: Settings, uri: str, folder: str) -> Path:
    with _told_apart(uri):
        return Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=folder, tracking_uri=settings.tracking_uri
            )
        )


@contextmanager
def _told_apart(uri: str) -> Iterator[None]:
    """Tell what cannot be had from what cannot be had just now."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, MlflowException | OSError) and not hiccups.passes(error):
            raise
        if full := room.ran_out(error):
            raise full from error
        if hiccups.passes(error):
            raise Unreachable("MLflow", "MLFLOW_TRACKING_URI", error) from error
        raise ModelRefused(f"{uri} cannot be fetched: {error}") from error
