"""A use case that has lived for a while is pruned: on real PostgreSQL, MLflow and store."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import worlds
from database import query, records_of
from evergreen import cycle, invariants, retention
from evergreen.catalog import Catalog
from evergreen.champions import promotion
from evergreen.champions.registry import ModelRegistry
from evergreen.data import extraction
from evergreen.errors import ChampionBusy, ModelRefused, Unreachable
from evergreen.learning import erasing
from evergreen.records import Promotion, Pruning
from evergreen.retention import Limits
from evergreen.retention.limits import PREDICTIONS, SETTINGS, SNAPSHOTS, TRAININGS
from evergreen.settings import Settings
from evergreen.steps import Run
from evergreen.storage import Store
from evergreen_workshop import demo
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from learning import CATALOG

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

DAYS = [datetime(2026, 2, 20 + n, tzinfo=UTC) for n in (0, 2, 4)]
LATER = datetime.now(UTC) + timedelta(days=100)
LIMITS = Limits(ages=dict.fromkeys(SETTINGS, timedelta(days=90)), champions=2, decisions=1)
WEATHER = CATALOG.find("weather")
QUICK = replace(WEATHER, candidates=(replace(WEATHER.candidate("logistic"), search={}),))
OF_THE_CLOCK = 15
"""How old the champion's knowledge is, which is of February."""
CATALOGUE = Catalog({"weather": QUICK})


def train(settings: Settings, day: datetime, purpose: str = "train") -> None:
    asked = Run(as_of=day, asked_at=DAYS[-1], key=f"test/{day:%m%d}", actor="ada", purpose=purpose)
    cycle.run(QUICK, asked, records=records_of(settings), settings=settings)


def answer(settings: Settings, row: Promotion, time: datetime, **changes: Any) -> str:
    """Put an answer of a champion on record, as the service does, with its label."""
    number, kept = str(uuid4()), records_of(settings)
    names = ("use_case", "version", "run_id", "sha256", "snapshot_sha256")
    line = {name: getattr(row, name) for name in names} | {
        "id": number, "request_id": number, "time": time.isoformat(), "code": "abc",
        "engine": "onnx", "variant": "champion", "inputs": {"wind": 1.5}, "output": 1,
        "latency_ms": 1.0,
    }  # fmt: skip
    kept.predictions.insert([json.dumps(line | changes).encode()])
    kept.labels.give(row.use_case, number, 1)
    return number


