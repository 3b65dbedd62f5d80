"""Expectation suites: read from GX's own JSON, and held to the rules of the house.

GX drops an expectation type that it does not know and passes an empty suite; here both are errors.
"""

import json
import math
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evergreen.errors import SuiteError, did_you_mean
from evergreen.quality import own
from evergreen.quality.gx import (
    ExpectationConfiguration,
    ExpectationSuite,
    GreatExpectationsError,
    list_registered_expectation_implementations,
)
from evergreen.spec import Kind, UseCase

NUMERIC = ("int", "uint", "float", "decimal")
Kwargs = dict[str, Any]


def load(folder: Path, name: str) -> ExpectationSuite:
    """Read `<folder>/<name>.json`, and the expectations of one's own in `<name>.py` beside it.

    Raises:
        SuiteError: the file is missing, unreadable or empty, or holds an expectation that neither
            GX nor the file beside it knows.
    """
    path = folder / f"{name}.json"
    document = _read(path)
    entries = document.get("expectations") if isinstance(document, dict) else None
    if not entries or not isinstance(entries, list):
        raise SuiteError(f"{path}: 'expectations' is empty; a suite that checks nothing is none")
    own.load(folder, name)
    return ExpectationSuite(
        name=name,
        expectations=[_expectation(path, index, entry) for index, entry in enumerate(entries)],
        meta=document.get("meta"),
        notes=document.get("notes"),
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise SuiteError(
            f"{path} is missing; every use case needs a suite (`evergreen new` writes one)"
        ) from None
    except ValueError as error:
        raise SuiteError(f"{path} is not JSON: {error}") from error


def _expectation(path: Path, index: int, entry: Any) -> ExpectationConfiguration:
    try:
        # The id tells results apart, which GX returns in an order of its own.
        entry = {**entry, "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path.stem}/{index}"))}
        configuration = ExpectationConfiguration(**entry)
        configuration.to_domain_obj()  # raises, where a suite would drop what it does not know
    except (GreatExpectationsError, TypeError, ValueError) as error:
        kind = entry.get("type") if isinstance(entry, dict) else entry
        why = _unknown(path, str(kind)) or error
        raise SuiteError(f"{path}: expectation {index + 1} ({kind}) is refused: {why}") from error
    return configuration


def _unknown(path: Path, kind: str) -> str:
    """Say that nobody has defined an expectation; empty: somebody has."""
    known = list_registered_expectation_implementations()
    if kind in known:
        return ""
    beside = path.with_suffix(".py")
    place = f"nor does {beside.name}" if beside.is_file() else f"and there is no {beside.name}"
    hint = did_you_mean(kind, known)
    return f"Great Expectations does not know it, {place} beside the suite{hint}"


def check_suite(suite: ExpectationSuite, use_case: UseCase) -> list[str]:
    """Return what the suite lacks of the mandatory checks, each in one sentence.

    Mandatory, and without `mostly` or `row_condition`: a minimal row count, the exact set of
    columns, no nulls in key, target and timestamp, a unique key, the type of every column, finite
    bounds on every numeric input, the classes of the target, no timestamp after `as_of`.
    """
    strict = [c for c in suite.expectation_configurations if _unconditional(c.kwargs)]
    by_type: ByType = {}
    for configuration in strict:
        by_type.setdefault(configuration.type, []).append(configuration.kwargs)
    return [problem for rule in RULES for problem in rule(by_type, use_case)]


def types(suite: ExpectationSuite) -> dict[str, str]:
    """Return the type that the suite expects of each column."""
    return {
        c.kwargs["column"]: c.kwargs["type_"]
        for c in suite.expectation_configurations
        if c.type == "expect_column_values_to_be_of_type"
    }


def _unconditional(kwargs: Kwargs) -> bool:
    return kwargs.get("mostly") in {None, 1} and not kwargs.get("row_condition")


ByType = dict[str, list[Kwargs]]
Rule = Callable[[ByType, UseCase], Iterator[str]]


def _row_count(suite: ByType, _use_case: UseCase) -> Iterator[str]:
    minima = [k.get("min_value") for k in suite.get("expect_table_row_count_to_be_between", ())]
    if not any(isinstance(minimum, int | float) and minimum >= 1 for minimum in minima):
        yield "expect_table_row_count_to_be_between with min_value >= 1 is missing"


