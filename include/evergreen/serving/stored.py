"""Features of rows that a training has stored, in the place of raw rows and of computing.

    found = Shelf(records.features).find(served, keys, now)
    found.columns          # {"week": array([12.5]), …}: what the engine takes after the features
    found.why              # why there is none: the raw rows are read then, and this is told

They are bound to the model's own definition, which its dossier names. They are too old two pauses
of the training's schedule after they were filled.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from evergreen.dossier import Inputs, RawColumn
from evergreen.learning.models import Array
from evergreen.records.errors import DatabaseError
from evergreen.records.features import Shelved
from evergreen.serving.contract import Row, utc
from evergreen.serving.desk import Desk, Served

log = logging.getLogger(__name__)
RAW_ROWS = "features computed from raw rows"


class Finding(Protocol):
    """What is asked of the records."""

    def find(self, use_case: str, sha256: str, keys: Sequence[Row]) -> list[Shelved]:
        """Return what is stored of the rows with these keys."""


@dataclass(frozen=True)
class Found:
    """The features of n rows, or why there are none."""

    why: str = ""
    """Empty: all rows have them."""
    columns: Mapping[str, Array] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    """Raw columns of the rows, for the record."""
    as_of: datetime | None = None
    """The moment that the features are known as of."""


class Shelf:
    """Asks for stored features; whatever hinders it is a reason to read raw rows."""

    def __init__(self, kept: Finding) -> None:
        self._kept = kept

    def find(self, desk: Desk, keys: Sequence[Row], now: datetime) -> Found:
        """Return the features of the rows with these keys, if all are stored and fresh."""
        served = desk.champion
        if desk.trial and _definition(desk.trial.challenger) != _definition(served):
            return Found("a challenger with other features is on trial")
        inputs = served.contract.inputs
        if inputs.lookup and len(inputs.lookup) < len(inputs.key):
            return Found("the key that was given is a part of the rows' own")
        asked = [canonical(inputs.key, key) for key in keys]
        try:
            found = self._kept.find(served.ref.use_case, inputs.definition, asked)
        except DatabaseError as error:
            log.warning("stored features cannot be read: %s", error)
            return Found("what is stored cannot be read")
        by_place = {one.place: one for one in found}
        if len(by_place) < len(keys):
            return Found("nothing is stored of the row by this model's definition")
        rows = [by_place[place] for place in range(len(keys))]
        if late := [row for row in rows if row.good_until < now]:
            return Found(f"what is stored is of {late[0].as_of:%Y-%m-%d %H:%M} UTC, too old")
        return Found("", columns(inputs, rows), [row.raw for row in rows], rows[0].as_of)


def columns(inputs: Inputs, rows: Sequence[Shelved]) -> dict[str, Array]:
    """Return stored features by name, as the feature code gives them: missing is NaN."""
    names = (*inputs.numeric, *inputs.dates)
    numbers = np.array([row.numbers for row in rows], dtype=float).reshape(len(rows), len(names))
    found: dict[str, Array] = {name: numbers[:, place] for place, name in enumerate(names)}
    for place, name in enumerate((*inputs.categorical, *inputs.text)):
        words = [row.texts[place] for row in rows]
        found[name] = np.array([np.nan if word is None else word for word in words], dtype=object)
    return found


def canonical(key: Sequence[RawColumn], row: Mapping[str, Any]) -> Row:
    """Return columns of a row as they are looked up: numbers by their type, moments in UTC."""
    return {column.name: _canonical(column, row[column.name]) for column in key}


def _canonical(column: RawColumn, value: Any) -> Any:
    if value is None or value != value:
        return None
    if column.is_time:
        return utc(value).astimezone(UTC).isoformat()
    if column.is_whole:
        return int(value)
    if column.type == "bool":
        return bool(value)
    return float(value) if column.is_fraction else str(value)


def _definition(served: Served) -> str:
    return served.dossier.inputs.definition
