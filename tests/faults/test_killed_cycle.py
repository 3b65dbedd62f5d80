"""Killed at any moment and run again, a cycle ends as if nothing had happened."""

import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from database import records_of
from databases import Databases
from evergreen import invariants
from evergreen.catalog import Catalog
from evergreen.settings import PROJECT, Settings
from evergreen_workshop import demo
from faults.dying import AS_OF, counted, declared, run

CELLS, SEED = int(os.environ.get("EVERGREEN_FAULTS", 2)), 20261126
"""Moments of death that are tried (all: `EVERGREEN_FAULTS=1000`), and what draws them."""
TOGETHER = multiprocessing.get_context("forkserver")
TOGETHER.set_forkserver_preload(["faults.dying"])


@dataclass(frozen=True)
class Outcome:
    """What a person would look at."""

    champions: tuple[tuple[int, str, str], ...]
    decisions: tuple[tuple[str, str], ...]
    broken: tuple[str, ...]


@pytest.fixture
def home(
    databases: Databases, mlflow_databases: Databases, tmp_path: Path
) -> "Callable[[str], Settings]":
    """New homes, with the demo's rows."""
    lent = []

    def made(name: str) -> Settings:
        for kept in (databases, mlflow_databases):
            lent.append(kept.lend())
        url, tracking = (each.__enter__() for each in lent[-2:])
        demo.load("iris", url, until=AS_OF.date() - timedelta(days=1))
        return Settings(
            home=tmp_path / name, database_url=url,
            tracking_uri=tracking.replace("postgresql://", "postgresql+psycopg2://"),
            artifacts_url=str(tmp_path / name / "artifacts"),
            use_cases_dir=PROJECT / "include" / "use_cases",
            expectations_dir=PROJECT / "expectations",
        )  # fmt: skip

    yield made
    for each in lent:
        each.__exit__(None, None, None)


def child(settings: Settings, at: int = 0) -> tuple[int, int]:
    """Run the cycle in a process of its own; return its exit code, and the moments it saw."""
    told = TOGETHER.Value("i", 0)
    process = TOGETHER.Process(target=counted, args=(settings, told, at))
    process.start()
    process.join(300)
    return int(process.exitcode or 0), int(told.value)


def outcome(settings: Settings) -> Outcome:
    """Look at what there is."""
    kept = records_of(settings)
    found = invariants.check(kept, settings, Catalog({"iris": declared()}))
    return Outcome(
        champions=tuple((row.version, row.kind, row.state) for row in kept.promotions.of("iris")),
        decisions=tuple(sorted((row.kind, row.outcome) for row in kept.decisions.newest("iris"))),
        broken=tuple(f"{one.number}: {one.detail}" for one in found if one.status != "passed"),
    )


def test_killed_anywhere_and_run_again_it_ends_as_if_nothing_had_happened(
    home: "Callable[[str], Settings]",
) -> None:
    calm = home("calm")
    code, moments = child(calm)
    assert code == 0
    expected = outcome(calm)
    draw = random.Random(SEED)  # noqa: S311
    chosen = sorted(draw.sample(range(1, moments + 1), min(CELLS, moments)))

    ended = {}
    for at in chosen:
        settings = home(f"killed-{at}")
        died, _ = child(settings, at)
        assert died == -signal.SIGKILL
        run(settings)
        ended[at] = outcome(settings)

    assert moments > 50
    assert {at: found for at, found in ended.items() if found != expected} == {}
    assert expected.champions == ((1, "change", "done"),)
    assert expected.broken == ()
