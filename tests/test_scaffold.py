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
    module, suite, _ = scaffold.new("mine", **request_, settings=project)

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


@pytest.mark.parametrize("name", ["measurement_number_{}", "measurement  in cm, {}"])
def test_many_columns_stay_on_few_lines(project: Settings, name: str) -> None:
    columns = ", ".join(f'{n} AS "{name.format(n)}"' for n in range(40))
    execute(project, f"CREATE TABLE wide AS SELECT id, species, {columns} FROM iris")

    module, *_ = scaffold.new("wide", table="wide", target="species", key=["id"], settings=project)

    assert name.format(7) in loaded(project).features.numeric
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
    _, suite, _ = scaffold.new("mine", table="iris", target="species", settings=project)

    checks = json.loads(suite.read_text())["expectations"]
    [length] = [c["kwargs"] for c in checks if c["type"].endswith("to_be_between")
                and c["kwargs"].get("column") == "sepal_length"]  # fmt: skip
    assert length == {"column": "sepal_length", "min_value": 2.5, "max_value": 9.7}


def test_never_overwrites(project: Settings) -> None:
    module, suite, _ = scaffold.new("mine", table="iris", target="species", settings=project)
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
    "positive is none of the values": (
        {"table": "houses", "target": "town", "positive": "Wien"},
        "positive is 'Wien'; allowed: one of Graz, Linz",
    ),
    "positive of three classes": ({"positive": "setosa"}, "species has 3 values"),
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

    file, suite, _ = scaffold.new("gone", table="gone", target="y", key=("id",), settings=project)

    assert loaded(project).features.columns == ("x",)
    assert "# Not used, as they hold no value at all: not_filled_yet, note\n" in file.read_text()
    bounded = [c["kwargs"].get("column") for c in json.loads(suite.read_text())["expectations"]
               if c["type"] == "expect_column_values_to_be_between"]  # fmt: skip
    assert bounded == ["x"]


def test_a_column_without_a_finite_number_is_left_out_and_said(project: Settings) -> None:
    execute(
        project,
        "CREATE TABLE gone AS SELECT i AS id, random() AS x, 'NaN'::float8 AS no_number,"
        " (ARRAY['NaN', 'Infinity', '-Infinity', NULL])[i % 4 + 1]::real AS not_finite,"
        " (random() > 0.5) AS y FROM generate_series(1, 200) AS i",
    )

    file, *_ = scaffold.new("gone", table="gone", target="y", key=("id",), settings=project)

    use_case = loaded(project)
    assert use_case.features.columns == ("x",)
    assert "# Not used, as they hold no value at all: no_number, not_finite\n" in file.read_text()
    suite = suites.load(project.expectations_dir, "gone")
    assert suites.check_suite(suite, use_case) == []


LOANS = """
    CREATE TABLE loans (id int PRIMARY KEY, customer_id int, serial int, asked date, income real,
        debt real, purpose text, age text, part real, repaid_on real, settled real, outcome text);
    INSERT INTO loans
    SELECT n, n % 90, 5000 + n, date '2026-01-01' + n, (n * 7919) % 1000, (n * 104729) % 997,
        (ARRAY['car', 'house', 'trip'])[n % 3 + 1],
        CASE WHEN n % 50 = 0 THEN '?' ELSE (n % 60)::text END, 1, NULL, NULL,
        CASE WHEN (n * 7919) % 1000 + (n * 31) % 400 < 450 THEN 'bad' ELSE 'good' END
    FROM generate_series(1, 300) AS n;
    UPDATE loans SET repaid_on = CASE WHEN outcome = 'good' THEN id END, settled = id % 13;
    UPDATE loans SET outcome = NULL, repaid_on = NULL, settled = NULL WHERE id > 280
"""


@pytest.fixture
def loans(project: Settings) -> tuple[UseCase, str]:
    """What is proposed for loans that end good or bad, twenty of which nobody knows of yet."""
    execute(project, LOANS)
    file, *_ = scaffold.new(
        "loans", table="loans", target="outcome", time="asked", settings=project,
        today=date(2027, 6, 1),
    )  # fmt: skip
    return loaded(project), " ".join(file.read_text().replace("# ", "").split())


def test_a_column_that_alone_tells_the_label_is_left_out_and_said(project: Settings) -> None:
    execute(project, LOANS + "; DELETE FROM loans WHERE outcome IS NULL")

    file, *_ = scaffold.new("loans", table="loans", target="outcome", settings=project)

    assert "repaid_on" not in loaded(project).features.columns
    assert "settled" in loaded(project).features.columns
    assert "as they alone tell the label, as if known only with it: repaid_on" in file.read_text()


