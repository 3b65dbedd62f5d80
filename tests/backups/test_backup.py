"""A house that burnt down, and its backup: real PostgreSQL, real MLflow, trained models."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from database import query, records_of
from evergreen import console
from evergreen.backups import Vault, back_up, dumps, restore
from evergreen.errors import BackupDamaged, BackupFailed, NoSuchBackup, NotEmpty
from evergreen.learning import tracking
from evergreen.records import Records
from evergreen.settings import Settings
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from s3 import Bucket
from test_invariants import NAME, World, built_world, check

__all__ = ["built_world"]
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
THEIRS = """
CREATE SCHEMA other;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('calm');
CREATE DOMAIN share AS real CHECK (value <= 1);
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE SEQUENCE numbers;
CREATE TABLE theirs (id serial PRIMARY KEY, name citext, part share, one int DEFAULT one());
CREATE TABLE other.theirs (id serial, mood mood DEFAULT 'calm', n int DEFAULT nextval('numbers'));
CREATE TABLE other.tags AS SELECT 1 AS one
"""
"""What may stand beside MLflow's tables."""


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(str(tmp_path / "vault"))


@pytest.fixture
def house(built_world: World) -> Settings:
    return built_world.settings


@pytest.fixture
def elsewhere(house: Settings, postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Settings]:
    """Another machine: empty databases; the artifacts come back to where MLflow looks for them."""
    name = tmp_path.name.replace("-", "_")
    postgres.create_database(name)
    postgres.create_database(f"{name}_mlflow")
    at = postgres.url(f"{name}_mlflow").replace("postgresql://", "postgresql+psycopg2://")
    yield replace(house, database_url=postgres.url(name), tracking_uri=at)


def made(vault: Vault, house: Settings, now: datetime = NOW):
    return back_up(vault, records=records_of(house), settings=house, now=now)


def burnt(house: Settings, ash: Path) -> None:
    """Take away the files of a house: its store and MLflow's artifacts."""
    shutil.copytree(house.home, ash)
    for folder in ("snapshots", "reports", "walks", "artifacts"):
        shutil.rmtree(house.home / folder, ignore_errors=True)


@pytest.fixture
def fire(house: Settings, tmp_path: Path) -> Iterator[Path]:
    """Where the house is kept while it burns; it stands again for the test after this."""
    ash = tmp_path / "ash"
    yield ash
    if ash.exists():
        shutil.rmtree(house.home)
        shutil.move(ash, house.home)


def test_all_holds_and_the_champion_answers_after_a_fire(
    built_world: World, house: Settings, elsewhere: Settings, vault: Vault, fire: Path
) -> None:
    before = records_of(house).promotions.of(NAME)
    kept = made(vault, house)
    burnt(house, fire)

    lost = restore(vault, vault.find(), settings=elsewhere)

    champion = records_of(elsewhere).promotions.champion(NAME)
    assert lost == {}
    assert kept.missing == ()
    assert records_of(elsewhere).promotions.of(NAME) == before
    assert champion is not None
    assert tracking.fetch_model(elsewhere, champion.model_uri, champion.sha256) is not None
    assert [f for f in check(elsewhere, built_world.catalog) if f.status != "passed"] == []


def test_a_vault_may_lie_on_s3(house: Settings, elsewhere: Settings, bucket: Bucket) -> None:
    vault = Vault(bucket.url, bucket.options)
    before = records_of(house).promotions.of(NAME)
    kept = made(vault, house)

    restore(vault, vault.find(kept.name), settings=elsewhere)

    assert vault.names() == [kept.name]
    assert records_of(elsewhere).promotions.of(NAME) == before


def test_a_second_backup_copies_only_what_is_new(house: Settings, vault: Vault) -> None:
    first = made(vault, house)
    page = house.home / "reports" / "new.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text("x" * 10_000)

    second = made(vault, house, NOW + timedelta(days=1))

    page.unlink()
    dumps = second.records.size + (second.mlflow.size if second.mlflow else 0)
    assert vault.names() == [first.name, second.name]
    assert 10_000 <= second.added <= 10_000 + dumps
    assert first.size > 10 * 10_000


def gone_on_from(kept, vault: Vault, elsewhere: Settings):
    """Restore a backup, and decide once more there; return the backup."""
    restore(vault, kept, settings=elsewhere)
    decisions = records_of(elsewhere).decisions
    [some] = decisions.newest(NAME, limit=1)
    decisions.record(replace(some, id=str(uuid4())))
    return kept


