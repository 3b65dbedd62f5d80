"""Profile a table in PostgreSQL, and write what it holds today, with slack, as a suite.

Every figure is one aggregate in the database, so a table of any size is profiled in bounded memory.
"""

import math
import sys
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evergreen.data.selection import STRANGE_TIMES, is_lost
from evergreen.data.warehouse import Column, Reading, identifier, regclass
from evergreen.errors import EvergreenError

CLASSES = 20
"""Up to so many different values are kept by name."""
SLACK = 0.5
"""How far a bound lies beyond what was seen, as a share of the range that was seen."""
FURTHEST = 1e308
"""Beyond it nothing can be rounded away from zero."""
PANDAS = {
    "bool": "bool", "int2": "int16", "int4": "int32", "int8": "int64", "float4": "float32",
    "float8": "float64", "numeric::float8": "float64", "date": "date", "timestamp": "datetime64",
    "timestamptz": "Timestamp",
}  # fmt: skip
"""How GX names the type of a column that warehouse.Column.type reads; every other one is `str`."""


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """What a column holds."""

    name: str
    type: str
    """As a suite names it: `float64`, `str`, `date` ..."""
    nulls: int
    low: Any = None
    """Least finite value of a number or time."""
    high: Any = None
    values: tuple[Any, ...] | None = None
    """The different values, if there are at most `CLASSES`."""

    @property
    def is_number(self) -> bool:
        """Tell whether it is an integer or a float."""
        return self.type.startswith(("int", "float"))

    @property
    def is_time(self) -> bool:
        """Tell whether it is a date or a timestamp."""
        return self.type in {"date", "datetime64", "Timestamp"}

    @property
    def is_empty(self) -> bool:
        """Tell whether it holds no value, or no finite number."""
        return self.values == () or (self.is_number and self.low is None)

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds with slack; what never was below zero may not be. For a column with values."""
        slack = (self.high - self.low) * SLACK or max(1.0, abs(self.high) * SLACK)
        low = 0.0 if self.low >= 0 and self.low - slack < 0 else self.low - slack
        return _outward(low, math.floor), _outward(self.high + slack, math.ceil)


@dataclass(frozen=True, kw_only=True)
class TableProfile:
    """What a table holds."""

    table: str
    rows: int
    primary_key: tuple[str, ...]
    columns: dict[str, ColumnProfile]


def profile(moment: Reading, table: str) -> TableProfile:
    """Profile every column of a table that exists.

    Raises:
        EvergreenError: a time cannot be read.
    """
    relation = identifier(table)
    [(rows,)] = moment.query(f"SELECT count(*) FROM {relation}")
    columns = [_profile(moment, relation, column) for column in moment.columns(relation)]
    return TableProfile(
        table=table,
        rows=rows,
        primary_key=_primary_key(moment, table),
        columns={column.name: column for column in columns},
    )


def _profile(moment: Reading, relation: str, column: Column) -> ColumnProfile:
    kind = PANDAS.get(column.type, "str")
    name = column.identifier
    if column.is_time:
        _refuse_unreadable(moment, relation, column)
    ordered = kind not in {"bool", "str"}
    cast = f"{name}::{column.type}" if ordered else name
    finite = (
        f"FILTER (WHERE {cast} > '-Infinity' AND {cast} < 'Infinity')"
        if kind.startswith("float")
        else ""
    )
    extremes = f"min({cast}) {finite}, max({cast}) {finite}" if ordered else "NULL, NULL"
    [(nulls, low, high)] = moment.query(
        f"SELECT count(*) FILTER (WHERE {name} IS NULL), {extremes} FROM {relation}"
    )
    return ColumnProfile(
        name=column.name,
        type=kind,
        nulls=nulls,
        low=low,
        high=high,
        values=_values(moment, relation, column),
    )


def _refuse_unreadable(moment: Reading, relation: str, column: Column) -> None:
    [(rows,)] = moment.query(f"SELECT count(*) FILTER (WHERE {is_lost(column)}) FROM {relation}")
    if rows:
        raise EvergreenError(f"{column.name}: {rows} rows {STRANGE_TIMES}")


def _values(moment: Reading, relation: str, column: Column) -> tuple[Any, ...] | None:
    read = column.expression
    rows = moment.query(
        f"SELECT DISTINCT {read} FROM {relation}"
        f" WHERE {column.identifier} IS NOT NULL LIMIT {CLASSES + 1}"
    )
    return tuple(sorted(value for (value,) in rows)) if len(rows) <= CLASSES else None


def _primary_key(moment: Reading, table: str) -> tuple[str, ...]:
    rows = moment.query(
        "SELECT attname FROM pg_index"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
        f" WHERE indrelid = {regclass(table)} AND indisprimary"
        " ORDER BY array_position(indkey::int2[], attnum)"
    )
    return tuple(name for (name,) in rows)


def suite(
    name: str, table: TableProfile, *, key: tuple[str, ...], time: str | None, target: str,
    classes: bool, personal: Collection[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Return a suite, in GX's JSON, that the table of today meets.

    `classes`: the target has classes, and each must be there; otherwise it is bounded. Of columns
    that are `personal` it holds no value.
    """
    columns = list(table.columns.values())
    labelled = table.rows - table.columns[target].nulls
    full = [c.name for c in columns if c.name == target or not c.nulls]
    checks = [
        _check("table_row_count_to_be_between", min_value=max(1, labelled // 2),
               notes=f"Half of the {labelled} rows with a label that were profiled."),
        _check("table_columns_to_match_set", column_set=list(table.columns), exact_match=True),
        *(_check("column_values_to_be_of_type", column=c.name, type_=c.type) for c in columns),
        *(_check("column_values_to_not_be_null", column=name) for name in full),
        _unique(key),
    ]  # fmt: skip
    if time is not None:
        checks.append(_not_future(time))
    checks += [
        _bounded(c)
        for c in columns
        if c.name not in personal
        and c.is_number
        and c.low is not None
        and _is_measure(c, key, target, classes)
    ]
    checks += [
        _check("column_values_to_be_in_set", column=c.name, value_set=list(c.values or ()),
               notes="The values profiled. Delete this where new ones are welcome.")
        for c in columns
        if c.type == "str" and c.values and c.name not in {*key, target, *personal}
    ]  # fmt: skip
    if classes:
        values = list(table.columns[target].values or ())
        checks.append(
            _check("column_distinct_values_to_equal_set", column=target, value_set=values)
        )
    return {"name": name, "notes": f"Profiled from {table.table}.", "meta": {},
            "expectations": checks}  # fmt: skip


def _is_measure(column: ColumnProfile, key: tuple[str, ...], target: str, classes: bool) -> bool:
    return column.name not in key and not (column.name == target and classes)


def _check(kind: str, notes: str | None = None, **kwargs: Any) -> dict[str, Any]:
    about = {} if notes is None else {"notes": notes}
    return {"type": f"expect_{kind}", "kwargs": kwargs, "meta": {}, **about}


def _unique(key: tuple[str, ...]) -> dict[str, Any]:
    if len(key) == 1:
        return _check("column_values_to_be_unique", "The key.", column=key[0])
    return _check("compound_columns_to_be_unique", "The key.", column_list=list(key))


def _not_future(time: str) -> dict[str, Any]:
    return _check(
        "column_values_to_be_between",
        "No row comes from the future.",
        column=time,
        max_value={"$PARAMETER": "as_of"},
    )


def _bounded(column: ColumnProfile) -> dict[str, Any]:
    low, high = column.bounds
    seen = f"Seen: {_plain(column.low)}..{_plain(column.high)}. Put what is possible in its place."
    return _check(
        "column_values_to_be_between", seen, column=column.name, min_value=low, max_value=high
    )


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else f"{value:.6g}"


def _outward(bound: float, rounding: Any) -> float:
    """Round to three digits, away from the data, as far as numbers go."""
    if bound == 0:
        return 0.0
    if abs(bound) > FURTHEST:
        return math.copysign(sys.float_info.max, bound)
    step = 10.0 ** (math.floor(math.log10(abs(bound))) - 2)
    return float(f"{rounding(round(bound / step, 6)) * step:.10g}")
