"""Take the values of personal columns out of GX's results, before anybody reads them."""

from collections.abc import Collection, Iterable
from typing import Any

from evergreen.personal import MASK
from evergreen.quality import own
from evergreen.quality.gx import (
    ExpectationConfiguration,
    ExpectationValidationResult,
    UnexpectedRowsExpectation,
    get_expectation_impl,
)

COUNTS = frozenset({
    "element_count", "missing_count", "missing_percent", "unexpected_count", "unexpected_percent",
    "unexpected_percent_total", "unexpected_percent_nonmissing", "partial_unexpected_index_list",
})  # fmt: skip
"""What is no value; the positions of the rows among it."""
OF_TYPE = "expect_column_values_to_be_of_type"


def hide(results: Iterable[ExpectationValidationResult], personal: Collection[str]) -> None:
    """Leave counts only of whatever is about a personal column."""
    for result in results:
        configured = result.expectation_config
        if configured is None or not _tells_of(configured, set(personal)):
            continue
        result.exception_info = _without_words(result.exception_info)
        if configured.type != OF_TYPE:  # which observes the name of a type
            result.result = {name: _hidden(name, found) for name, found in result.result.items()}


def _tells_of(configured: ExpectationConfiguration, personal: set[str]) -> bool:
    """Tell whether a result may hold personal values: one of whose class nobody knows may.

    A query's holds a count.
    """
    named = mentioned(configured.kwargs)
    asks = issubclass(get_expectation_impl(configured.type), UnexpectedRowsExpectation)
    strange = own.is_own(configured.type) and not asks and not named
    return bool(personal) and (strange or bool(named & personal))


def mentioned(kwargs: dict[str, Any]) -> set[str]:
    """Return the columns that an expectation is about."""
    named = (kwargs.get(name) for name in ("column", "column_A", "column_B"))
    return {column for column in (*named, *kwargs.get("column_list", ())) if column}


def _hidden(name: str, found: Any) -> Any:
    if name in COUNTS or found is None:
        return found
    return type(found)() if isinstance(found, list | dict) else MASK


def _without_words(info: Any) -> Any:
    """Keep whether an error was raised, and nothing that it says."""
    if not isinstance(info, dict):
        return info
    words = {"exception_message", "exception_traceback"}
    return {
        name: MASK if name in words and found else _without_words(found)
        for name, found in info.items()
    }