def test_a_column_that_tells_almost_all_is_no_leak(project: Settings) -> None:
    scaffold.new("mine", table="iris", target="species", settings=project)

    assert len(loaded(project).features.columns) == 4


def test_what_is_filled_in_with_the_label_only_is_left_out_and_said(
    loans: tuple[UseCase, str],
) -> None:
    use_case, text = loans

    assert use_case.features.columns == ("income", "debt", "purpose")
    assert "they have values only where the label is known: repaid_on, settled" in text


def test_ids_and_names_that_are_ours_are_left_out_and_said(loans: tuple[UseCase, str]) -> None:
    _, text = loans

    assert "Not used, as they look like ids: customer_id, serial" in text
    assert "Not used, as they have a name that is ours: part" in text


def test_text_that_is_numbers_is_said(loans: tuple[UseCase, str]) -> None:
    assert "age is text, but 294 of 300 values are numbers" in loans[1]


def test_labels_that_are_not_known_yet_are_no_error_and_give_the_delay(
    loans: tuple[UseCase, str],
) -> None:
    use_case, text = loans

    assert use_case.source.label_delay.days == 20
    assert "20 of 300 rows have no label yet; that is no error" in text


def test_a_history_that_is_over_is_said_with_the_moment_to_train_as_of(
    loans: tuple[UseCase, str],
) -> None:
    assert "The newest row is of 2026-10-28." in loans[1]
    assert "`evergreen run loans --as-of 2026-10-29`" in loans[1]


def test_a_history_that_goes_on_is_not_said_to_be_over(project: Settings) -> None:
    execute(project, LOANS)

    file, *_ = scaffold.new("loans", table="loans", target="outcome", time="asked",
                           settings=project, today=date(2026, 10, 29))  # fmt: skip

    assert "newest row" not in file.read_text()


def test_a_rare_class_is_said(project: Settings) -> None:
    execute(project, LOANS + "; UPDATE loans SET outcome = 'good' WHERE id > 60")

    file, *_ = scaffold.new("loans", table="loans", target="outcome", settings=project)

    assert "are true: few of them are held out" in " ".join(
        file.read_text().replace("# ", "").split()
    )


@pytest.mark.parametrize(("rare", "told"), [(39, True), (40, False)])
def test_too_few_of_a_class_to_pass_a_gate_by_are_said(
    rare: int, told: bool, project: Settings
) -> None:
    execute(project, LOANS + f"; UPDATE loans SET outcome = CASE WHEN id > {rare} THEN 'good' END")
    execute(project, "UPDATE loans SET outcome = 'bad' WHERE outcome IS NULL")

    file, *_ = scaffold.new(
        "loans", table="loans", target="outcome", time="asked", settings=project
    )

    said = " ".join(file.read_text().replace("# ", "").split())
    assert ("about 7 of them will be held out, and of fewer than 8 the gate" in said) == told
    assert ("evergreen promote NAME --force" in said) == told


@pytest.mark.parametrize(
    ("asked", "name", "sql"),
    [
        (None, "outcome_is_bad", "\"outcome\" = 'bad'"),
        ("good", "outcome_is_good", "\"outcome\" = 'good'"),
    ],
)
def test_of_two_classes_the_rarer_is_positive_unless_another_is_named(
    asked: str | None, name: str, sql: str, project: Settings
) -> None:
    execute(project, LOANS)

    _, suite, _ = scaffold.new("loans", table="loans", target="outcome", time="asked",
                            positive=asked, settings=project)  # fmt: skip

    use_case = loaded(project)
    assert (use_case.source.target, use_case.source.target_sql) == (name, sql)
    assert "outcome" not in use_case.features.columns
    then = datetime(2026, 10, 29, tzinfo=UTC)
    snapshot = extract(use_case, as_of=then, asked_at=NOW, settings=project)
    assert snapshot.rows == 280
    assert validate(snapshot, use_case, settings=project).passed
    assert suites.check_suite(suites.load(suite.parent, "loans"), use_case) == []


def test_the_name_of_a_label_is_one_that_postgresql_does_not_cut(project: Settings) -> None:
    execute(
        project, LOANS + f"; UPDATE loans SET outcome = '{'very ' * 15}bad' WHERE outcome = 'bad'"
    )

    scaffold.new("loans", table="loans", target="outcome", time="asked", settings=project)

    use_case = loaded(project)
    assert len(use_case.source.target) == 63
    then = datetime(2026, 10, 29, tzinfo=UTC)
    assert extract(use_case, as_of=then, asked_at=NOW, settings=project).rows == 280


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_target_that_is_not_finite_here_and_there_makes_no_floor(
    value: str, project: Settings
) -> None:
    execute(
        project,
        "ALTER TABLE houses ALTER price TYPE float8;"
        f" UPDATE houses SET price = '{value}' WHERE id = 3",
    )

    scaffold.new("mine", table="houses", target="price", settings=project)

    assert 0 < loaded(project).gate.floors["mae"] < 100_000


