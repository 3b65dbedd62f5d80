"""PostgreSQL: small statements through psycopg2, many rows through ADBC as Arrow.

Usage::

    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    with reading(url) as snapshot:            # one moment of the database, however long it takes
        rows = snapshot.query("SELECT count(*) FROM weather")
        schema, batches = snapshot.stream("SELECT * FROM weather")
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg2
import psycopg2.errorcodes
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ, connection, cursor

from evergreen.errors import SourceAway, did_you_mean
from evergreen.records.pool import connect as dial
from evergreen.records.pool import libpq

if TYPE_CHECKING:  # the service reads a few rows without them; its image is the smaller for it
    import pyarrow as pa

KEPT = {
    16: "bool", 20: "int8", 21: "int2", 23: "int4", 25: "text", 700: "float4", 701: "float8",
    1042: "bpchar", 1043: "varchar", 1082: "date", 1114: "timestamp", 1184: "timestamptz",
}  # fmt: skip
"""PostgreSQL types, by oid, that Arrow and pandas hold as they are."""
NUMERIC = 1700
CASTS = {NUMERIC: "float8", 790: "numeric::float8"}
"""What becomes of numeric and money; every other type becomes text."""
TIMES = {1082, 1114, 1184}
TEXTS = {25, 1042, 1043}
NAME = "evergreen warehouse"
LOOK_UP = """
SELECT set_config('search_path', (
    SELECT coalesce(string_agg(quote_ident(name), ', ' ORDER BY place), 'public')
    FROM unnest(current_schemas(false)) WITH ORDINALITY AS found (name, place)
    WHERE name <> 'evergreen'
), true)
"""
"""Looks users' tables up where their role does, but never in our schema: a role named evergreen
would find it first."""
SESSION = (
    LOOK_UP,
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL DateStyle = 'ISO'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)
"""What a database may set of its own and would change how values are read."""
PATIENCE = 30
"""Seconds that a stream waits for its tables. Who waits to alter one waits for the counts of the
same moment: would the stream wait behind them, nobody went on, and PostgreSQL saw no deadlock."""
LOCKED = psycopg2.errorcodes.LOCK_NOT_AVAILABLE
_WAITED = (
    "PostgreSQL gave no rows for {} s: somebody alters, empties or drops what is read, or waits to;"
    " another try may be luckier"
)


@contextlib.contextmanager
def connect(url: str) -> Iterator[connection]:
    """Open a connection in UTC for one transaction: commits when the block succeeds, else not."""
    with contextlib.closing(dial(url, NAME)) as opened, opened:
        with opened.cursor() as setting:
            setting.execute("; ".join(SESSION))
        yield opened


@dataclass(frozen=True)
class Column:
    """A column of a table or query, with what Arrow can hold of it."""

    name: str
    oid: int
    """PostgreSQL's number of its type."""

    @property
    def identifier(self) -> str:
        """The name, quoted for SQL."""
        return quoted(self.name)

    @property
    def type(self) -> str:
        """The PostgreSQL type that it is read as, which Arrow and pandas hold as it is."""
        return KEPT.get(self.oid) or CASTS.get(self.oid, "text")

    @property
    def expression(self) -> str:
        """SQL that reads it as that type."""
        if self.oid in KEPT:
            return self.identifier
        return f"{self.identifier}::{self.type} AS {self.identifier}"

    @property
    def is_time(self) -> bool:
        """Tell whether it is a date, timestamp or timestamptz."""
        return self.oid in TIMES

    @property
    def is_text(self) -> bool:
        """Tell whether it is read as text."""
        return self.oid in TEXTS or self.type == "text"


