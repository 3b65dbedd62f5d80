import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from database import query
from evergreen.errors import SchemaOutdated
from evergreen.records import Pin, Records, schema
from evergreen.records.api_keys import ApiKey
from evergreen.records.migrations import upgrade
from evergreen.records.retirements import Retirement
from records.test_each import promote

OLD = Path(__file__).parent / "schema_of_0_1_0.sql"
SHAPE = """
SELECT table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'evergreen'
UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'evergreen'::regnamespace
UNION ALL SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes
WHERE schemaname = 'evergreen' ORDER BY 1, 2, 3
"""


def of_last_release(url: str) -> None:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(OLD.read_text())


def test_migrates_once_when_many_come_first_together(blank_url: str):
    def first(_: int) -> None:
        with Records(blank_url) as records:
            records.migrate()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(first, range(16)))

    [(revision,)] = query(blank_url, "SELECT version_num FROM evergreen.alembic_version")
    assert revision == schema.REVISIONS[-1]


def test_takes_over_a_database_of_the_last_release(postgres, blank_url: str):
    of_last_release(blank_url)
    postgres.create_database("made_new")

    with Records(blank_url) as records, Records(postgres.url("made_new")) as new:
        new.migrate()
        promotions = records.promotions.of("weather")
        decisions, incidents = records.decisions.newest(), records.incidents.newest()

    assert [(p.version, p.kind, p.state) for p in promotions] == [
        (1, "rollback", "done"), (2, "change", "done"), (1, "change", "done"),
    ]  # fmt: skip
    assert [d.run_key for d in decisions] == ["cli/c", "cli/b", "cli/a"]
    assert [i.message for i in incidents] == ["boom"]
    assert query(blank_url, SHAPE) == query(postgres.url("made_new"), SHAPE)


def test_takes_over_a_database_that_an_older_release_left_half_way(blank_url: str):
    of_last_release(blank_url)
    with psycopg2.connect(blank_url) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM evergreen.migrations WHERE name = '005_landings'")
        cursor.execute("DROP TABLE evergreen.landings")

    with Records(blank_url) as records:
        records.migrate()

    assert query(blank_url, "SELECT count(*) FROM evergreen.landings") == [(0,)]


def test_a_step_that_fails_changes_nothing(blank_url: str, monkeypatch: pytest.MonkeyPatch):
    execute = upgrade.execute

    def until_the_last(connection, sql: str):
        if "evergreen.leases" in sql:
            raise RuntimeError("the power goes")
        return execute(connection, sql)

    with monkeypatch.context() as before, Records(blank_url) as records:
        before.setattr(upgrade, "execute", until_the_last)
        with pytest.raises(RuntimeError, match="power"):
            records.migrate()
    assert query(blank_url, "SELECT to_regnamespace('evergreen')") == [(None,)]

    with Records(blank_url) as records:
        records.migrate()


@pytest.mark.parametrize("table", ["api_keys", "pins", "promotions", "releases", "retirements"])
def test_columns_of_newer_code_hinder_no_service_of_before(
    records: Records, database_url: str, table: str
):
    query(database_url, f"ALTER TABLE evergreen.{table} ADD COLUMN later text DEFAULT 'x'")

    key = records.api_keys.create(ApiKey(name="shop", sha256="0", scopes=("read",)))
    pin = records.pins.put(Pin(use_case="iris", version=1, reason="why", actor="ada"))
    promotion = promote(records, "iris", 1)
    trial = records.trials.start("iris", "canary", 0.1, {}, reason="to see", actor="ada")
    retired = records.retirements.put(Retirement(use_case="iris", reason="sold", actor="ada"))

    assert records.api_keys.all() == (key,)
    assert records.pins.get("iris") == pin
    assert records.promotions.of("iris") == (promotion,)
    assert records.trials.running("iris") == (trial,)
    assert records.retirements.get("iris") == retired


def test_a_schema_of_newer_code_is_left_alone(blank_url: str):
    with Records(blank_url) as records:
        records.migrate()
    with psycopg2.connect(blank_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE evergreen.alembic_version SET version_num = '999_later'")

    with Records(blank_url) as records:
        assert records.promotions.champion("weather") is None

    assert query(blank_url, "SELECT * FROM evergreen.alembic_version") == [("999_later",)]


def test_without_alembic_an_old_schema_is_told_and_a_current_one_served(
    blank_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr("evergreen.records.migrations.upgrade")
    monkeypatch.delitem(sys.modules, "evergreen.records.migrations.upgrade")
    monkeypatch.setitem(sys.modules, "alembic", None)
    records = Records(blank_url)

    with records, pytest.raises(SchemaOutdated, match=r"alembic.*evergreen db migrate"):
        records.promotions.champion("weather")

    monkeypatch.undo()
    with Records(blank_url) as elsewhere:
        elsewhere.migrate()
    monkeypatch.setitem(sys.modules, "alembic", None)
    with records:
        assert records.promotions.champion("weather") is None


def test_each_revision_has_its_sql_and_follows_the_one_before():
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(schema.VERSIONS.parent))

    revisions = [revision.revision for revision in script.walk_revisions()]

    assert tuple(reversed(revisions)) == schema.REVISIONS


def test_is_light_to_import():
    heavy = "{'alembic', 'sqlalchemy', 'pandas', 'numpy', 'mlflow', 'sklearn', 'pyarrow'}"
    code = f"import evergreen.records, sys; print(sorted({heavy} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout.strip() == "[]", result.stderr
