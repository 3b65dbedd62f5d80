"""Raw rows of the source by key, with the rows that their features look back at.

Of a panel (`features.entity`) those of the entities that are asked about, and no others: a service
of 2,500 cities reads one.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from evergreen.data.selection import ordered, relation
from evergreen.data.warehouse import Column, Reading, quoted, reading
from evergreen.dossier import Inputs
from evergreen.learning.models import Array
from evergreen.records.errors import ValueRefused
from evergreen.serving.contract import Contract, Refused, Row, utc
from evergreen.serving.left_out import LeftOut, microseconds

log = logging.getLogger(__name__)
MOST_ROWS = 100_000
SLOW = 0.5
"""Seconds from which on it is said what would be quicker."""


class TooMany(Refused):
    """What some keys look back at is more than is read at once."""


@dataclass(frozen=True)
class _Stretch:
    """The rows that the features of some keys read."""

    entity: tuple[Any, ...]
    """Whose rows; empty: everybody's."""
    low: Any
    high: Any
    """Event times, both in it; None: the rows have none."""


def read(
    url: str,
    contract: Contract,
    keys: Sequence[Row],
    lookback: timedelta,
    left_out: LeftOut | None = None,
) -> tuple[pd.DataFrame, Array]:
    """Return raw rows in time order, with the types of training, and the places of the keys.

    The rows begin `lookback` before the first that is asked for, of a panel before the first of its
    entity. Those that training has `left_out` are not among them, unless they are asked for.

    Raises:
        TooMany: their time spans too many rows.
        Refused: a key is not in the source, or a row lacks a value.
        DatabaseError: the database is away, or has no such table.
    """
    with reading(url) as moment:
        began = perf_counter()
        rows = _select(contract.inputs, keys, lookback, moment)
        slow = perf_counter() - began > SLOW
        if slow and (told := advice(contract.inputs, keys, lookback, moment)):
            log.warning("%s", told)
    if len(rows) > MOST_ROWS:
        raise TooMany("keys", f"they span more than {MOST_ROWS} rows; ask for fewer at a time")
    asked = places(rows, _key(contract.inputs), keys)
    if left_out is None or contract.inputs.timestamp is None:
        check_nulls(contract.inputs, rows, "a row")
        return contract.frame(rows), asked
    kept = ~_bad(rows, contract.inputs, left_out)
    kept[asked] = True
    seen = [row for row, keep in zip(rows, kept, strict=True) if keep]
    check_nulls(contract.inputs, seen, "a row")
    return contract.frame(seen), (np.cumsum(kept) - 1)[asked]


def known(url: str, inputs: Inputs, keys: Sequence[Row]) -> Array:
    """Tell which of n keys are in the source (n booleans).

    Raises:
        Refused: one could be no key of it, or the source has lost a column.
        DatabaseError: the database is away, or has no such table.
    """
    table, _ = relation(inputs)
    names = _key(inputs)
    with reading(url) as moment:
        columns = {column.name: column for column in moment.columns(table)}
        _wanted(inputs, columns)
        expressions = ", ".join(columns[name].expression for name in names)
        rows = _of_keys(f"SELECT {expressions} FROM {table} AS rows", names, keys, moment)
    found = {tuple(map(_comparable, row)) for row in rows}
    return np.array([tuple(_comparable(key[name]) for name in names) in found for key in keys])


def check_nulls(inputs: Inputs, rows: Sequence[Row], whose: str) -> None:
    """Refuse what training has never seen: a null in a column that had none.

    Raises:
        Refused: there is one.
    """
    for column in inputs.columns:
        if not column.nullable and any(row[column.name] is None for row in rows):
            reason = f"{column.name} of {whose} is null, and never was in training"
            raise Refused("key", reason)


def _bad(rows: Sequence[Row], inputs: Inputs, left_out: LeftOut) -> Array:
    """Tell which rows training has left out."""
    moments = np.array([microseconds(utc(row[str(inputs.timestamp)])) for row in rows])
    return left_out.among(moments, lambda: [{n: row[n] for n in _key(inputs)} for row in rows])


def statement(
    inputs: Inputs, keys: Sequence[Row], lookback: timedelta, moment: Reading
) -> tuple[str, tuple[str, ...]]:
    """Return the SQL of the rows that are read for some keys, and the names of its columns.

    Raises:
        Refused: a key is not in the source, or the source has lost a column.
    """
    table, _ = relation(inputs)
    expressions, wanted, order = selected(inputs, table, moment)
    sql = f"SELECT {expressions} FROM {table} AS rows"
    if inputs.timestamp:
        stretches = _stretches(inputs, keys, table, lookback, moment)
        sql += f" WHERE {_within(inputs, stretches, moment)}"
    return f"{sql} ORDER BY {order} LIMIT {MOST_ROWS + 1}", wanted


