"""The table that rows are landed in: made at first, then kept to its columns and types.

Usage::

    taken = upsert(url, "shop.orders", ("id",), delivery)      # all of its rows, or DataRefused
    taken.rows, taken.relation, taken.notes
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evergreen.data import warehouse
from evergreen.data.warehouse import identifier, quoted, regclass
from evergreen.errors import DataRefused
from evergreen.ingest import inference, marks
from evergreen.ingest.delivery import Cleaned, Delivery
from evergreen.ingest.exactness import Cell
from evergreen.ingest.stage import STAGE, Stage
from evergreen.records.errors import (
    LIMITS,
    NoSuchKey,
    NotSupported,
    RuleBroken,
    StatementRefused,
    ValueRefused,
)

OLDEST = 16
"""The first PostgreSQL that tells whether a type takes a text, without failing."""
SHOWN = 30
"""How many columns are told."""
REFUSALS = (
    ValueRefused,
    RuleBroken,
    StatementRefused,
    NotSupported,
    *LIMITS,
)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What the table took."""

    rows: int
    relation: str
    notes: tuple[str, ...]


def upsert(
    url: str,
    target: str,
    key: Sequence[str],
    delivery: Delivery,
    personal: Collection[str] = (),
) -> Taken:
    """Put the rows of a delivery into a table, all of them or none.

    A row whose key is there already replaces it; no rows leave everything as it is.

    Raises:
        DataRefused: columns are missing or unknown, a key is null or repeats, or a value is none
            that its column holds exactly.
    """
    with (
        _refusing(delivery.item, target, key),
        warehouse.connect(url) as connection,
        connection.cursor() as cursor,
    ):
        _refuse_old(connection.server_version)
        types = warehouse.types(cursor, target)
        _compare(delivery, key, types)
        return _land(Stage(cursor, delivery, personal), target, key, types)


def relation(url: str, target: str) -> str:
    """Name the table as it lies on PostgreSQL's disk; one that was restored has another name."""
    with warehouse.connect(url) as connection, connection.cursor() as cursor:
        return _relation(cursor, target)


def is_emptied(url: str, target: str) -> bool:
    """Tell whether a partitioned table holds no row: it has no name on the disk to tell by."""
    with warehouse.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT FROM pg_class WHERE oid = {regclass(target)} AND relkind = 'p'")
        if cursor.fetchone() is None:
            return False
        cursor.execute(f"SELECT FROM {identifier(target)} LIMIT 1")
        return cursor.fetchone() is None


def _land(stage: Stage, target: str, key: Sequence[str], known: dict[str, str]) -> Taken:
    cleaned = stage.fill()
    if not cleaned.rows:
        return Taken(rows=0, relation=_relation(stage.cursor, target), notes=stage.delivery.notes)
    stage, marked = marks.settle(stage, known)
    dates = inference.settle_dates(stage, known)
    types = known or inference.types(stage)
    cells = {name: stage.cell(name, types[name]) for name in stage.delivery.columns}
    stage.check(cells, key, proven=() if known else inference.proven(stage, types))
    texts = [] if known else [name for name, cell in cells.items() if cell.is_text]
    notes = (
        *stage.delivery.notes,
        *marked,
        *dates,
        *_nulls(cleaned, cells),
        *inference.nearly_numbers(stage, texts),
    )
    if not known:
        _create(stage.cursor, target, types, key)
    [(rows,)] = stage.ask(_merge(target, cells, key))
    return Taken(rows=rows, relation=_relation(stage.cursor, target), notes=notes)


@contextlib.contextmanager
def _refusing(item: str, target: str, key: Sequence[str]) -> Iterator[None]:
    """Tell what PostgreSQL refuses in its words, without the statement."""
    try:
        yield
    except NoSuchKey as error:
        names = ", ".join(key)
        raise DataRefused([
            f"{item} cannot replace rows of {target}: it has no primary key or unique constraint"
            f" on {names}; give it one"
        ]) from error  # fmt: skip
    except REFUSALS as error:
        said = error.diag.message_primary or str(error)
        raise DataRefused([f"{item} does not fit into {target}: {said}"]) from error


def _refuse_old(version: int) -> None:
    if version < OLDEST * 10_000:
        raise DataRefused([
            f"landing needs PostgreSQL {OLDEST} or newer, and the warehouse is {version // 10_000}"
        ])  # fmt: skip


def _compare(delivery: Delivery, key: Sequence[str], types: Mapping[str, str]) -> None:
    found, item = list(delivery.columns), delivery.item
    known = list(types) or found
    if absent := [column for column in key if column not in found]:
        raise DataRefused([f"{item} lacks the key {', '.join(absent)}; it has {_some(found)}"])
    missing, strange = [c for c in known if c not in found], [c for c in found if c not in known]
    if missing or strange:
        said = [f"lacks {_some(missing)}"] * bool(missing)
        said += [f"has unknown {_some(strange)}"] * bool(strange)
        raise DataRefused([f"{item} {' and '.join(said)}; the table has {_some(known)}"])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _nulls(cleaned: Cleaned, cells: Mapping[str, Cell]) -> list[str]:
    read = [(name, word, count) for (name, word), count in cleaned.nulls.items()]
    read += [(name, "", count) for name, count in cleaned.blanks.items() if not cells[name].is_text]
    kept = [(name, count) for name, count in cleaned.blanks.items() if cells[name].is_text]
    return [
        f"{count:,} {repr(word) if word else 'blanks'} of {name} read as null"
        for name, word, count in read
        if count
    ] + [f"{count:,} blanks of {name} kept as text" for name, count in kept if count]


def _create(cursor: Any, target: str, types: Mapping[str, str], key: Sequence[str]) -> None:
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in types.items())
    names = ", ".join(map(quoted, key))
    cursor.execute(f"CREATE TABLE {identifier(target)} ({columns}, PRIMARY KEY ({names}))")


def _merge(target: str, cells: Mapping[str, Cell], key: Sequence[str]) -> str:
    """Write the statement that inserts the staged rows and counts those that the table has now."""
    names, keys = ", ".join(map(quoted, cells)), ", ".join(map(quoted, key))
    values = ", ".join(cell.value for cell in cells.values())
    renewed = [c for c in cells if c not in key] or list(key[:1])
    act = ", ".join(f"{quoted(c)} = EXCLUDED.{quoted(c)}" for c in renewed)
    return (
        f"WITH landed AS (INSERT INTO {identifier(target)} ({names}) SELECT {values} FROM {STAGE}"
        f" ON CONFLICT ({keys}) DO UPDATE SET {act} RETURNING 1)"
        " SELECT count(*) FROM landed"
    )


def _relation(cursor: Any, target: str) -> str:
    cursor.execute(
        f"SELECT {regclass(target)}::oid::text || '/' ||"
        f" coalesce(pg_relation_filenode({regclass(target)})::text, '')"
    )
    return str(cursor.fetchone()[0] or "")
