"""Expectations and their results, in words that a reader understands.

phrase = of("expect_column_values_to_be_between")
phrase.requires({"column": "wind", "min_value": 0, "max_value": 40})   # lies in 0..40
phrase.breaks({"column": "wind", "min_value": 0, "max_value": 40})     # are outside 0..40
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

Kwargs = Mapping[str, Any]


@dataclass(frozen=True)
class Phrase:
    """What an expectation requires of the data, and what the values that fail it do."""

    requires: Callable[[Kwargs], str]
    breaks: Callable[[Kwargs], str]


def of(expectation: str, described: str = "") -> Phrase:
    """Return the phrase of a GX expectation type; one without its own is spelt out.

    What somebody has `described` it by is told as it is.
    """
    if described:
        return Phrase(lambda _: described, lambda _: f"break “{described}”")
    if expectation in PHRASES:
        return PHRASES[expectation]
    plain = expectation.removeprefix("expect_").removeprefix("column_").replace("_", " ")
    return Phrase(lambda k: f"{plain}{_options(k)}", lambda k: f"break “{plain}{_options(k)}”")


def subject(kwargs: Kwargs) -> str:
    """Return what an expectation is about: a column, several, or the table."""
    pair = [kwargs[name] for name in ("column_A", "column_B") if name in kwargs]
    columns = kwargs.get("column_list") or pair
    return str(kwargs.get("column") or ", ".join(columns) or "table")


def value(raw: Any) -> str:
    """Write one value: numbers short, text in quotes, times in ISO 8601, what is missing as such.

    >>> value(float("inf")), value("hail"), value(None), value(0.30000000000000004)
    ('inf', "'hail'", 'missing', '0.3')
    """
    if isinstance(raw, str):
        return repr(raw)
    if raw is None or raw is pd.NA or raw is pd.NaT or (isinstance(raw, float) and math.isnan(raw)):
        return "missing"
    if isinstance(raw, datetime):
        return raw.isoformat(sep=" ")
    return f"{raw:.6g}" if isinstance(raw, float) else str(raw)


def bare(raw: Any) -> str:
    """Write one value, text without quotes."""
    return raw if isinstance(raw, str) else value(raw)


def several(values: Iterable[Any], limit: int = 8) -> str:
    """Write a list of values, the first `limit` of them."""
    listed = [bare(each) for each in values]
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def share(part: int, whole: int) -> str:
    """Write a share.

    >>> share(3, 1460)
    '3 of 1460 values (0.21 %)'
    """
    percent = 100 * part / whole if whole else 0.0
    digits = f"{percent:.0f}" if percent >= 10 or percent == 0 else f"{percent:.2g}"
    return f"{part} of {whole} values ({digits} %)"


def _within(kwargs: Kwargs) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None:
        return f"at most {value(high)}"
    return f"at least {value(low)}" if high is None else f"{value(low)}..{value(high)}"


def _inside(kwargs: Kwargs) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and isinstance(high, date):
        return f"is not later than {value(high)}"
    return f"{'is' if low is None or high is None else 'lies in'} {_within(kwargs)}"


def _outside(kwargs: Kwargs) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and isinstance(high, date):
        return f"lie after {value(high)} (rows from the future)"
    if low is None:
        return f"are above {value(high)}"
    return f"are below {value(low)}" if high is None else f"are outside {_within(kwargs)}"


def _pair(kwargs: Kwargs) -> str:
    sign = "≥" if kwargs.get("or_equal") else ">"
    return f"{kwargs['column_A']} {sign} {kwargs['column_B']}"


def _options(kwargs: Kwargs) -> str:
    hidden = {"column", "column_A", "column_B", "column_list", "batch_id"}
    options = [f"{name}={option}" for name, option in kwargs.items() if name not in hidden]
    return f" ({', '.join(options)})" if options else ""


PHRASES: dict[str, Phrase] = {
    "expect_table_row_count_to_be_between": Phrase(
        lambda k: f"has {_within(k)} rows", lambda k: f"{_within(k)} are expected"
    ),
    "expect_table_columns_to_match_set": Phrase(
        lambda k: f"has exactly the columns {several(k['column_set'], 99)}",
        lambda _: "the columns changed",
    ),
    "expect_column_values_to_not_be_null": Phrase(
        lambda _: "is never missing", lambda _: "are missing (NULL or NaN)"
    ),
    "expect_column_values_to_be_unique": Phrase(lambda _: "is unique", lambda _: "are duplicated"),
    "expect_compound_columns_to_be_unique": Phrase(
        lambda _: "are unique together", lambda _: "are duplicated"
    ),
    "expect_column_values_to_be_between": Phrase(_inside, _outside),
    "expect_column_values_to_be_in_set": Phrase(
        lambda k: f"is one of {several(k['value_set'])}",
        lambda k: f"are not one of {several(k['value_set'])}",
    ),
    "expect_column_values_to_match_regex": Phrase(
        lambda k: f"matches {k['regex']}", lambda k: f"do not match {k['regex']}"
    ),
    "expect_column_values_to_be_of_type": Phrase(
        lambda k: f"has the type {k['type_']}", lambda k: f"are not of type {k['type_']}"
    ),
    "expect_column_distinct_values_to_equal_set": Phrase(
        lambda k: f"holds each of {several(k['value_set'])}, and nothing else",
        lambda k: f"differ from {several(k['value_set'])}",
    ),
    "expect_column_unique_value_count_to_be_between": Phrase(
        lambda k: f"holds {_within(k)} different values",
        lambda k: f"{_within(k)} different values are expected",
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": Phrase(
        _pair, lambda k: f"break {_pair(k)}"
    ),
}
