"""What the last release left behind is taken over: all holds, it answers, and training goes on."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from database import query, records_of
from evergreen import invariants
from evergreen.backups import Vault, restore
from evergreen.catalog import Catalog
from evergreen.records import schema
from evergreen.settings import Settings
from evergreen_workshop import demo
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from faults.dying import declared
from faults.release import FIRST, HOME, ask, settings_of, train

VAULT = Vault(str(Path(__file__).parent / "release"))


@pytest.fixture
def taken_over(postgres: EmbeddedPostgres) -> Iterator[Settings]:
    """A home as the last release left it, with the rows of its table, migrated."""
    shutil.rmtree(HOME, ignore_errors=True)
    for name in ("release", "release_mlflow"):
        postgres.create_database(name)
    settings = settings_of(postgres.url("release"), postgres.url("release_mlflow"))
    restore(VAULT, VAULT.find(), settings=settings)
    demo.load("iris", settings.database_url, until=FIRST.date())
    demo.feed("iris", settings.database_url, 5)
    records_of(settings).migrate()
    yield settings
    shutil.rmtree(HOME, ignore_errors=True)


def broken(settings: Settings) -> list[str]:
    found = invariants.check(records_of(settings), settings, Catalog({"iris": declared()}))
    return [f"{one.number}: {one.detail}" for one in found if one.status != "passed"]


def test_a_home_of_the_last_release_is_taken_over_whole(taken_over: Settings) -> None:
    kept = records_of(taken_over)
    before = kept.promotions.of("iris")
    at = "SELECT version_num FROM evergreen.alembic_version"
    [(revision,)] = query(taken_over.database_url, at)

    assert revision == schema.REVISIONS[-1]
    assert [(row.version, row.kind, row.state) for row in before] == [
        (2, "refresh", "done"), (1, "change", "done"),
    ]  # fmt: skip
    assert kept.predictions.tally().logged == 20
    assert broken(taken_over) == []
    assert ask(taken_over, 2) == ["setosa", "setosa"]

    demo.feed("iris", taken_over.database_url, 5)
    done = train(taken_over, FIRST + timedelta(days=3))

    assert done.promotion is not None, done.sentence
    assert done.promotion.promoted, done.sentence
    newest = kept.promotions.of("iris")[0]
    assert (newest.version, newest.kind) == (3, "refresh")
    assert newest.predecessor_id == before[0].id
    assert ask(taken_over, 1) == ["setosa"]
    assert broken(taken_over) == []
