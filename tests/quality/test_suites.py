import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evergreen.errors import SuiteError
from evergreen.quality import suites
from evergreen.quality.gx import ExpectationSuite
from evergreen.spec import Kind
from tables import PROJECT, USE_CASES

WEATHER = USE_CASES["weather"]
CHECKS = json.loads((PROJECT / "expectations" / "weather.json").read_text())["expectations"]


def write(folder: Path, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "weather.json").write_text(text)


def suite_of(folder: Path, checks: list[dict[str, Any]]) -> ExpectationSuite:
    write(folder, {"name": "weather", "expectations": checks})
    return suites.load(folder, "weather")


def test_reads_every_expectation(tmp_path: Path) -> None:
    assert len(suite_of(tmp_path, CHECKS).expectations) == len(CHECKS)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="is missing"):
        suites.load(tmp_path, "weather")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "not JSON"),
        ([], "empty"),
        ({"name": "weather"}, "empty"),
        ({"name": "weather", "expectations": []}, "empty"),
        ({"expectations": [{"type": "expect_wonders", "kwargs": {}}]}, "expect_wonders"),
        ({"expectations": ["expect_wonders"]}, "expectation 1"),
        ({"expectations": [{**CHECKS[0], "kwargs": {"mini": 1}}]}, "expectation 1"),
    ],
)
def test_what_gx_would_let_pass_is_an_error(document: Any, reason: str, tmp_path: Path) -> None:
    write(tmp_path, document)

    with pytest.raises(SuiteError, match=reason):
        suites.load(tmp_path, "weather")


MANDATORY = [
    "expect_table_row_count_to_be_between",
    "expect_table_columns_to_match_set",
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_between",
    "expect_column_distinct_values_to_equal_set",
]


@pytest.mark.parametrize("kind", MANDATORY)
def test_tells_which_mandatory_check_is_missing(kind: str, tmp_path: Path) -> None:
    suite = suite_of(tmp_path, [check for check in CHECKS if check["type"] != kind])

    problems = suites.check_suite(suite, WEATHER)

    assert problems
    assert any(problem.startswith(kind) for problem in problems)


LOOPHOLES: dict[str, tuple[str, dict[str, Any]]] = {
    "zero rows are enough": ("row_count", {"min_value": 0}),
    "other columns welcome": ("columns_to_match_set", {"exact_match": False}),
    "mostly": ("values_to_be_unique", {"mostly": 0.9}),
    "some rows only": (
        "values_to_be_unique",
        {"row_condition": "wind > 1", "condition_parser": "pandas"},
    ),
    "no upper bound": ("values_to_be_between", {"max_value": None, "min_value": 0}),
}


@pytest.mark.filterwarnings("ignore:.*is deprecated as of GX Core 1.9.0:DeprecationWarning")
@pytest.mark.parametrize(("kind", "kwargs"), LOOPHOLES.values(), ids=LOOPHOLES.keys())
def test_a_check_with_a_loophole_does_not_count(
    kind: str, kwargs: dict[str, Any], tmp_path: Path
) -> None:
    checks = [
        {**check, "kwargs": {**check["kwargs"], **kwargs}} if kind in check["type"] else check
        for check in CHECKS
    ]

    assert suites.check_suite(suite_of(tmp_path, checks), WEATHER)


def test_every_column_of_the_set_needs_a_type(tmp_path: Path) -> None:
    checks = [
        check for check in CHECKS if check["kwargs"] != {"column": "condition", "type_": "str"}
    ]

    [problem] = suites.check_suite(suite_of(tmp_path, checks), WEATHER)

    assert problem == "expect_column_values_to_be_of_type on 'condition' is missing"


def test_a_compound_key_needs_a_check_of_its_own(tmp_path: Path) -> None:
    use_case = replace(WEATHER, source=replace(WEATHER.source, key=("date", "condition")))

    [problem] = suites.check_suite(suite_of(tmp_path, CHECKS), use_case)

    assert problem.startswith("expect_compound_columns_to_be_unique")


def test_a_regression_target_needs_bounds(tmp_path: Path) -> None:
    iris = USE_CASES["iris"]
    regression = replace(
        iris,
        kind=Kind.REGRESSION,
        source=replace(iris.source, target="petal_width"),
        features=replace(iris.features, numeric=("sepal_length",)),
        gate=replace(iris.gate, metric="mae", floors={"mae": 1.0}),
    )
    document = json.loads((PROJECT / "expectations" / "iris.json").read_text())
    checks = [
        check
        for check in document["expectations"]
        if not ("between" in check["type"] and check["kwargs"].get("column") == "petal_width")
    ]

    [problem] = suites.check_suite(suite_of(tmp_path, checks), regression)

    assert "finite min_value and max_value on 'petal_width'" in problem