def selected(inputs: Inputs, table: str, moment: Reading) -> tuple[str, tuple[str, ...], str]:
    """Return the SQL of the columns that are read (key, time, inputs), their names, and the SQL of
    the order of rows that training has seen: by time and key.

    Raises:
        Refused: the source has lost one.
    """
    columns = {column.name: column for column in moment.columns(table)}
    wanted = _wanted(inputs, columns)
    time = [inputs.timestamp] if inputs.timestamp else []
    order = [ordered(columns[name]) for name in dict.fromkeys((*time, *_key(inputs)))]
    return ", ".join(columns[name].expression for name in wanted), wanted, ", ".join(order)


def advice(inputs: Inputs, keys: Sequence[Row], lookback: timedelta, moment: Reading) -> str:
    """Say which index would spare the reading of a whole table; empty: it is not read whole.

    Raises:
        Refused: as `statement`.
    """
    sql, _ = statement(inputs, keys, lookback, moment)
    plan = [line for (line,) in moment.query(f"EXPLAIN {sql}")]
    if inputs.timestamp is None or not any("Seq Scan" in line for line in plan):
        return ""
    columns = ", ".join(dict.fromkeys((*inputs.entity, inputs.timestamp)))
    of = inputs.table or "the tables of the query"
    return f"rows by key read all of {of}: an index on ({columns}) would spare that"


def _select(inputs: Inputs, keys: Sequence[Row], lookback: timedelta, moment: Reading) -> list[Row]:
    sql, wanted = statement(inputs, keys, lookback, moment)
    return [dict(zip(wanted, row, strict=True)) for row in moment.query(sql)]


def _wanted(inputs: Inputs, columns: dict[str, Column]) -> tuple[str, ...]:
    time = [inputs.timestamp] if inputs.timestamp else []
    wanted = tuple(dict.fromkeys((*_key(inputs), *time, *inputs.names)))
    if missing := [name for name in wanted if name not in columns]:
        form = "history" if inputs.looks_back else "row"
        raise Refused("key", f"the source has lost {', '.join(missing)}; send the {form}", 503)
    return wanted


def _key(inputs: Inputs) -> tuple[str, ...]:
    return tuple(column.name for column in inputs.key)


def _stretches(
    inputs: Inputs, keys: Sequence[Row], table: str, lookback: timedelta, moment: Reading
) -> list[_Stretch]:
    """Return from which time, which the features look back at, to which rows are read."""
    time, entity = quoted(str(inputs.timestamp)), [quoted(name) for name in inputs.entity]
    grouped = f" GROUP BY {', '.join(entity)}" if entity else ""
    selected = ", ".join([*entity, f"min({time})", f"max({time})"])
    asked = f"SELECT {selected} FROM {table} AS rows"
    rows = _of_keys(asked, _key(inputs), keys, moment, grouped)
    found = [_Stretch(tuple(whose), low, high) for *whose, low, high in rows]
    if not found or found[0].low is None:
        names = ", ".join(_key(inputs))
        raise Refused("key", f"the source has no such row by {names}")
    return [_Stretch(one.entity, one.low - lookback, one.high) for one in found]


def _of_keys(
    sql: str, names: Sequence[str], keys: Sequence[Row], moment: Reading, end: str = ""
) -> list[tuple[Any, ...]]:
    values = tuple(tuple(key[name] for name in names) for key in keys)
    try:
        with moment.connection.cursor() as cursor:
            wanted = cursor.mogrify("%s", (values,)).decode()  # names may hold a %
            cursor.execute(f"{sql} WHERE ({', '.join(map(quoted, names))}) IN {wanted}{end}")
            return cursor.fetchall()
    except ValueRefused as error:
        raise Refused("key", " ".join(str(error).split())[:200]) from None


def _within(inputs: Inputs, stretches: Sequence[_Stretch], moment: Reading) -> str:
    time = quoted(str(inputs.timestamp))
    with moment.connection.cursor() as cursor:

        def bound(values: Sequence[Any]) -> list[str]:
            return [cursor.mogrify("%s", (value,)).decode() for value in values]

        return " OR ".join(
            f"({' AND '.join([*_same(inputs.entity, bound(one.entity)), between])})"
            for one in stretches
            for between in [f"{time} BETWEEN {' AND '.join(bound((one.low, one.high)))}"]
        )


def _same(names: Sequence[str], values: Sequence[str]) -> list[str]:
    """Write SQL that holds for rows of one entity, in a form that an index can answer."""
    return [
        f"{quoted(name)} IS NULL" if value == "NULL" else f"{quoted(name)} = {value}"
        for name, value in zip(names, values, strict=True)
    ]


def places(rows: Sequence[Row], names: Sequence[str], keys: Sequence[Row]) -> Array:
    """Return the place of each key among the rows, by these columns.

    Raises:
        Refused: a key is not among them.
    """
    found = {tuple(_comparable(row[name]) for name in names): i for i, row in enumerate(rows)}
    known = []
    for number, key in enumerate(keys):
        place = found.get(tuple(_comparable(key[name]) for name in names))
        if place is None:
            field = f"keys.{number}" if len(keys) > 1 else "key"
            raise Refused(field, f"the source has no such row by {', '.join(names)}")
        known.append(place)
    return np.asarray(known)


def _comparable(value: Any) -> Any:
    if hasattr(value, "year"):
        moment = pd.Timestamp(value)
        return moment.tz_convert(None) if moment.tz else moment
    return value
