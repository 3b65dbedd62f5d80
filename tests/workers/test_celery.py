"""All use cases trained by Celery's workers, of which one dies in the middle of a training.

One runs on another machine: what listens on this one's loopback is not on its own.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from database import query
from evergreen import catalog, cycle, invariants
from evergreen.catalog import Catalog
from evergreen.records import Decision, Records
from evergreen.refs import Status
from evergreen.settings import Settings
from evergreen.steps import Run
from evergreen_workshop.stack.first_training import FirstTraining, load_demo
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from evergreen_workshop.stack.progress import Progress
from hosts import another_host_on_loopback
from s3 import Bucket
from shortened import declare
from waiting import eventually
from workers.fleet import WORKERS, Fleet, running

pytestmark = [pytest.mark.workers, pytest.mark.end_to_end]

WITH_AN_EDGE = ("churn", "crop", "energy", "iris", "weather")
"""Stocks has none: its gate refuses, as it should."""
PATIENCE = 1200.0
A_FIT = """
SELECT dag_id, task_id || '/map_index=' || map_index FROM task_instance
WHERE state = 'running' AND dag_id = 'weather_training' AND task_id LIKE 'train%'
"""
TRIED_AGAIN = "SELECT count(*) FROM task_instance WHERE try_number > 1 AND state = 'success'"
SHARED = (2, 3, 4, 5, 6, 7, 9, 10)
"""The invariants of what is shared: snapshots, models, decisions, predictions."""


@pytest.fixture
def declarations(tmp_path: Path) -> Path:
    """All use cases, two candidates of each."""
    folder = tmp_path / "declared"
    for name in (*WITH_AN_EDGE, "stocks"):
        declare(folder, name, candidates=2)
    return folder


@pytest.fixture
def fleet(
    postgres: EmbeddedPostgres,
    bucket: Bucket,
    declarations: Path,
    redis: Path,
    pgbouncer: Path,
    tmp_path: Path,
) -> Iterator[Fleet]:
    with (
        another_host_on_loopback() as far,
        running(
            tmp_path, postgres, bucket, declarations=declarations, redis=redis,
            pgbouncer=pgbouncer, far=far,
        ) as started,
    ):  # fmt: skip
        yield started


@pytest.fixture
def shared(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return fleet.settings(monkeypatch)


@pytest.fixture
def known(declarations: Path) -> Catalog:
    return catalog.load(declarations / "use_cases")


@pytest.fixture(scope="module")
def yesterday() -> date:
    return datetime.now(UTC).date() - timedelta(days=1)


def alone(name: str, known: Catalog, like: Decision, settings: Settings) -> cycle.Cycle:
    """Train in this process what the fleet has trained, as of the same moment."""
    assert like.as_of is not None
    run = Run(as_of=like.as_of, asked_at=like.as_of, key="test/alone", actor="ada")
    with Records(settings.database_url) as kept:
        return cycle.run(known.find(name), run, records=kept, settings=settings)


@pytest.mark.timeout(2400)
def test_a_worker_dies_in_mid_training_and_the_other_ends_it(
    fleet: Fleet,
    shared: Settings,
    settings: Settings,
    known: Catalog,
    yesterday: date,
) -> None:
    airflow = shared.airflow_database_url
    for database in (shared.database_url, settings.database_url):
        load_demo(known, database, yesterday)
    eventually(lambda: fleet.api.health()["scheduler"] == "healthy", "the scheduler", PATIENCE)

    with Records(shared.database_url) as kept, ThreadPoolExecutor(1) as aside:
        training = FirstTraining(fleet.api, kept, Progress(Console(quiet=True)), PATIENCE)
        ended = aside.submit(training.run, known)
        [(dag, task), *_] = eventually(lambda: query(airflow, A_FIT), "a fit of weather", PATIENCE)
        [dies] = eventually(lambda: fleet.who_did(dag, task), "its log", PATIENCE)
        fleet.kill(dies)
        outcomes = ended.result()
        promoted = {name: kept.promotions.of(name) for name in known.use_cases}
        iris = kept.decisions.newest("iris", kind="gate")[0]
        checked = invariants.check(kept, shared, known, now=datetime.now(UTC))

    assert [one for one in outcomes if not one.well] == [], fleet.told("scheduler")
    assert {name: [one.version for one in of] for name, of in promoted.items()} == {
        name: [1] * (name in WITH_AN_EDGE) for name in known.use_cases
    }
    assert query(airflow, TRIED_AGAIN) != [(0,)], "nobody made up for what the dead one left"
    assert fleet.who_did("*", "*") == set(WORKERS)
    assert {
        one.number: one.detail
        for one in checked
        if one.number in SHARED and one.status != Status.PASSED
    } == {}
    here = alone("iris", known, iris, replace(settings, commit=shared.commit)).promotion
    there = promoted["iris"][0]
    assert here is not None
    assert (here.champion.sha256, here.champion.snapshot_sha256) == (
        there.sha256,
        there.snapshot_sha256,
    )
