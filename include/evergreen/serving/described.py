"""What a suite of expectations says of the columns, for people who read /docs."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


def descriptions(suite: Path) -> dict[str, str]:
    """Return what the expectations say of each column, in words: its range and its set.

    A file that cannot be read describes nothing, and hinders nobody's answers.
    """
    try:
        return _descriptions(json.loads(suite.read_text()))
    except FileNotFoundError:
        return {}
    except Exception as error:  # whatever is in it
        log.warning("%s describes no column: %s: %s", suite.name, type(error).__name__, error)
        return {}


def _descriptions(suite: Mapping[str, Any]) -> dict[str, str]:
    words: dict[str, list[str]] = {}
    for expectation in suite.get("expectations", []):
        given = expectation.get("kwargs", {})
        column, note = given.get("column"), _note(expectation.get("type", ""), given)
        if column and note:
            words.setdefault(column, []).append(note)
    return {column: "; ".join(notes) for column, notes in words.items()}


def _note(kind: str, given: Mapping[str, Any]) -> str:
    low, high, allowed = (given.get(name) for name in ("min_value", "max_value", "value_set"))
    if isinstance(low, dict) or isinstance(high, dict):  # {"$PARAMETER": …}: known when it is run
        return ""
    if kind == "expect_column_values_to_be_between":
        return f"expected from {_bound(low)} to {_bound(high)}"
    if kind == "expect_column_values_to_be_in_set" and isinstance(allowed, list):
        return f"expected one of {', '.join(map(str, allowed[:20]))}"
    return ""


def _bound(value: Any) -> str:
    return "any" if value is None else str(value)
