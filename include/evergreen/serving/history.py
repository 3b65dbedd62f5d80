"""Raw rows of the source by key, with the rows that their features look back at."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg2

from evergreen.data.selection import relation
from evergreen.data.warehouse import Reading, quoted, reading
from evergreen.learning.models import Array
from evergreen.serving.contract import Contract, Refused, Row
from evergreen.spec import UseCase

MOST_ROWS = 100_000
DAY = timedelta(days=1)


def read(url: str, contract: Contract, keys: Sequence[Row]) -> tuple[pd.DataFrame, Array]:
    """Return raw rows in time order, with the types of training, and the places of the keys.

    Raises:
        Refused: a key is not in the source, or their time spans too many rows.
        psycopg2.Error: the database is away, or has no such table.
    """
    with reading(url) as moment:
        rows = _select(contract.use_case, keys, moment)
    if len(rows) > MOST_ROWS:
        raise Refused("keys", f"they span more than {MOST_ROWS} rows; ask for fewer at a time")
    return contract.frame(rows), _places(rows, contract.use_case.source.key, keys)


def _select(use_case: UseCase, keys: Sequence[Row], moment: Reading) -> list[Row]:
    source, features = use_case.source, use_case.features
    table, _ = relation(use_case)
    columns = {column.name: column for column in moment.columns(table)}
    time = source.timestamp
    wanted = dict.fromkeys((*source.key, *([time] if time else ()), *features.raw))
    if missing := [name for name in wanted if name not in columns]:
        raise Refused("key", f"the source has lost {', '.join(missing)}; send the history", 503)
    expressions = ", ".join(columns[name].expression for name in wanted)
    order = ", ".join(map(quoted, dict.fromkeys((*([time] if time else ()), *source.key))))
    sql = f"SELECT {expressions} FROM {table} AS rows"
    low, high = _span(use_case, keys, table, moment)
    if time:
        with moment.connection.cursor() as cursor:
            bounds = cursor.mogrify("%s AND %s", (low, high)).decode()
        sql += f" WHERE {quoted(time)} BETWEEN {bounds}"
    found = moment.query(f"{sql} ORDER BY {order} LIMIT {MOST_ROWS + 1}")
    return [dict(zip(wanted, row, strict=True)) for row in found]


def _span(use_case: UseCase, keys: Sequence[Row], table: str, moment: Reading) -> tuple[Any, Any]:
    """Return the first time that the features look back at, and the time of the last key."""
    source = use_case.source
    if source.timestamp is None:
        return None, None
    names = ", ".join(map(quoted, source.key))
    values = [tuple(key[name] for name in source.key) for key in keys]
    time = quoted(source.timestamp)
    try:
        with moment.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT min({time}), max({time}) FROM {table} AS rows WHERE ({names}) IN %s",
                (tuple(values),),
            )
            found = cursor.fetchone()
    except psycopg2.DataError as error:
        raise Refused("key", " ".join(str(error).split())[:200]) from None
    if found is None or found[0] is None:
        raise Refused("key", "the source has no such row")
    lookback = use_case.features.lookback
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
