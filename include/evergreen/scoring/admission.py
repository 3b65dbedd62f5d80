"""Which raw rows a champion may be asked, as the service would have it, for many rows at once.

Usage::

    admission = Admission(dossier.inputs, schema)     # DataRefused: a column is missing, or another
    fit = admission.admit(rows, wanted)               # those that hold what the contract asks for
    admission.refused                                 # {"tenure is null": 3}
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from evergreen.dossier import Inputs, RawColumn
from evergreen.errors import DataRefused, did_you_mean
from evergreen.learning.models import Array
from evergreen.serving.contract import LONGEST_SENTENCES, LONGEST_TEXT

MICROSECONDS = "us"


@dataclass
class Admission:
    """The rows that may be asked, and why the others may not."""

    inputs: Inputs
    schema: pa.Schema
    refused: dict[str, int] = field(default_factory=dict)
    """How many rows, by the first reason of each."""

    def __post_init__(self) -> None:
        if problems := [*self._missing(), *self._strange()]:
            raise DataRefused(problems)

    def admit(self, rows: pa.Table, wanted: Array) -> Array:
        """Tell which of n rows may be asked (n booleans), and count the others that are wanted."""
        out = np.zeros(len(rows), dtype=bool)
        for reason, wrong in self._checks(rows):
            self.refuse(reason, int((wrong & wanted & ~out).sum()))
            out |= wrong
        return ~out

    def refuse(self, reason: str, rows: int) -> None:
        """Count rows that are refused."""
        if rows:
            self.refused[reason] = self.refused.get(reason, 0) + rows

    def frame(self, rows: pa.Table) -> pd.DataFrame:
        """Return admitted rows with the types of training, as `Contract.frame` does."""
        return pd.DataFrame({c.name: series(c, rows[c.name]) for c in self.inputs.columns})

    def _missing(self) -> Iterator[str]:
        for name in needed(self.inputs):
            if name not in self.schema.names:
                hint = did_you_mean(name, self.schema.names)
                yield f"the rows have no column {name}, which the champion asks for{hint}"

    def _strange(self) -> Iterator[str]:
        for column in self.inputs.columns:
            if column.name not in self.schema.names:
                continue
            kind = self.schema.field(column.name).type
            found = RawColumn(name=column.name, type=_told(kind), nullable=True).family
            if not pa.types.is_null(kind) and found != column.family:
                yield f"{column.name} is {kind}; the champion has learned from {column.type}"

    def _checks(self, rows: pa.Table) -> Iterator[tuple[str, Array]]:
        for column in self.inputs.key:
            yield f"{column.name} is null", _mask(rows[column.name].is_null())
        if time := _time(self.inputs):
            yield f"{time} is null", _mask(rows[time].is_null())
        for column in self.inputs.columns:
            values = rows[column.name]
            if not column.nullable:
                yield f"{column.name} is null", _mask(values.is_null(nan_is_null=True))
            longest = LONGEST_SENTENCES if column.name in self.inputs.text else LONGEST_TEXT
            yield from _misfits(column, values, longest)


def needed(inputs: Inputs) -> list[str]:
    """Return the columns that raw rows must have: the key, the time to look back by, the inputs."""
    return list(dict.fromkeys([*in_order(inputs), *inputs.names]))


def in_order(inputs: Inputs) -> list[str]:
    """Return the columns that raw rows are ordered by: whose they are, their time, their key."""
    time = _time(inputs)
    key = [column.name for column in inputs.key]
    whose = inputs.entity if time else ()
    return list(dict.fromkeys([*whose, *([time] if time else ()), *key]))


def series(column: RawColumn, values: pa.ChunkedArray) -> "pd.Series[Any]":
    """Return values that fit as the type that the column had in training."""
    if column.is_time:
        moments = values.cast(pa.timestamp(MICROSECONDS, tz=getattr(values.type, "tz", None)))
        found = pd.to_datetime(pd.Series(moments.to_pandas()), utc=True)
        zone = column.dtype.partition(", ")[2]
        kept: pd.Series[Any] = found if zone else found.dt.tz_localize(None)
        return kept.astype(column.dtype)  # type: ignore[call-overload,no-any-return]
    plain = values.to_pandas()
    return pd.Series(plain.to_numpy() if column.dtype != "str" else plain, dtype=column.dtype)


def times(values: pa.ChunkedArray) -> Array:
    """Return moments as microseconds since 1970, UTC; 0 for null."""
    moments = values.cast(pa.timestamp(MICROSECONDS, tz=getattr(values.type, "tz", None)))
    found: Array = pc.fill_null(moments.cast(pa.int64()), 0).to_numpy()
    return found


def _time(inputs: Inputs) -> str | None:
    return inputs.timestamp if inputs.looks_back else None


def _misfits(
    column: RawColumn, values: pa.ChunkedArray, longest: int
) -> Iterator[tuple[str, Array]]:
    """Yield what the contract refuses beside null: the same words for a row as for its like."""
    if column.is_number and pa.types.is_floating(values.type):
        yield f"{column.name} is not a finite number", _mask(pc.is_inf(values))
    if column.is_whole and not values.type.equals(column.type):
        plain = values.to_numpy().astype(float)
        limits = np.iinfo(column.type)
        wrong = (plain != np.floor(plain)) | (plain < limits.min) | (plain > limits.max)
        yield f"{column.name} is no whole number ({column.type})", wrong & ~np.isnan(plain)
    if column.family == "text" and not pa.types.is_null(values.type):
        long = pc.greater(pc.utf8_length(values), longest)
        yield f"{column.name} is longer than {longest:,} characters", _mask(long)


def _mask(found: Any) -> Array:
    mask: Array = pc.fill_null(found, False).to_numpy()
    return mask


def _told(kind: pa.DataType) -> str:
    return "string" if pa.types.is_large_string(kind) or pa.types.is_string(kind) else str(kind)