def test_what_came_after_the_backup_is_told_as_lost(
    house: Settings, elsewhere: Settings, vault: Vault
) -> None:
    kept = gone_on_from(made(vault, house), vault, elsewhere)

    with pytest.raises(NotEmpty, match="lost would be 1 decisions"):
        restore(vault, kept, settings=elsewhere)
    lost = restore(vault, kept, settings=elsewhere, replace=True)

    assert lost["decisions"] == 1
    assert records_of(elsewhere).counts(["decisions"]) == {"decisions": kept.counts["decisions"]}


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"spoilt")])
def test_a_damaged_backup_touches_nothing(
    house: Settings, elsewhere: Settings, vault: Vault, spoil
) -> None:
    kept = made(vault, house)
    some = next(iter(kept.files["store"].values()))
    spoil(Path(vault.url, "files", some.sha256[:2], some.sha256))

    with pytest.raises(BackupDamaged, match=some.sha256):
        restore(vault, kept, settings=elsewhere)

    assert query(elsewhere.database_url, "SELECT to_regclass('evergreen.promotions')") == [(None,)]


def test_a_dump_that_cannot_be_read_leaves_the_records_as_they_are(
    house: Settings, elsewhere: Settings, vault: Vault
) -> None:
    kept = made(vault, house)
    restore(vault, kept, settings=elsewhere)
    before = records_of(elsewhere).promotions.of(NAME)

    with pytest.raises(BackupFailed, match="pg_restore failed"):
        restore(
            vault, replace(kept, records=next(iter(kept.files["store"].values()))),
            settings=elsewhere, replace=True,
        )  # fmt: skip

    assert records_of(elsewhere).promotions.of(NAME) == before


def test_a_restore_that_was_killed_is_made_up_by_the_next(
    house: Settings, elsewhere: Settings, vault: Vault
) -> None:
    kept, url = made(vault, house), elsewhere.database_url
    restore(vault, kept, settings=elsewhere)
    before = records_of(elsewhere).promotions.of(NAME)
    query(url, f"ALTER SCHEMA evergreen RENAME TO {dumps.BEFORE}")  # … killed
    with Records(url) as asking:
        asking.heartbeats.beat("watchdog", NOW)

    with pytest.raises(BackupFailed, match="pg_restore failed"):
        dumps.restore_records(url, Path(__file__))
    assert records_of(elsewhere).promotions.of(NAME) == before
    restore(vault, kept, settings=elsewhere, replace=True)

    assert records_of(elsewhere).promotions.of(NAME) == before
    assert query(url, f"SELECT to_regnamespace('{dumps.BEFORE}')") == [(None,)]


def test_what_a_killed_restore_put_aside_is_not_lost_without_a_word(
    house: Settings, elsewhere: Settings, vault: Vault
) -> None:
    kept = gone_on_from(made(vault, house), vault, elsewhere)
    query(elsewhere.database_url, f"ALTER SCHEMA evergreen RENAME TO {dumps.BEFORE}")  # … killed

    with pytest.raises(NotEmpty, match="lost would be 1 decisions"):
        restore(vault, kept, settings=elsewhere)
    lost = restore(vault, kept, settings=elsewhere, replace=True)

    assert lost["decisions"] == 1


def test_of_two_schemas_with_rows_a_person_says_which_is_wanted(
    house: Settings, elsewhere: Settings, vault: Vault
) -> None:
    kept = made(vault, house)
    restore(vault, kept, settings=elsewhere)
    query(elsewhere.database_url, f"CREATE SCHEMA {dumps.BEFORE}")

    with pytest.raises(BackupFailed, match=rf"{dumps.BEFORE} holds what .* evergreen has rows"):
        restore(vault, kept, settings=elsewhere, replace=True)

    assert records_of(elsewhere).promotions.of(NAME) != ()


def test_what_a_backup_cannot_see_is_told(house: Settings, vault: Vault, tmp_path: Path) -> None:
    served = replace(house, tracking_uri="http://127.0.0.1:1", artifacts_url=str(tmp_path / "no"))

    kept = made(vault, served)

    assert kept.mlflow is None
    assert "MLFLOW_BACKEND_STORE_URI does not say" in kept.missing[0]
    assert "no artifacts of MLflow lie below" in kept.missing[1]


