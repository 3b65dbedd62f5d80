"""The digest of a declaration: of its values, and of all code that it names.

    digest(weather)                       # differs when a constant that a function reads does

What takes no part in a training (words for people, whether it is a draft, schedules, how the
champion is watched) is left out.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from evergreen.learning import source_code
from evergreen.spec import UseCase

APART = frozenset({
    "doc", "owner", "tags", "draft", "schedule", "ingest", "scoring", "serving", "labels",
    "monitoring", "retraining", "release",
})  # fmt: skip


def digest(use_case: UseCase) -> str:
    """Return the sha256 of what the declaration says about a training and its judgement."""
    said = {f.name: _plain(getattr(use_case, f.name)) for f in fields(use_case)}
    told = {name: value for name, value in said.items() if name not in APART}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return a value as JSON: dataclasses by field, functions by their code."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return source_code.closure(value) if callable(value) else repr(value)