def _column_set(suite: ByType, use_case: UseCase) -> Iterator[str]:
    exact = [
        k
        for k in suite.get("expect_table_columns_to_match_set", ())
        if k.get("exact_match") in {None, True}
    ]
    if not exact:
        yield "expect_table_columns_to_match_set with exact_match is missing"
        return
    for column in _used(use_case):
        if column not in exact[0]["column_set"]:
            yield f"expect_table_columns_to_match_set does not list {column!r}, which is used"


def _not_null(suite: ByType, use_case: UseCase) -> Iterator[str]:
    checked = _columns(suite, "expect_column_values_to_not_be_null")
    source = use_case.source
    for column in dict.fromkeys((*source.key, source.timestamp, source.target)):
        if column is not None and column not in checked:
            yield f"expect_column_values_to_not_be_null on {column!r} is missing"


def _unique_key(suite: ByType, use_case: UseCase) -> Iterator[str]:
    key = use_case.source.key
    if len(key) == 1:
        if key[0] not in _columns(suite, "expect_column_values_to_be_unique"):
            yield f"expect_column_values_to_be_unique on the key {key[0]!r} is missing"
        return
    lists = [set(k["column_list"]) for k in suite.get("expect_compound_columns_to_be_unique", ())]
    if set(key) not in lists:
        yield f"expect_compound_columns_to_be_unique on the key {key} is missing"


def _typed(suite: ByType, use_case: UseCase) -> Iterator[str]:
    typed = _columns(suite, "expect_column_values_to_be_of_type")
    listed = [
        c for k in suite.get("expect_table_columns_to_match_set", ()) for c in k["column_set"]
    ]
    for column in dict.fromkeys((*listed, *_used(use_case))):
        if column not in typed:
            yield f"expect_column_values_to_be_of_type on {column!r} is missing"


def _bounded(suite: ByType, use_case: UseCase) -> Iterator[str]:
    declared = {
        k["column"]: str(k["type_"]) for k in suite.get("expect_column_values_to_be_of_type", ())
    }
    columns = list(use_case.features.raw)
    if use_case.kind is Kind.REGRESSION:
        columns.append(use_case.source.target)
    bounded = {
        k["column"]
        for k in suite.get("expect_column_values_to_be_between", ())
        if _finite(k.get("min_value")) and _finite(k.get("max_value"))
    }
    for column in columns:
        if declared.get(column, "").lower().startswith(NUMERIC) and column not in bounded:
            yield (
                "expect_column_values_to_be_between with finite min_value and max_value on"
                f" {column!r} is missing"
            )


def _classes(suite: ByType, use_case: UseCase) -> Iterator[str]:
    if use_case.kind is Kind.REGRESSION:
        return
    target = use_case.source.target
    sets = _columns(suite, "expect_column_distinct_values_to_equal_set")
    counts = {
        k["column"]
        for k in suite.get("expect_column_unique_value_count_to_be_between", ())
        if (k.get("min_value") or 0) >= 2
    }
    if target not in sets | counts:
        yield f"expect_column_distinct_values_to_equal_set on the target {target!r} is missing"


def _not_future(suite: ByType, use_case: UseCase) -> Iterator[str]:
    timestamp = use_case.source.timestamp
    bounds = {
        k["column"]
        for k in suite.get("expect_column_values_to_be_between", ())
        if k.get("max_value") == {"$PARAMETER": "as_of"}
    }
    if timestamp is not None and timestamp not in bounds:
        yield (
            'expect_column_values_to_be_between with max_value {"$PARAMETER": "as_of"} on'
            f" {timestamp!r} is missing"
        )


RULES: tuple[Rule, ...] = (
    _row_count,
    _column_set,
    _not_null,
    _unique_key,
    _typed,
    _bounded,
    _classes,
    _not_future,
)


def _columns(suite: ByType, expectation: str) -> set[str]:
    return {kwargs["column"] for kwargs in suite.get(expectation, ())}


def _used(use_case: UseCase) -> tuple[str, ...]:
    source = use_case.source
    time = () if source.timestamp is None else (source.timestamp,)
    return tuple(dict.fromkeys((*source.key, *time, source.target, *use_case.features.raw)))


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