def test_what_a_backup_lacks_is_not_told_as_put_back(
    house: Settings, elsewhere: Settings, vault: Vault, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = made(vault, replace(house, tracking_uri="http://127.0.0.1:1"))
    restore(vault, kept, settings=elsewhere)

    console.restored(kept, {}, [], as_json=False)
    told = " ".join(capsys.readouterr().out.split())
    console.restored(kept, {}, [], as_json=True)

    assert "What the backup holds is as it was at" in told
    assert "Not in it: MLflow's database" in told
    assert json.loads(capsys.readouterr().out)["missing"] == list(kept.missing)


def test_mlflow_s_database_is_not_left_out_without_a_word(
    house: Settings, elsewhere: Settings, vault: Vault
) -> None:
    kept = made(vault, house)

    with pytest.raises(BackupFailed, match="name its database by MLFLOW_BACKEND_STORE_URI"):
        restore(vault, kept, settings=replace(elsewhere, tracking_uri="http://127.0.0.1:1"))

    assert query(elsewhere.database_url, "SELECT to_regclass('evergreen.promotions')") == [(None,)]


def test_mlflow_s_database_is_kept_where_a_server_stands_before_it(
    house: Settings, vault: Vault
) -> None:
    served = replace(
        house, tracking_uri="http://127.0.0.1:1", tracking_database_url=house.tracking_uri
    )

    kept = made(vault, served)

    assert kept.mlflow is not None
    assert kept.missing == ()


def test_tables_of_others_stay_out_of_the_dump_of_mlflow(
    house: Settings, elsewhere: Settings, vault: Vault
) -> None:
    url = house.tracking_uri.replace("+psycopg2", "")
    query(url, "CREATE TABLE IF NOT EXISTS public.theirs AS SELECT 1 AS one")

    restore(vault, made(vault, house), settings=elsewhere)

    there = query(
        elsewhere.tracking_uri.replace("+psycopg2", ""),
        "SELECT to_regclass('public.theirs'), to_regclass('public.runs')",
    )
    query(url, "DROP TABLE public.theirs")
    assert there == [(None, "runs")]


def test_mlflow_is_restored_beside_what_others_have_in_its_database(
    house: Settings, elsewhere: Settings, vault: Vault
) -> None:
    url = elsewhere.tracking_uri.replace("+psycopg2", "")
    restore(vault, made(vault, house), settings=elsewhere)
    query(url, THEIRS)

    kept = made(vault, elsewhere)
    query(
        url,
        "DELETE FROM latest_metrics; INSERT INTO other.theirs DEFAULT VALUES;"
        "DELETE FROM other.tags",
    )
    restore(vault, kept, settings=elsewhere, replace=True)

    assert query(url, "SELECT id, mood FROM other.theirs") == [(1, "calm")]
    assert query(url, "SELECT one FROM other.tags") == []
    assert query(url, "SELECT count(*) > 0 FROM latest_metrics") == [(True,)]
    assert query(url, "SELECT nextval('experiments_experiment_id_seq') > 1") == [(True,)]


def test_mlflow_s_tables_come_back_to_a_schema_of_their_own(
    house: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    query(house.tracking_uri.replace("+psycopg2", ""), "ALTER SCHEMA public RENAME TO apart")
    try:
        at = f"{house.tracking_uri}?options=-csearch_path%3Dapart"
        dumps.dump_mlflow(at, tmp_path / "dump")
    finally:
        query(house.tracking_uri.replace("+psycopg2", ""), "ALTER SCHEMA apart RENAME TO public")

    dumps.restore_mlflow(elsewhere.tracking_uri, tmp_path / "dump")

    url = elsewhere.tracking_uri.replace("+psycopg2", "")
    assert query(url, "SELECT to_regclass('apart.runs')") == [("apart.runs",)]


def test_a_backup_that_is_not_there_is_told_with_those_that_are(
    house: Settings, vault: Vault
) -> None:
    with pytest.raises(NoSuchBackup, match=r"holds no backup$"):
        vault.find()
    kept = made(vault, house)

    with pytest.raises(NoSuchBackup, match=f"holds no backup noon; there are {kept.name}"):
        vault.find("noon")


def test_without_a_program_that_is_new_enough_it_is_told_what_to_install(
    house: Settings, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergreen.backups.dumps._major", lambda _: 9)

    with pytest.raises(BackupFailed, match=r"is of version 9.*install postgresql-client-"):
        made(vault, house)

    assert vault.names() == []