@pytest.fixture(scope="module")
def world(
    postgres: EmbeddedPostgres, mlflow_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    settings = worlds.empty(postgres, mlflow_template, tmp_path_factory.mktemp("lived"))
    demo.load("weather", settings.database_url, until=DAYS[-1].date() - timedelta(days=1))
    for day in DAYS:
        train(settings, day)
    rows = records_of(settings).promotions.of("weather")
    for row, days in zip(rows, (1, 50, 95), strict=True):
        answer(settings, row, LATER - timedelta(days=days))
    return settings


@pytest.fixture
def lived(world: Settings, postgres: EmbeddedPostgres) -> Iterator[Settings]:
    """Three champions, each of which has answered once, the first long ago."""
    with worlds.copied(world, postgres) as settings:
        yield settings


def prune(settings: Settings, *, apply: bool, limits: Limits = LIMITS) -> dict[str, Pruning]:
    found = retention.prune(
        "weather", limits, as_of=LATER, apply=apply, actor="ada", catalog=CATALOGUE,
        records=records_of(settings), settings=settings,
    )  # fmt: skip
    return {one.kind: one for one in found}


def prune_everything(settings: Settings, *, apply: bool) -> list[tuple[int, str]]:
    """Return of each part of the predictions that goes how many, and why."""
    found = retention.prune_all(
        None, LIMITS, as_of=LATER, apply=apply, actor="ada", catalog=CATALOGUE,
        records=records_of(settings), settings=settings,
    )  # fmt: skip
    return [(one.things, one.why) for one in found if one.kind == PREDICTIONS]


def everything(settings: Settings) -> Counter[str]:
    """Every file below the home, and every row of ours."""
    files = [str(path) for path in Path(settings.home).rglob("*") if path.is_file()]
    tables = query(
        settings.database_url,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'evergreen' AND tablename <> 'leases'",
    )
    rows = {
        table: query(settings.database_url, f"SELECT count(*) FROM evergreen.{table}")[0][0]
        for (table,) in tables
    }
    return Counter(files) + Counter(rows)


def broken(settings: Settings) -> list[invariants.Finding]:
    found = invariants.check(records_of(settings), settings, CATALOGUE)
    return [one for one in found if not one.holds and one.number != OF_THE_CLOCK]


def test_what_would_go_is_told_and_nothing_changes(lived: Settings) -> None:
    before = everything(lived)

    told = prune(lived, apply=False)

    assert everything(lived) == before
    assert told[PREDICTIONS].things == 1
    assert told[TRAININGS].things >= 2
    assert told[SNAPSHOTS].things >= 2
    assert all(one.bytes > 0 and one.oldest and one.why for one in told.values())


def test_what_was_told_goes_and_every_invariant_holds(lived: Settings) -> None:
    told, before = prune(lived, apply=False), everything(lived)
    runs = len(erasing.trainings(lived, "weather"))

    gone = prune(lived, apply=True)

    assert {kind: one.things for kind, one in gone.items()} == {
        kind: one.things for kind, one in told.items()
    }
    files = before - everything(lived)
    assert any("manifest.json" in path for path in files)
    assert any("model.skops" in path for path in files)
    assert runs - len(erasing.trainings(lived, "weather")) == told[TRAININGS].things
    assert set(ModelRegistry(lived, records_of(lived).locks).versions("weather")) == {2, 3}
    assert broken(lived) == []
    assert set(prune(lived, apply=True)) == set()


def test_a_month_that_is_old_goes_at_once_and_the_rest_in_batches(lived: Settings) -> None:
    [row, *_] = records_of(lived).promotions.of("weather")
    for days in (150, 151, 96):
        answer(lived, row, LATER - timedelta(days=days))
    told = prune_everything(lived, apply=False)

    gone = prune_everything(lived, apply=True)

    assert gone == told
    assert sum(things for things, _ in gone) == 4
    assert sum("the end of a month that is old" in why for _, why in gone) >= 1
    assert broken(lived) == []
    tables = query(lived.database_url, "SELECT name FROM evergreen.months")
    assert (f"{LATER - timedelta(days=150):%Y_%m}",) not in tables


def test_counts_of_answers_stay_right(lived: Settings) -> None:
    prune(lived, apply=True)

    tally = records_of(lived).predictions.tally()
    assert (tally.logged, tally.pruned, tally.orphans) == (2, 1, 0)
    [finding] = [
        one for one in invariants.check(records_of(lived), lived, CATALOGUE) if one.number == 11
    ]
    assert "3 logged" in finding.detail
    assert "1 of the logged were pruned since" in finding.detail


def test_the_champions_that_are_kept_still_work_and_the_others_say_that_they_are_gone(
    lived: Settings,
) -> None:
    prune(lived, apply=True)

    back = {"reason": "try", "actor": "ada", "ledger": records_of(lived), "settings": lived}
    with pytest.raises(ModelRefused, match="registry does not hold version 1"):
        promotion.rollback("weather", to=1, **back)
    done = promotion.rollback("weather", to=2, **back)
    assert done.promoted


@pytest.mark.parametrize(
    ("place", "times", "whole"),
    [((erasing, "erase"), 1, {PREDICTIONS}), ((Store, "delete"), 8, {PREDICTIONS, TRAININGS})],
)
def test_what_an_interrupted_pruning_deleted_is_on_record(
    lived: Settings,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[Any, str],
    times: int,
    whole: set[str],
) -> None:
    delete, gone = getattr(*place), []

    def delete_some(*asked: Any) -> None:
        if len(gone) == times:
            raise Unreachable("the store", "EVERGREEN_STORE_URL", "refused")
        gone.append(delete(*asked))

    with monkeypatch.context() as patch, pytest.raises(Unreachable):
        patch.setattr(*place, delete_some)
        prune(lived, apply=True)

    kept = [one for one in records_of(lived).prunings.newest("weather") if one.things]
    partly = [one for one in kept if one.kind not in whole]
    assert {one.kind for one in kept} > whole
    assert 1 <= sum(one.things for one in partly) <= times
    assert all(one.oldest for one in partly)


def test_the_same_training_can_be_done_again(lived: Settings) -> None:
    prune(lived, apply=True)

    train(lived, DAYS[0], "backfill")

    assert broken(lived) == []


def test_a_training_that_is_asked_for_again_is_young_again(lived: Settings) -> None:
    trainings = "SELECT count(*), count(*) FILTER (WHERE finished_at > '2021-01-01')"
    query(lived.database_url, "UPDATE evergreen.trainings SET finished_at = '2020-01-01'")
    [(before, _)] = query(lived.database_url, f"{trainings} FROM evergreen.trainings")

    train(lived, DAYS[0], "backfill")

    [(after, young)] = query(lived.database_url, f"{trainings} FROM evergreen.trainings")
    assert young > after - before


def test_a_version_that_somebody_goes_back_to_meanwhile_stays(
    lived: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, kept = erasing.measure, records_of(lived)

    def go_back(settings: Settings, run_id: str) -> int:
        if kept.pins.get("weather") is None:
            promotion.rollback(
                "weather", to=1, reason="try", actor="ada", ledger=kept, settings=lived
            )
        return measure(settings, run_id)

    monkeypatch.setattr(erasing, "measure", go_back)
    prune(lived, apply=True)

    assert kept.promotions.of("weather")[0].version == 1
    assert 1 in ModelRegistry(lived, kept.locks).versions("weather")
    assert broken(lived) == []


def test_a_training_that_is_asked_for_again_meanwhile_stays(
    lived: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, asked = erasing.measure, []

    def ask(settings: Settings, run_id: str) -> int:
        if not asked:
            now = f"'{LATER:%Y-%m-%d}' WHERE document ->> 'run_id' = '{run_id}'"
            query(lived.database_url, f"UPDATE evergreen.trainings SET finished_at = {now}")
            asked.append(run_id)
        return measure(settings, run_id)

    monkeypatch.setattr(erasing, "measure", ask)
    prune(lived, apply=True)

    assert asked[0] in {one.run_id for one in erasing.trainings(lived, "weather")}


def test_chunks_stay_while_somebody_extracts(lived: Settings, monkeypatch: Any) -> None:
    busy, done = threading.Event(), threading.Event()

    def extract() -> None:
        with records_of(lived).locks.hold(extraction.LOCK, "weather", shared=True):
            busy.set()
            done.wait(60)

    held = records_of(lived).locks.hold
    monkeypatch.setattr(
        "evergreen.records.locks.Locks.hold",
        lambda _, purpose, name, timeout=120, **more: held(purpose, name, 0.2, **more),
    )
    before = {path for path in everything(lived) if "/snapshots/" in path}
    extracting = threading.Thread(target=extract)
    extracting.start()
    busy.wait(60)

    with pytest.raises(ChampionBusy, match="evergreen/snapshots/weather"):
        prune(lived, apply=True)

    done.set()
    extracting.join()
    assert before == {path for path in everything(lived) if "/snapshots/" in path}
