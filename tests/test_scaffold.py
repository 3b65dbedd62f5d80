import json
import runpy
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from evergreen import catalog, scaffold
from evergreen.data.extraction import extract
from evergreen.data.warehouse import connect
from evergreen.errors import DeclarationError, EvergreenError
from evergreen.quality import suites
from evergreen.quality.validation import validate
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Kind, UseCase
from evergreen_workshop import demo

RUFF = Path(sys.executable).with_name("ruff")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
HOUSES = """
    CREATE TABLE houses (id bigserial PRIMARY KEY, area real, rooms smallint, price numeric(10, 2),
        town varchar(20), garden boolean, note text, built timestamptz);
    INSERT INTO houses (area, rooms, price, town, garden, note, built)
    SELECT 50 + n % 90, n % 6, 1000 * (50 + n % 90) + n, (ARRAY['Linz', 'Graz'])[n % 2 + 1],
        n % 3 = 0, 'note ' || n, timestamptz '2020-01-01' + n * interval '1 day'
    FROM generate_series(1, 300) AS n;
    UPDATE houses SET rooms = NULL, garden = NULL WHERE id % 10 = 0
"""


@pytest.fixture
def project(settings: Settings, tmp_path: Path) -> Settings:
    """An empty project on a database with three tables."""
    demo.load("iris", settings.database_url, date(2026, 11, 19))
    demo.load("weather", settings.database_url, date(2026, 11, 19))
    execute(settings, HOUSES)
    return replace(
        settings, use_cases_dir=tmp_path / "use_cases", expectations_dir=tmp_path / "expectations"
    )


def execute(settings: Settings, sql: str) -> None:
    with connect(settings.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)


def loaded(settings: Settings) -> UseCase:
    found = catalog.load(settings.use_cases_dir)
    assert found.broken == {}
    [use_case] = found.use_cases.values()
    return use_case


REQUESTS = {
    "multiclass": ({"table": "iris", "target": "species"}, Kind.MULTICLASS),
    "binary": ({"table": "houses", "target": "garden"}, Kind.BINARY),
    "regression in time": (
        {"table": "houses", "target": "price", "time": "built"},
        Kind.REGRESSION,
    ),
    "days": ({"table": "weather", "target": "condition", "time": "date"}, Kind.MULTICLASS),
}


@pytest.mark.parametrize(("request_", "kind"), REQUESTS.values(), ids=REQUESTS.keys())
def test_what_it_writes_loads_and_passes_on_its_table(
    request_: dict[str, str], kind: Kind, project: Settings
) -> None:
    module, suite = scaffold.new("mine", **request_, settings=project)

    use_case = loaded(project)
    assert use_case.kind is kind
    assert use_case.draft
    assert use_case.windows.temporal == ("time" in request_)
    assert len(use_case.candidates) == 3
    assert len(use_case.baselines) == 1
    assert suites.check_suite(suites.load(suite.parent, "mine"), use_case) == []
    snapshot = extract(use_case, as_of=NOW, asked_at=NOW, settings=project)
    result = validate(snapshot, use_case, settings=project)
    assert [failure.reason for failure in result.failed] == []
    assert result.passed
    assert len(module.read_text().splitlines()) <= 90


