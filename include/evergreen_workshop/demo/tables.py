"""What the demo tables share: they are created once, filled once, and appended to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg2.errors import UndefinedTable
from psycopg2.extensions import cursor
from psycopg2.extras import execute_values

from evergreen.data.warehouse import connect
from evergreen.errors import EvergreenError

LOCK = 0x65766772
"""Advisory lock that lets one process at a time create, fill or feed a demo table."""


def fill(url: str, ddl: str, table: str, rows: Callable[[], Sequence[tuple[Any, ...]]]) -> int:
    """Create the table and insert the rows, unless it holds some; return how many."""
    with connect(url) as connection, connection.cursor() as statement:
        statement.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        statement.execute(ddl)
        statement.execute(f"SELECT EXISTS (SELECT FROM {table})")
        if _one(statement):
            return 0
        return insert(statement, table, rows())


@contextmanager
def appending(url: str, table: str, newest: str) -> Iterator[tuple[cursor, Any]]:
    """Lock the table and yield a cursor and its newest value, as by `max(id)`.

    Raises:
        EvergreenError: the table is missing or empty.
    """
    with connect(url) as connection, connection.cursor() as statement:
        statement.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        try:
            statement.execute(f"SELECT {newest} FROM {table}")
            value = _one(statement)
        except UndefinedTable:
            value = None
        if value is None:
            raise EvergreenError(f"{table} holds no rows; run `evergreen db load {table}` first")
        yield statement, value


def insert(statement: cursor, table: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert the rows in one statement; return how many."""
    execute_values(statement, f"INSERT INTO {table} VALUES %s", rows, page_size=len(rows) or 1)
    return len(rows)


def _one(statement: cursor) -> Any:
    row = statement.fetchone()
    return row[0] if row else None
