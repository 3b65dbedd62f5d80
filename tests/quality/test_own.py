"""Expectations of one's own: a file beside the suite defines them, validation runs them."""

import json
import sqlite3
from dataclasses import replace as but
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evergreen.errors import SuiteError
from evergreen.personal import MASK
from evergreen.quality import queries, suites
from evergreen.quality.gx import get_expectation_impl
from evergreen.quality.validation import validate
from evergreen.refs import ValidationRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from tables import PROJECT, USE_CASES, change, local_settings, snapshot_of, weather_table

WEATHER = USE_CASES["weather"]
OWN = """
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations import UnexpectedRowsExpectation
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import (
    ColumnMapMetricProvider,
    column_condition_partial,
)


class {name}Tenths(ColumnMapMetricProvider):
    condition_metric_name = "column_values.{name}.tenths"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column, **_):
        return (column * 10).round(9) % 1 == 0


class Expect{name}Tenths(ColumnMapExpectation):
    map_metric = "column_values.{name}.tenths"
    description: str = "is read to a tenth"


class Expect{name}NoStorm(UnexpectedRowsExpectation):
    unexpected_rows_query: str = "SELECT * FROM {{batch}} WHERE wind > 30"
    description: str = "no wind of more than 30"
"""
TENTHS: dict[str, Any] = {"type": "expect_sky_tenths", "kwargs": {"column": "wind"}, "meta": {}}
STORM: dict[str, Any] = {"type": "expect_sky_no_storm", "kwargs": {}, "meta": {}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Suites: the one of weather, with two expectations of its own."""
    made = tmp_path / "suites"
    made.mkdir()
    write(made, "weather", "Sky", TENTHS, STORM)
    return made


@pytest.fixture
def local(tmp_path: Path, folder: Path) -> Settings:
    return but(local_settings(tmp_path), expectations_dir=folder)


def write(folder: Path, suite: str, classes: str, *own: dict[str, Any]) -> None:
    document = json.loads((PROJECT / "expectations" / "weather.json").read_text())
    document["expectations"] += own
    (folder / f"{suite}.json").write_text(json.dumps(document))
    (folder / f"{suite}.py").write_text(OWN.format(name=classes))


def check(
    settings: Settings, use_case: UseCase = WEATHER, **cells: dict[int, Any]
) -> ValidationRef:
    table = weather_table()
    for column, changed in cells.items():
        table = change(table, column, changed)
    return validate(snapshot_of(table, use_case, settings), use_case, settings=settings)


def test_what_they_require_is_checked_and_told(local: Settings) -> None:
    assert check(local).passed

    found = check(local, wind={5: 4.25, 7: 30.1})

    assert {one.expectation: one.reason for one in found.failed} == {
        "expect_sky_tenths":
            "wind: 1 of 400 values (0.25 %) break “is read to a tenth”, e.g. 4.25 at"
            " date=2025-10-20",
        "expect_sky_no_storm": "table: 1 of its rows break “no wind of more than 30”",
    }  # fmt: skip


def test_the_data_docs_show_them_in_their_own_words(local: Settings) -> None:
    page = (local.home / "data_docs" / check(local).docs).read_text()

    assert "is read to a tenth" in page
    assert "no wind of more than 30" in page


def test_a_row_that_breaks_one_may_go_into_quarantine(local: Settings) -> None:
    class Kept:
        def put(self, *_: Any) -> None:
            self.rows = _[3]

    kept, lenient = Kept(), but(WEATHER, source=but(WEATHER.source, quarantine=0.01))
    snapshot = snapshot_of(change(weather_table(), "wind", {5: 4.25}), lenient, local)

    found = validate(snapshot, lenient, kept=kept, settings=local)

    assert found.passed
    assert kept.rows[0].reasons == ("wind break “is read to a tenth”",)


def test_one_that_nobody_defined_is_told_with_what_is_near(folder: Path) -> None:
    write(folder, "weather", "Sky", {**TENTHS, "type": "expect_sky_tenth"})

    with pytest.raises(SuiteError, match=r"nor does weather.py.*did you mean 'expect_sky_tenths'"):
        suites.load(folder, "weather")


def test_a_file_that_raises_is_told(folder: Path) -> None:
    (folder / "weather.py").write_text("import nowhere_to_be_found")

    with pytest.raises(SuiteError, match=r"(?s)weather.py cannot be loaded.*nowhere_to_be_found"):
        suites.load(folder, "weather")


def test_a_file_that_raised_is_loaded_once_it_is_mended(folder: Path) -> None:
    write(folder, "weather", "Mended", {**TENTHS, "type": "expect_mended_tenths"})
    own = folder / "weather.py"
    sound = own.read_text()
    own.write_text(f"{sound}\nimport nowhere_to_be_found\n")
    with pytest.raises(SuiteError, match="nowhere_to_be_found"):
        suites.load(folder, "weather")

    own.write_text(sound)

    assert suites.load(folder, "weather")


def test_two_files_do_not_define_the_same(folder: Path) -> None:
    write(folder, "weather", "Twice", {**TENTHS, "type": "expect_twice_tenths"})
    write(folder, "other", "Twice", {**TENTHS, "type": "expect_twice_tenths"})
    (folder / "other.py").write_text(OWN.format(name="Twice") + "\n# another check")
    suites.load(folder, "weather")

    first = get_expectation_impl("expect_twice_tenths")

    with pytest.raises(SuiteError, match=r"other.py.*expect_twice_tenths.*name the classes"):
        suites.load(folder, "other")

    assert get_expectation_impl("expect_twice_tenths") is first


def test_none_defines_what_gx_has(folder: Path) -> None:
    (folder / "weather.py").write_text(
        OWN.format(name="Ours")
        + "\n\nclass ExpectColumnValuesToBeUnique(ColumnMapExpectation):\n"
        + '    map_metric = "column_values.Ours.tenths"\n'
    )

    with pytest.raises(SuiteError, match="expect_column_values_to_be_unique"):
        suites.load(folder, "weather")


WHOLE = """
from great_expectations.expectations.expectation import BatchExpectation


class ExpectWholeTable(BatchExpectation):
    metric_dependencies = ("table.columns",)
    domain_keys = ("batch_id",)
    success_keys = ()

    def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
        return {"success": False, "result": {"observed_value": "bob@example.org"}}
"""


@pytest.mark.parametrize(("personal", "seen"), [((), "bob@example.org"), (("condition",), MASK)])
def test_what_nobody_knows_tells_nothing_where_columns_are_personal(
    personal: tuple[str, ...], seen: str, folder: Path, local: Settings
) -> None:
    write(folder, "weather", "Sky", {"type": "expect_whole_table", "kwargs": {}, "meta": {}})
    (folder / "weather.py").write_text(WHOLE)
    private = but(WEATHER, source=but(WEATHER.source, personal=personal))

    [failed] = check(local, private).failed

    assert failed.reason == f"table: observed {seen}; break “whole table”"


@pytest.mark.parametrize(("most", "passed"), [(1000, True), (-1000, False)])
def test_one_that_answers_with_a_truth_of_numpy_is_taken_at_its_word(
    most: int, passed: bool, folder: Path, local: Settings
) -> None:
    median = {
        "type": "expect_column_quantile_values_to_be_between",
        "kwargs": {
            "column": "wind",
            "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, most]]},
        },
        "meta": {},
    }
    write(folder, "weather", "Sky", median)

    found = check(local)

    assert found.passed is passed
    assert (local.home / "data_docs" / found.docs).is_file()


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("day > '2026-02-01 00:00:00'", 1),
        ("happy", 2),
        ("value IS NULL", 1),
        ("value < 2", 1),
        ("1", 3),
    ],
)
def test_a_query_sees_days_booleans_and_what_is_missing(where: str, rows: int) -> None:
    frame = pd.DataFrame({
        "day": pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"]).as_unit("s"),
        "happy": [True, False, True],
        "value": [1.5, float("nan"), 2.5],
    })  # fmt: skip

    assert queries.count(f"SELECT 1 FROM {{batch}} WHERE {where}", frame) == rows


@pytest.mark.parametrize("end", [";", " ; ", " -- as the station says"])
def test_a_query_may_end_as_people_end_one(end: str) -> None:
    frame = pd.DataFrame({"wind": [1.0, 40.0]})

    assert queries.count(f"SELECT * FROM {{batch}} WHERE wind > 30{end}", frame) == 1


def test_a_query_sees_every_column_where_it_must() -> None:
    frame = pd.DataFrame({"width": [1, 1, 1], "height": [1, 1, 2]})

    assert queries.count("SELECT DISTINCT * FROM {batch}", frame) == 2
    assert queries.count("SELECT * FROM {batch}", frame) == 3


@pytest.mark.parametrize(
    "where",
    [
        '"Wind" > 30',
        'wind > 30 -- a "gale"',
        """wind > 30 /* a "gale" */ AND 'a "gale"' <> 'it''s one'""",
        '"in ""knots""" > 30',
        '"a`b" > 30 AND [in "knots"] > 30',
        '"{batch}"."wind" > (SELECT 30 AS "gale" ORDER BY "gale")',
    ],
)
def test_a_query_may_quote_names_as_postgresql_does(where: str) -> None:
    frame = pd.DataFrame({"wind": [1.0, 40.0], 'in "knots"': [1.0, 40.0], "a`b": [1.0, 40.0]})

    assert queries.count(f"SELECT wind FROM {{batch}} WHERE {where}", frame) == 1


def test_a_query_that_quotes_a_column_that_is_not_there_is_no_query() -> None:
    frame = pd.DataFrame({"temp_max": [1.0], "temp_min": [2.0]})

    with pytest.raises(sqlite3.Error, match="no such column: temp_mx"):
        queries.count('SELECT * FROM {batch} WHERE "temp_mx" < "temp_min"', frame)
