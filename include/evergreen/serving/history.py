"""Raw rows of the source by key, with the rows that their features look back at."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from evergreen.data.selection import relation
from evergreen.data.warehouse import Reading, quoted, reading
from evergreen.dossier import Inputs
from evergreen.learning.models import Array
from evergreen.records.errors import ValueRefused
from evergreen.serving.contract import Contract, Refused, Row

MOST_ROWS = 100_000


def read(
    url: str, contract: Contract, keys: Sequence[Row], lookback: timedelta
) -> tuple[pd.DataFrame, Array]:
    """Return raw rows in time order, with the types of training, and the places of the keys.

    The rows begin `lookback` before the first that is asked for.

    Raises:
        Refused: a key is not in the source, or their time spans too many rows.
        DatabaseError: the database is away, or has no such table.
    """
    with reading(url) as moment:
        rows = _select(contract.inputs, keys, lookback, moment)
    if len(rows) > MOST_ROWS:
        raise Refused("keys", f"they span more than {MOST_ROWS} rows; ask for fewer at a time")
    return contract.frame(rows), _places(rows, _key(contract.inputs), keys)


def _select(inputs: Inputs, keys: Sequence[Row], lookback: timedelta, moment: Reading) -> list[Row]:
    table, _ = relation(inputs)
    columns = {column.name: column for column in moment.columns(table)}
    time, key = inputs.timestamp, _key(inputs)
    wanted = dict.fromkeys((*key, *([time] if time else ()), *inputs.names))
    if missing := [name for name in wanted if name not in columns]:
        raise Refused("key", f"the source has lost {', '.join(missing)}; send the history", 503)
    expressions = ", ".join(columns[name].expression for name in wanted)
    order = ", ".join(map(quoted, dict.fromkeys((*([time] if time else ()), *key))))
    sql = f"SELECT {expressions} FROM {table} AS rows"
    low, high = _span(inputs, keys, table, lookback, moment)
    if time:
        with moment.connection.cursor() as cursor:
            bounds = cursor.mogrify("%s AND %s", (low, high)).decode()
        sql += f" WHERE {quoted(time)} BETWEEN {bounds}"
    found = moment.query(f"{sql} ORDER BY {order} LIMIT {MOST_ROWS + 1}")
    return [dict(zip(wanted, row, strict=True)) for row in found]


def _key(inputs: Inputs) -> tuple[str, ...]:
    return tuple(column.name for column in inputs.key)


def _span(
    inputs: Inputs, keys: Sequence[Row], table: str, lookback: timedelta, moment: Reading
) -> tuple[Any, Any]:
    """Return the first time that the features look back at, and the time of the last key."""
    if inputs.timestamp is None:
        return None, None
    names = ", ".join(map(quoted, _key(inputs)))
    values = [tuple(key[name] for name in _key(inputs)) for key in keys]
    time = quoted(inputs.timestamp)
    try:
        with moment.connection.cursor() as cursor:
            wanted = cursor.mogrify("%s", (tuple(values),)).decode()  # names may hold a %
            cursor.execute(
                f"SELECT min({time}), max({time}) FROM {table} AS rows WHERE ({names}) IN {wanted}"
            )
            found = cursor.fetchone()
    except ValueRefused as error:
        raise Refused("key", " ".join(str(error).split())[:200]) from None
    if found is None or found[0] is None:
        raise Refused("key", "the source has no such row")
    return found[0] - lookback, found[1]


def _places(rows: Sequence[Row], names: Sequence[str], keys: Sequence[Row]) -> Array:
    found = {tuple(_comparable(row[name]) for name in names): i for i, row in enumerate(rows)}
    places = []
    for number, key in enumerate(keys):
        place = found.get(tuple(_comparable(key[name]) for name in names))
        if place is None:
            raise Refused(f"keys.{number}", "the source has no such row")
        places.append(place)
    return np.asarray(places)


def _comparable(value: Any) -> Any:
    if hasattr(value, "year"):
        moment = pd.Timestamp(value)
        return moment.tz_convert(None) if moment.tz else moment
    return value
