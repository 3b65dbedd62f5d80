"""Values of personal columns stand in no file of the Data Docs and in no reason."""

import json
from collections.abc import Callable
from dataclasses import replace as but
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evergreen.personal import MASK
from evergreen.quality.validation import validate
from evergreen.refs import ValidationRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from tables import PROJECT, USE_CASES, change, local_settings, snapshot_of, weather_table

WEATHER = USE_CASES["weather"]
SECRET, NUMBER = "bob@example.org", 770_123.25
PRIVATE = but(WEATHER, source=but(WEATHER.source, personal=("condition", "wind", "precipitation")))
BREAK_ANYTHING = [
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"value_set": ["sun"]}},
    {"type": "expect_column_distinct_values_to_equal_set", "kwargs": {"value_set": ["sun"]}},
    {"type": "expect_column_distinct_values_to_be_in_set", "kwargs": {"value_set": ["sun"]}},
    {"type": "expect_column_values_to_match_regex", "kwargs": {"regex": "^[a-z]+$"}},
    {"type": "expect_column_most_common_value_to_be_in_set", "kwargs": {"value_set": ["sun"]}},
    {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"max_value": 3}},
]
BREAK_NUMBERS = [
    {"type": "expect_column_max_to_be_between", "kwargs": {"max_value": 1}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"max_value": 1}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"max_value": 1}},
    {"type": "expect_column_pair_values_a_to_be_greater_than_b",
     "kwargs": {"column_A": "temp_min", "column_B": "wind"}},
]  # fmt: skip


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    """A project whose suite breaks on about everything, in columns that are personal."""
    suite = json.loads((PROJECT / "expectations" / "weather.json").read_text())
    for column, checks in (("condition", BREAK_ANYTHING), ("wind", BREAK_NUMBERS)):
        for check in checks:
            kwargs = check["kwargs"]
            about = {} if "column_A" in kwargs else {"column": column}
            suite["expectations"].append({**check, "kwargs": kwargs | about, "meta": {}})
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "weather.json").write_text(json.dumps(suite))
    return but(local_settings(tmp_path), expectations_dir=tmp_path / "suites")


def damaged() -> pa.Table:
    table = change(weather_table(), "condition", dict.fromkeys(range(400), SECRET))
    return change(table, "wind", dict.fromkeys(range(400), NUMBER))


def check(settings: Settings, use_case: UseCase) -> ValidationRef:
    return validate(snapshot_of(damaged(), use_case, settings), use_case, settings=settings)


def files_with(settings: Settings, *texts: str) -> set[str]:
    pages = (path for path in (settings.home / "data_docs").rglob("*") if path.is_file())
    return {text for path in pages for text in texts if text in path.read_text()}


def told(result: ValidationRef) -> str:
    return json.dumps(result.to_json())


def test_without_the_declaration_values_are_told(local: Settings) -> None:
    result = check(local, WEATHER)

    assert files_with(local, SECRET, "770123") == {SECRET, "770123"}
    assert SECRET in told(result)


def test_values_of_personal_columns_are_told_nowhere(local: Settings) -> None:
    result = check(local, PRIVATE)

    assert not result.passed
    assert files_with(local, SECRET, "770123", "770,123") == set()
    assert SECRET not in told(result)
    assert "770" not in told(result).replace(result.snapshot.sha256, "").replace(
        result.snapshot.uri, ""
    ).replace(result.docs, "")


def test_how_many_fail_and_which_rows_is_told_all_the_same(local: Settings) -> None:
    result = check(local, PRIVATE)

    [between] = [
        one
        for one in result.failed
        if one.reason.startswith("wind: 400 of 400") and "are above 1," in one.reason
    ]
    assert between.rows[0] == {"date": "2025-10-15", "wind": MASK}
    assert f"{MASK} at date=2025-10-15" in between.reason


def test_an_error_of_a_check_keeps_its_words_back(local: Settings) -> None:
    bad: Callable[[], dict[str, Any]] = lambda: {  # noqa: E731
        "type": "expect_column_values_to_match_regex",
        "kwargs": {"column": "condition", "regex": f"{SECRET}["}, "meta": {},
    }  # fmt: skip
    file = Path(local.expectations_dir, "weather.json")
    suite = json.loads(file.read_text())
    file.write_text(json.dumps(suite | {"expectations": [*suite["expectations"], bad()]}))

    result = check(local, PRIVATE)

    [broken] = [one for one in result.failed if "could not be checked" in one.reason]
    assert broken.reason.endswith(f"could not be checked: {MASK}")
