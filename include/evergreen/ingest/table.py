"""The table that rows are landed in: made at first, then kept to its columns and types."""

import adbc_driver_manager
import psycopg2
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from evergreen.data import warehouse
from evergreen.data.warehouse import identifier, quoted
from evergreen.errors import DataRefused
from evergreen.records.pool import libpq

STAGE = "evergreen_landing"


def upsert(url: str, target: str, key: tuple[str, ...], rows: pa.Table, item: str) -> None:
    """Put the rows of an item into a table, all of them or none.

    Raises:
        DataRefused: columns are missing or unknown, a key is null, or a value is not of its type.
    """
    if missing := [column for column in key if column not in rows.column_names]:
        raise DataRefused([f"{item} lacks the key {', '.join(missing)}"])
    types = _types(url, target)
    _compare(item, rows, [*types] or rows.column_names)
    statements = [] if types else _create(target, key)
    statements.append(_merge(target, rows.column_names, key, types))
    try:
        with dbapi.connect(libpq(url)) as connection, connection.cursor() as cursor:
            warehouse.settle(cursor)
            cursor.adbc_ingest(STAGE, rows, mode="create", temporary=True)
            for statement in statements:
                cursor.execute(statement)
            cursor.execute(f"DROP TABLE {STAGE}")  # PgBouncer hands the session on
            connection.commit()
    except (adbc_driver_manager.Error, psycopg2.Error) as error:
        raise DataRefused([f"{item} does not fit into {target}: {error}"]) from error


def _types(url: str, target: str) -> dict[str, str]:
    """Return the SQL type of each column, in their order; empty: there is no such table."""
    with warehouse.reading(url) as reading:
        return dict(
            reading.query(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                f" WHERE attrelid = to_regclass('{identifier(target)}') AND attnum > 0"
                " AND NOT attisdropped ORDER BY attnum"
            )
        )


def _compare(item: str, rows: pa.Table, known: list[str]) -> None:
    found = rows.column_names
    missing, strange = [c for c in known if c not in found], [c for c in found if c not in known]
    if missing or strange:
        said = [f"lacks {', '.join(missing)}"] * bool(missing)
        said += [f"has unknown {', '.join(strange)}"] * bool(strange)
        raise DataRefused([f"{item} {' and '.join(said)}; the table has {', '.join(known)}"])


def _create(target: str, key: tuple[str, ...]) -> list[str]:
    names = ", ".join(map(quoted, key))
    return [
        f"CREATE TABLE {identifier(target)} (LIKE {STAGE})",
        f"ALTER TABLE {identifier(target)} ADD PRIMARY KEY ({names})",
    ]


def _merge(target: str, columns: list[str], key: tuple[str, ...], types: dict[str, str]) -> str:
    """Write the statement that inserts the staged rows; of rows with one key the last one stays."""
    names = ", ".join(map(quoted, columns))
    values = ", ".join(
        f"{quoted(c)}::{types[c]}" if c in types else quoted(c) for c in columns
    )  # fmt: skip
    keys = ", ".join(map(quoted, key))
    others = [f"{quoted(c)} = EXCLUDED.{quoted(c)}" for c in columns if c not in key]
    act = f"UPDATE SET {', '.join(others)}" if others else "NOTHING"
    return (
        f"INSERT INTO {identifier(target)} ({names}) SELECT DISTINCT ON ({keys}) {values}"
        f" FROM {STAGE} ORDER BY {keys}, ctid DESC ON CONFLICT ({keys}) DO {act}"
    )