def test_money_is_predicted(project: Settings) -> None:
    execute(project, "ALTER TABLE houses ALTER price TYPE money")

    scaffold.new("mine", table="houses", target="price", settings=project)

    assert 0 < loaded(project).gate.floors["mae"] < 100_000


def test_the_largest_of_numbers_are_drafted(project: Settings) -> None:
    execute(
        project,
        "ALTER TABLE houses ALTER area TYPE float8;"
        " UPDATE houses SET area = 1.7976931348623157e308 WHERE id = 3;"
        " UPDATE houses SET area = -1.7976931348623157e308 WHERE id = 5",
    )

    scaffold.new("mine", table="houses", target="rooms", settings=project)

    suite = suites.load(project.expectations_dir, "mine")
    assert suites.check_suite(suite, loaded(project)) == []


@pytest.mark.parametrize("moment", ["infinity", "10000-01-01", "0044-03-15 BC"])
def test_a_time_that_cannot_be_read_is_refused(moment: str, project: Settings) -> None:
    execute(project, f"UPDATE houses SET built = '{moment}' WHERE id = 3")

    with pytest.raises(EvergreenError, match="built: 1 rows have an infinite date, or one before"):
        scaffold.new("mine", table="houses", target="price", settings=project)


def test_a_boolean_says_itself_which_class_is_positive(project: Settings) -> None:
    scaffold.new("mine", table="houses", target="garden", settings=project)

    assert loaded(project).source.target == "garden"
    assert loaded(project).source.target_sql is None


def test_what_is_personal_by_its_name_is_declared_and_told_by_nothing(project: Settings) -> None:
    execute(
        project,
        "CREATE TABLE people AS SELECT *, 'bob' || id % 5 || '@example.org' AS email,"
        " 5550000 + id AS phone FROM iris",
    )

    *files, _ = scaffold.new(
        "people", table="people", target="species", key=["id"], settings=project
    )

    found = loaded(project)
    assert found.source.personal == ("email", "phone")
    assert not {"email", "phone"} & set(found.features.raw)
    texts = [file.read_text() for file in files]
    assert "are personal by their name: email, phone" in texts[0]
    assert not any("example.org" in text or "555" in text for text in texts)


def test_proposes_thousands_of_categories_and_sentences(project: Settings) -> None:
    execute(
        project,
        """
        CREATE TABLE flights (id bigserial PRIMARY KEY, late boolean, plane text, remark text,
            code text);
        INSERT INTO flights (late, plane, remark, code)
        SELECT n % 7 < 3, 'N' || n % 60, 'wind of ' || n || ' knots', 'x' || n % 500
        FROM generate_series(1, 1200) AS n
        """,
    )

    module, *_ = scaffold.new("mine", table="flights", target="late", settings=project)

    features = loaded(project).features
    assert (features.categorical, features.text) == (("plane",), ("remark",))
    assert "too many values: code" in module.read_text()
    config = PROJECT / "pyproject.toml"
    subprocess.run([RUFF, "format", "--check", "--config", config, module], check=True)


@pytest.mark.parametrize(("time", "since"), [(None, None), ("day", "day")])
def test_proposes_dates_by_their_parts(
    time: str | None, since: str | None, project: Settings
) -> None:
    execute(
        project,
        """
        CREATE TABLE orders (id bigserial PRIMARY KEY, late boolean, day date, booked timestamp,
            never date);
        INSERT INTO orders (late, day, booked)
        SELECT n % 7 < 3, date '2026-01-01' + n % 300, timestamp '2025-12-01' + n % 290 * interval
            '25 hours' FROM generate_series(1, 1200) AS n
        """,
    )

    module, *_ = scaffold.new("mine", table="orders", target="late", time=time, settings=project)

    features = loaded(project).features
    assert (features.dates, features.since) == ({"day": ("booked", "day")}.get(
        time or "", ("day", "booked")), since)  # fmt: skip
    config = PROJECT / "pyproject.toml"
    subprocess.run([RUFF, "format", "--check", "--config", config, module], check=True)


