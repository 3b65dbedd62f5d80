"""A training whose tasks run on workers that share no disk: only the store, MLflow, PostgreSQL."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow.data import get_source

from database import records_of
from evergreen import catalog, invariants, records, steps
from evergreen.catalog import Catalog
from evergreen.invariants import Finding
from evergreen.learning import tracking
from evergreen.refs import (
    CHANGE,
    REFRESH,
    CandidateRef,
    PromotionRef,
    Ref,
    SnapshotRef,
    Status,
    Verdict,
)
from evergreen.settings import PROJECT, Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from evergreen_workshop import demo
from evergreen_workshop.stack.ports import free_port
from mlflow_server import MlflowServer
from s3 import Bucket

DAY = timedelta(days=1)
AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
SHARED = (2, 3, 4, 5, 6, 7, 9, 10)
"""The invariants of what is shared: snapshots, models, decisions, predictions."""


class Home:
    """A worker with a folder of its own, which is gone after each task."""

    def __init__(self, folder: Path, shared: Settings) -> None:
        self.settings = at_home(folder, shared)
        self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def __call__(self, step: str, *given: Any) -> Any:
        found = self._process.submit(do, self.settings, step, given).result()
        shutil.rmtree(self.settings.home, ignore_errors=True)
        return found

    def close(self) -> None:
        self._process.shutdown()


def at_home(folder: Path, shared: Settings) -> Settings:
    """Settings of a machine with a copy of the declarations, and nothing else."""
    shutil.copytree(PROJECT / "include" / "use_cases", folder / "use_cases")
    shutil.copytree(PROJECT / "expectations", folder / "expectations")
    return replace(
        shared,
        home=folder / "home",
        use_cases_dir=folder / "use_cases",
        expectations_dir=folder / "expectations",
    )


def weather(settings: Settings) -> UseCase:
    use_case = catalog.load(settings.use_cases_dir).find("weather")
    quick = replace(use_case.candidate("logistic"), search={})
    return replace(use_case, candidates=(quick,), baselines=use_case.baselines[:1])


def do(settings: Settings, step: str, given: tuple[Any, ...]) -> Any:
    """Do one step as a task does, from small references alone; drafts lie in its home, too."""
    drafts = settings.home / "drafts"
    drafts.mkdir(parents=True)
    tempfile.tempdir = str(drafts)
    with records.open(settings) as kept:
        return getattr(steps, step)(weather(settings), *given, records=kept, settings=settings)


def check(settings: Settings, now: datetime) -> list[Finding]:
    known = Catalog({"weather": weather(settings)})
    found = invariants.check(records_of(settings), settings, known, now=now)
    return [finding for finding in found if finding.number in SHARED]


@pytest.fixture
def shared(settings: Settings, bucket: Bucket, tmp_path: Path) -> Iterator[Settings]:
    """Settings of what all homes share, and nothing of it a disk."""
    server = MlflowServer(settings.tracking_uri, tmp_path / "mlflow", free_port())
    try:
        server.wait()
        yield replace(
            settings,
            home=tmp_path / "nowhere",
            tracking_uri=server.url,
            artifacts_url="",
            store_url=bucket.url,
            store_options=bucket.options,
            commit="0" * 40,
        )
    finally:
        server.stop()


@pytest.fixture
def homes(shared: Settings, tmp_path: Path) -> Iterator[tuple[Home, Home]]:
    one, two = Home(tmp_path / "one", shared), Home(tmp_path / "two", shared)
    yield one, two
    one.close()
    two.close()


@dataclass
class Training:
    """What the steps of a training handed each other."""

    snapshot: SnapshotRef
    walked: list[CandidateRef]
    fitted: Verdict
    promotion: PromotionRef
    refs: list[Ref]

    @property
    def fits(self) -> int:
        return sum(ref.fitted for ref in self.walked)


def train(one: Home, two: Home, as_of: datetime) -> Training:
    """Run every step in the home that did not do the one before."""
    run = Run(as_of=as_of, asked_at=as_of, key=f"test/{as_of:%F}", actor="ada")
    turns = cycle([one, two])
    snapshot = next(turns)("extract", run)
    validated = next(turns)("validate", snapshot, run)
    built = next(turns)("build_features", validated, run)
    names = weather(one.settings).trainings
    walked = [ref for name in names if (ref := next(turns)("train", built, name, run))]
    evaluation = next(turns)("evaluate", built, walked, run)
    verdict = next(turns)("gate", evaluation, run)
    fitted = next(turns)("fit", verdict, run)
    promotion = next(turns)("promote", fitted, run)
    refs = [snapshot, validated, built, *walked, evaluation, verdict, fitted, promotion]
    return Training(snapshot, walked, fitted, promotion, refs)


def source(settings: Settings, walked: CandidateRef) -> str:
    """Return where MLflow finds the rows of a run."""
    run = tracking.client(settings).get_run(walked.run_id)
    return str(get_source(run.inputs.dataset_inputs[0].dataset).uri)


@contextmanager
def service(settings: Settings) -> Iterator[httpx.Client]:
    """Run the service as its image does: told by the environment, in a home of its own."""
    env = os.environ | {
        "EVERGREEN_HOME": str(settings.home),
        "EVERGREEN_DATABASE_URL": settings.database_url,
        "EVERGREEN_STORE_URL": settings.store_url,
        "EVERGREEN_STORE_OPTIONS": json.dumps(settings.store_options),
        "EVERGREEN_SERVE_PORT": str(settings.serve_port),
        "EVERGREEN_USE_CASES_DIR": str(settings.use_cases_dir),
        "EVERGREEN_EXPECTATIONS_DIR": str(settings.expectations_dir),
        "EVERGREEN_COMMIT": settings.commit,
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
    }
    process = subprocess.Popen([sys.executable, "-m", "evergreen.serving"], env=env)
    try:
        with httpx.Client(base_url=settings.serve_url, timeout=30) as client:
            ready(client, process)
            yield client
    finally:
        process.terminate()
        process.wait(30)


def ready(client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 90
    while True:
        try:
            answer = client.get("/ready")
            if answer.status_code == 200:
                return
        except httpx.TransportError as error:
            answer = error
        assert process.poll() is None and time.monotonic() < end, answer
        time.sleep(0.2)


def test_nothing_that_tasks_hand_each_other_lies_on_a_disk(
    shared: Settings, homes: tuple[Home, Home], tmp_path: Path
) -> None:
    one, two = homes
    demo.load("weather", shared.database_url, until=AS_OF.date() - DAY)

    first = train(one, two, AS_OF)
    demo.feed("weather", shared.database_url, days=1)
    second = train(two, one, AS_OF + DAY)

    assert [it.promotion.champion.version for it in (first, second)] == [1, 2]
    assert [it.fitted.kind for it in (first, second)] == [CHANGE, REFRESH]
    assert 0 < second.fits < first.fits, "the walks of the first day are not remembered"
    assert str(tmp_path) not in json.dumps([ref.to_json() for ref in first.refs + second.refs])
    assert source(shared, second.walked[0]) == f"{second.snapshot.uri}/manifest.json"
    third = replace(at_home(tmp_path / "three", shared), serve_port=free_port())
    with service(third) as client:
        answer = client.post("/weather/predict", json={"key": {"date": f"{AS_OF - DAY:%F}"}})
        assert (answer.status_code, answer.json()["version"]) == (200, 2), answer.text
    assert {
        f.number: f.detail for f in check(third, AS_OF + DAY) if f.status != Status.PASSED
    } == {}
