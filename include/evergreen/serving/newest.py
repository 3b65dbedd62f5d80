"""The newest raw row of a key in the source, for use cases whose features look back at none.

raw, places, keys = newest.read(settings.warehouse_url, contract, [{"customer": 7}])
"""

import logging
from collections.abc import Sequence
from time import perf_counter

import pandas as pd

from evergreen.data.selection import relation
from evergreen.data.warehouse import Reading, quoted, reading
from evergreen.dossier import Inputs
from evergreen.learning.models import Array
from evergreen.records.errors import ValueRefused
from evergreen.serving.contract import Contract, Refused, Row
from evergreen.serving.history import SLOW, check_nulls, places, selected

log = logging.getLogger(__name__)


def read(
    url: str, contract: Contract, keys: Sequence[Row]
) -> tuple[pd.DataFrame, Array, list[Row]]:
    """Return the newest row of each key, with the types of training, and the places of the keys.

    What was asked by may be a part of the source's key: the whole keys of these rows, in the order
    of `keys`, come last, and labels find the answers by them.

    Raises:
        Refused: a key is not in the source, or the source has lost a column.
        DatabaseError: the database is away, or has no such table.
    """
    inputs, began = contract.inputs, perf_counter()
    with reading(url) as moment:
        rows = _select(inputs, keys, moment)
    if perf_counter() - began > SLOW:
        time = [inputs.timestamp] if inputs.timestamp else []
        columns = ", ".join([*inputs.lookup, *time])
        log.warning("rows by key took long: is there an index on (%s)?", columns)
    check_nulls(inputs, rows, "the newest row")
    asked = places(rows, inputs.lookup, keys)
    return contract.frame(rows), asked, [contract.key(rows[place]) for place in asked]


def _select(inputs: Inputs, keys: Sequence[Row], moment: Reading) -> list[Row]:
    table, _ = relation(inputs)
    expressions, wanted, _ = selected(inputs, table, moment)
    names = ", ".join(map(quoted, inputs.lookup))
    values = tuple(tuple(key[name] for name in inputs.lookup) for key in keys)
    try:
        with moment.connection.cursor() as cursor:
            asked = cursor.mogrify("%s", (values,)).decode()  # names may hold a %
            cursor.execute(
                f"SELECT DISTINCT ON ({names}) {expressions} FROM {table} AS rows"
                f" WHERE ({names}) IN {asked}{_dated(inputs)} ORDER BY {names}{_latest(inputs)}"
            )
            return [dict(zip(wanted, row, strict=True)) for row in cursor.fetchall()]
    except ValueRefused as error:
        raise Refused("key", " ".join(str(error).split())[:200]) from None


def _dated(inputs: Inputs) -> str:
    return f" AND isfinite({quoted(inputs.timestamp)})" if inputs.timestamp else ""


def _latest(inputs: Inputs) -> str:
    """Write the order of the rows of a key: the newest first, of one time the last by the key."""
    time = [inputs.timestamp] if inputs.timestamp else []
    rest = [column.name for column in inputs.key if column.name not in inputs.lookup]
    return "".join(f", {quoted(name)} DESC" for name in dict.fromkeys((*time, *rest)))