def test_a_date_that_alone_tells_the_label_is_left_out(project: Settings) -> None:
    execute(
        project,
        """
        CREATE TABLE orders (id bigserial PRIMARY KEY, late boolean, area real, closed date);
        INSERT INTO orders (late, area, closed)
        SELECT n % 3 = 0, n % 50, date '2026-01-01' + (n % 100) + (n % 3 = 0)::int * 200
        FROM generate_series(1, 1200) AS n
        """,
    )

    scaffold.new("mine", table="orders", target="late", settings=project)

    assert loaded(project).features.dates == ()


def words(file: Path) -> str:
    return " ".join(file.read_text().replace("# ", "").split())


HOURS = """
    CREATE TABLE sf (date timestamp PRIMARY KEY, temp real, temp_tomorrow real);
    INSERT INTO sf SELECT timestamp '2025-01-01' + n * interval '1 hour', n + n % 24, NULL
    FROM generate_series(1, 900) AS n;
    UPDATE sf SET temp_tomorrow = later.temp FROM sf AS later
    WHERE later.date = sf.date + interval '24 hours';
    DELETE FROM sf WHERE temp_tomorrow IS NULL
"""


def test_what_alone_tells_the_label_is_a_feature_where_nothing_else_is_left(
    project: Settings,
) -> None:
    execute(project, HOURS)

    file, _, said = scaffold.new(
        "sf", table="sf", target="temp_tomorrow", time="date", settings=project
    )

    assert loaded(project).features.columns == ("temp",)
    assert said[0].startswith("LOOK AT THIS FIRST: temp (r2 ")
    assert "raise gate.max_single_feature" in words(file)
    assert "# max_single_feature=None," in file.read_text()
    assert "temp is temp_tomorrow of 24 rows before: its own past" in words(file)


def test_without_another_column_even_an_id_is_drafted(project: Settings) -> None:
    execute(project, "CREATE TABLE lots AS SELECT id, id + 7 AS lot_no, species FROM iris")

    file, *_ = scaffold.new("lots", table="lots", target="species", key=["id"], settings=project)

    assert loaded(project).features.columns == ("lot_no",)
    assert "LOOK AT THIS FIRST: lot_no would be left out" in words(file)


CREDIT = """
    CREATE TABLE credit (key int PRIMARY KEY, "Kunden-ID" int, lot_no int, euros int, room_no int,
        "Kreditbetrag (EUR)" text, postcode text, "Antragsdatum" date, bad boolean);
    INSERT INTO credit SELECT n, 500000 + 7 * n, 90000 - 11 * n, 1000 + (n * 7919) % 99991, n % 40,
        (1 + n % 9) || '.' || (100 + n % 899) || ',' || (10 + n % 89), lpad((n * 7)::text, 5, '0'),
        date '2026-01-01' + n % 300, n % 30 = 0 FROM generate_series(1, 1000) AS n
"""


@pytest.fixture
def credit(project: Settings) -> tuple[UseCase, scaffold.Written]:
    """What is proposed for loans of which 3.3 % go bad."""
    execute(project, CREDIT)
    written = scaffold.new("credit", table="credit", target="bad", settings=project)
    return loaded(project), written


def test_unique_numbers_that_are_named_like_ids_are_left_out(
    credit: tuple[UseCase, scaffold.Written],
) -> None:
    use_case, written = credit

    assert use_case.features.numeric == ("euros", "room_no")
    left_out = "Not used, as they look like ids: Kunden-ID, lot_no. One that measures"
    assert left_out in words(written.module)
    assert any(sentence.startswith(left_out) for sentence in written.said)
    assert "euros is another whole number in each row" in words(written.module)


def test_text_that_is_numbers_in_any_dialect_is_said_to_be_that(
    credit: tuple[UseCase, scaffold.Written],
) -> None:
    told = words(credit[1].module)

    assert "as they are text that is numbers: Kreditbetrag (EUR)." in told
    assert "as they have too many values: postcode" in told


def test_a_column_that_may_be_the_time_is_named(credit: tuple[UseCase, scaffold.Written]) -> None:
    assert "This may be your --time: `--time Antragsdatum`." in words(credit[1].module)


def test_a_rare_positive_is_said_and_average_precision_has_a_floor(
    credit: tuple[UseCase, scaffold.Written],
) -> None:
    use_case, written = credit

    assert "Only 33 of 1,000 labels (3.3%) are true" in words(written.module)
    assert "average_precision (guessing gives their share)" in words(written.module)
    assert use_case.gate.floors == {"roc_auc": 0.6, "average_precision": 0.05}


def test_a_delay_that_nothing_tells_is_marked_as_a_guess(project: Settings) -> None:
    file, *_ = scaffold.new("w", table="weather", target="condition", time="date", settings=project)

    assert "A guess: every young row has one." in file.read_text()