@dataclass
class Reading:
    """One moment of the database, shared by every statement of a `reading` block."""

    url: str
    connection: connection
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a small result.

        A statement that fails (psycopg2.Error) leaves the moment usable.
        """
        with self._statement(sql) as cursor:
            return cursor.fetchall()

    def columns(self, relation: str) -> list[Column]:
        """Return the columns of a table name or of a parenthesised query."""
        with self._statement(f"SELECT * FROM {relation} AS relation LIMIT 0") as cursor:
            return [Column(found.name, found.type_code) for found in cursor.description or ()]

    def stream(self, sql: str) -> "tuple[pa.Schema, Iterator[pa.RecordBatch]]":
        """Return the schema and the batches of a result of any size, read as they are asked for.

        Raises:
            SourceAway: somebody alters what is read, or waits to; another try may be luckier.
            psycopg2.Error: (while reading) PostgreSQL cannot compute a row, or is gone.
        """
        from adbc_driver_postgresql import dbapi

        try:
            reader = self._reader(sql)
        except dbapi.Error as error:
            if error.sqlstate != LOCKED:
                raise
            raise SourceAway(_WAITED.format(PATIENCE)) from error
        return reader.schema, self._batches(sql, reader)

    def _reader(self, sql: str) -> "pa.RecordBatchReader":
        from adbc_driver_postgresql import dbapi

        with self.connection.cursor() as exporting:
            exporting.execute("SELECT pg_export_snapshot()")
            [(snapshot,)] = exporting.fetchall()
        adbc = self._open.enter_context(dbapi.connect(libpq(self.url)))
        streaming = self._open.enter_context(adbc.cursor())
        streaming.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        streaming.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        settle(streaming)
        streaming.execute(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
        streaming.execute(sql)
        return streaming.fetch_record_batch()

    def _batches(self, sql: str, reader: "pa.RecordBatchReader") -> "Iterator[pa.RecordBatch]":
        """Yield the batches; if a row cannot be computed, raise what psycopg2 says of it."""
        try:
            yield from reader
        except OSError as error:  # all that ADBC makes of whatever happens on the way
            with self.connection.cursor() as again, Path(os.devnull).open("w") as nowhere:
                again.copy_expert(f"COPY ({sql}) TO STDOUT", nowhere)
            raise psycopg2.OperationalError(str(error)) from error

    @contextlib.contextmanager
    def _statement(self, sql: str) -> Iterator[cursor]:
        with self.connection.cursor() as executing:
            executing.execute("SAVEPOINT statement")
            try:
                executing.execute(sql)
                yield executing
            except psycopg2.Error:
                executing.execute("ROLLBACK TO SAVEPOINT statement")
                raise
            finally:
                executing.execute("RELEASE SAVEPOINT statement")

    def tables(self) -> list[str]:
        """Return the names of the tables and views that can be read, with schema unless public."""
        rows = self.query(
            "SELECT CASE table_schema WHEN 'public' THEN '' ELSE table_schema || '.' END"
            " || table_name FROM information_schema.tables"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'evergreen')"
            " ORDER BY 1"
        )
        return [name for (name,) in rows]


@contextlib.contextmanager
def reading(url: str) -> Iterator[Reading]:
    """Open one REPEATABLE READ, READ ONLY transaction in UTC, for counts and rows alike."""
    with contextlib.closing(dial(url, NAME)) as opened:
        opened.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        with opened.cursor() as setting:
            setting.execute("; ".join(SESSION))
        snapshot = Reading(url, opened)
        with snapshot._open:
            yield snapshot


def stream(url: str, sql: str) -> "tuple[pa.Schema, Iterator[pa.RecordBatch]]":
    """Return the schema and the batches of one query; the connection closes after the last."""
    batches = _stream(url, sql)
    schema = next(batches)
    return schema, batches


def _stream(url: str, sql: str) -> Iterator[Any]:
    with reading(url) as snapshot:
        schema, batches = snapshot.stream(sql)
        yield schema
        yield from batches


def columns(url: str, table: str) -> list[Column]:
    """Return the columns of a table.

    Raises:
        LookupError: there is no such table; near misses are suggested.
    """
    with reading(url) as snapshot:
        if not exists(snapshot, table):
            hint = did_you_mean(table, snapshot.tables())
            raise LookupError(f"there is no table {table!r}{hint}")
        return snapshot.columns(identifier(table))


def exists(snapshot: Reading, table: str) -> bool:
    """Tell whether there is a table or view of that name."""
    [(found,)] = snapshot.query(f"SELECT {regclass(table)} IS NOT NULL")
    return bool(found)


def types(cursor: cursor, table: str) -> dict[str, str]:
    """Return the SQL type of each column that takes values, in their order; empty: there is no
    such table."""
    cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        f" WHERE attrelid = {regclass(table)} AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a' ORDER BY attnum"
    )
    return dict(cursor.fetchall())


def write(
    url: str, table: str, rows: "pa.Table", mode: Literal["create", "append", "replace"] = "create"
) -> int:
    """Copy an Arrow table into `table` or `schema.table`; return how many rows were written."""
    from adbc_driver_postgresql import dbapi

    *schema, name = table.split(".")
    with dbapi.connect(libpq(url)) as adbc, adbc.cursor() as writing:
        settle(writing)
        writing.adbc_ingest(name, rows, mode=mode, db_schema_name=schema[0] if schema else None)
        adbc.commit()
    return int(rows.num_rows)


def settle(cursor: Any) -> None:
    """Set the session of an ADBC cursor, for its transaction."""
    for statement in SESSION:
        cursor.execute(statement)
        if cursor.description:
            cursor.fetchall()


def identifier(table: str) -> str:
    """Quote `name` or `schema.name` for SQL."""
    return ".".join(quoted(part) for part in table.split("."))


def regclass(table: str) -> str:
    """Write SQL of the number that PostgreSQL gave a table; NULL: there is none of that name."""
    literal = identifier(table).replace("'", "''")
    return f"to_regclass('{literal}')"


def quoted(name: str) -> str:
    """Quote one identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'
