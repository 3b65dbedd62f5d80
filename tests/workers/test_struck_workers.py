"""Celery's workers are struck while they run steps, by what `evergreen chaos` does."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from evergreen import catalog
from evergreen.records import Records
from evergreen_workshop.chaos import command
from evergreen_workshop.chaos.cells import choose, draw
from evergreen_workshop.stack.first_training import FirstTraining, load_demo
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from evergreen_workshop.stack.progress import Progress
from s3 import Bucket
from shortened import declare
from waiting import eventually
from workers.fleet import Fleet, running

pytestmark = [
    pytest.mark.strikes,
    pytest.mark.end_to_end,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]

STRIKES, SEED = int(os.environ.get("STRIKES", "2")), int(os.environ.get("SEED", "4"))
RESULTS = os.environ.get("RESULTS")
"""A file to which what came of each fault is added."""
STOPPED = 60.0
"""Seconds that a worker stands still: Airflow has given its task to the other one by then."""
PATIENCE = 600.0


@pytest.fixture
def fleet(
    postgres: EmbeddedPostgres, bucket: Bucket, redis: Path, pgbouncer: Path, tmp_path: Path
) -> Iterator[Fleet]:
    declare(tmp_path / "declared", "iris")  # each fault wants a training
    told = {"EVERGREEN_NOTIFY_URLS": f"json://127.0.0.1:{free_port()}/"}  # where chaos listens
    with running(
        tmp_path, postgres, bucket, declarations=tmp_path / "declared", redis=redis,
        pgbouncer=pgbouncer, variables=told,
    ) as started:  # fmt: skip
        yield started


@pytest.mark.timeout(900 + 240 * STRIKES)
def test_a_worker_that_is_killed_or_stands_still_does_no_harm(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = fleet.settings(monkeypatch)
    known = catalog.load(shared.use_cases_dir)
    load_demo(known, shared.database_url, datetime.now(UTC).date() - timedelta(days=1))
    eventually(fleet.well, "all that the house runs", PATIENCE)

    with Records(shared.database_url) as kept:
        training = FirstTraining(fleet.api, kept, Progress(Console(quiet=True)), PATIENCE)
        outcomes = training.run(known)
        cells = draw(choose(["Celery worker"], command.there_is()), SEED, STRIKES)
        with command.prepared(
            known.find("iris"), SEED, STOPPED, records=kept, settings=shared
        ) as it:
            file = Path(RESULTS) if RESULTS else None
            found = list(command.carry_out(it, [[cell] for cell in cells], file, print))

    assert [one for one in outcomes if not one.well] == [], fleet.told("scheduler")
    assert [(one.cell, one.complaints) for one in found if not one.well] == []