def test_what_it_writes_is_formatted_and_builds_estimators(project: Settings) -> None:
    for name, (request_, _) in enumerate(REQUESTS.values()):
        if request_["target"] != "garden":
            scaffold.new(f"mine_{name}", **request_, settings=project)

    for command in (["format", "--check", "--diff"], ["check"]):
        done = subprocess.run(
            [RUFF, *command, "--config", PROJECT / "pyproject.toml", project.use_cases_dir],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    for path in project.use_cases_dir.iterdir():
        use_case = runpy.run_path(str(path))["USE_CASE"]
        for candidate in use_case.candidates + use_case.baselines:
            assert set(candidate.search) <= set(candidate.build().get_params())


def test_many_columns_stay_on_few_lines(project: Settings) -> None:
    columns = ", ".join(f"{n} AS measurement_number_{n}" for n in range(40))
    execute(project, f"CREATE TABLE wide AS SELECT id, species, {columns} FROM iris")

    module, _ = scaffold.new("wide", table="wide", target="species", key=["id"], settings=project)

    assert len(loaded(project).features.numeric) == 40
    assert len(module.read_text().splitlines()) <= 90
    assert max(map(len, module.read_text().splitlines())) <= 100


def test_odd_names_do_no_harm(project: Settings) -> None:
    odd = 'a"", ""b\'); import os #\n'
    execute(project, f'ALTER TABLE iris RENAME COLUMN petal_width TO "{odd}"')

    scaffold.new("odd", table="iris", target="species", owner='me"""\n', settings=project)

    assert odd.replace('""', '"') in loaded(project).features.numeric
    assert loaded(project).owner == 'me"""\n'


def test_the_suite_leaves_slack_around_what_was_seen(project: Settings) -> None:
    _, suite = scaffold.new("mine", table="iris", target="species", settings=project)

    checks = json.loads(suite.read_text())["expectations"]
    [length] = [c["kwargs"] for c in checks if c["type"].endswith("to_be_between")
                and c["kwargs"].get("column") == "sepal_length"]  # fmt: skip
    assert length == {"column": "sepal_length", "min_value": 2.5, "max_value": 9.7}


def test_never_overwrites(project: Settings) -> None:
    module, suite = scaffold.new("mine", table="iris", target="species", settings=project)
    module.unlink()
    before = suite.read_text()

    with pytest.raises(EvergreenError, match="is there already"):
        scaffold.new("mine", table="iris", target="species", settings=project)

    assert suite.read_text() == before
    assert not module.exists()


REFUSALS: dict[str, tuple[dict[str, object], str]] = {
    "name": ({"name": "../mine"}, "name is"),
    "table name": ({"table": "iris; DROP TABLE iris"}, "table is"),
    "unknown table": ({"table": "irs"}, "did you mean 'iris'"),
    "unknown target": ({"target": "specie"}, "did you mean 'species'"),
    "unknown time": ({"time": "when"}, "time is 'when'"),
    "unknown key": ({"key": ["idd"]}, "did you mean 'id'"),
    "time is no time": ({"time": "sepal_length"}, "a date, timestamp or timestamptz"),
    "key is not unique": ({"key": ["species"]}, "150 rows, but 3 different keys"),
    "key has gaps": (
        {"table": "houses", "target": "price", "key": ["rooms"]},
        "rooms: 30 of 300 rows are NULL",
    ),
    "target is free text": ({"table": "houses", "target": "note"}, "note is str with many values"),
    "one class": ({"table": "same", "target": "one"}, "nothing to learn"),
    "no key": ({"table": "keyless", "target": "species"}, "--key"),
    "no rows": ({"table": "nothing", "target": "species", "key": ["id"]}, "is empty"),
    "no features": ({"table": "bare", "target": "species", "key": ["id"]}, "no column to learn"),
}


@pytest.mark.parametrize(("wrong", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refuses_with_a_reason_and_writes_nothing(
    wrong: dict[str, object], reason: str, project: Settings
) -> None:
    execute(
        project,
        "CREATE TABLE keyless AS SELECT * FROM iris; CREATE TABLE nothing AS SELECT * FROM iris"
        " WHERE false; CREATE TABLE bare AS SELECT id, species FROM iris;"
        "CREATE TABLE same AS SELECT id, 1 AS one, sepal_width FROM iris;"
        "ALTER TABLE same ADD PRIMARY KEY (id)",
    )
    asked = {"name": "mine", "table": "iris", "target": "species", **wrong}

    with pytest.raises(EvergreenError, match=reason) as refusal:
        scaffold.new(asked.pop("name"), **asked, settings=project)

    assert isinstance(refusal.value, DeclarationError) == (" is '" in str(refusal.value))
    assert not project.use_cases_dir.exists()
    assert not project.expectations_dir.exists()


def test_a_column_without_a_value_is_left_out_and_said(project: Settings) -> None:
    execute(
        project,
        "CREATE TABLE gone AS SELECT i AS id, random() AS x, NULL::float8 AS not_filled_yet,"
        " NULL::text AS note, (random() > 0.5) AS y FROM generate_series(1, 200) AS i",
    )

    file, suite = scaffold.new("gone", table="gone", target="y", key=("id",), settings=project)

    assert loaded(project).features.columns == ("x",)
    assert "# Not used, as they hold no value at all: not_filled_yet, note\n" in file.read_text()
    bounded = [c["kwargs"].get("column") for c in json.loads(suite.read_text())["expectations"]
               if c["type"] == "expect_column_values_to_be_between"]  # fmt: skip
    assert bounded == ["x"]
