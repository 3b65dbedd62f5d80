"""Where predictions go: a table of the warehouse, or a file; all of a run, or nothing.

Usage::

    with into_table(url, "predictions.churn", schema, key, told) as sink:
        sink.write(rows)                # staged; in the table when the block ends well

A run replaces what an earlier one has written for the same use case and interval.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv

from evergreen.data import warehouse
from evergreen.data.warehouse import identifier, quoted
from evergreen.errors import DataRefused, DeclarationError, EvergreenError
from evergreen.records.errors import KeyRepeats, NotAllowed, StatementRefused, ValueRefused
from evergreen.scoring import columns
from evergreen.scoring.columns import Told

STAGE = "pg_temp.evergreen_scoring"
WITHOUT_HEADER = pa.csv.WriteOptions(include_header=False)
INTERVAL = ("use_case", "interval_start", "interval_end")


class Sink(Protocol):
    """Takes rows, chunk by chunk."""

    def write(self, rows: pa.Table) -> None:
        """Take some rows."""


@dataclass(frozen=True)
class _Table:
    """A temporary table in the transaction of a cursor, and the table that it is put into."""

    cursor: Any
    into: str
    schema: pa.Schema
    key: Sequence[str]
    told: Told

    def begin(self) -> None:
        """Make the temporary table, if the other is as it should be."""
        with _refusing(self.into, self.key):
            _check(warehouse.types(self.cursor, self.into), self.into, self._types)
            listed = _listed(columns.sql(self.schema))
            self.cursor.execute(f"CREATE TEMPORARY TABLE {STAGE} ({listed}) ON COMMIT DROP")

    def write(self, rows: pa.Table) -> None:
        """Copy rows into the temporary table."""
        content = io.BytesIO()
        pa.csv.write_csv(rows, content, WITHOUT_HEADER)
        content.seek(0)
        with _refusing(self.into, self.key):
            self.cursor.copy_expert(f"COPY {STAGE} FROM STDIN (FORMAT csv)", content)

    def swap(self) -> None:
        """Put the rows in the place of those of an earlier run."""
        with _refusing(self.into, self.key):
            if not warehouse.types(self.cursor, self.into):
                self._create()
            target, own = identifier(self.into), columns.sql(self.schema)
            where = " AND ".join(f"{name} = %({name})s" for name in INTERVAL)
            self.cursor.execute(f"DELETE FROM {target} WHERE {where}", self.told.values)
            same = [f"%({name})s::{kind}" for name, kind in columns.sql(columns.SAME).items()]
            put = f"INSERT INTO {target} ({', '.join(map(quoted, self._types))}) SELECT"
            put += "".join(f" {quoted(name)}," for name in own)
            values = self.cursor.mogrify(", ".join(same), self.told.values).decode()
            self.cursor.execute(f"{put} {values} FROM {STAGE}")  # names may hold a %

    @property
    def _types(self) -> dict[str, str]:
        return columns.sql(self.schema) | columns.sql(columns.SAME)

    def _create(self) -> None:
        schema, _, _ = self.into.rpartition(".")
        if schema:
            self.cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,))
            if not self.cursor.rowcount:
                self.cursor.execute(f"CREATE SCHEMA {quoted(schema)}")
        names = ", ".join(map(quoted, (*INTERVAL, *self.key)))
        self.cursor.execute(
            f"CREATE TABLE {identifier(self.into)} ({_listed(self._types)}, PRIMARY KEY ({names}))"
        )


@contextlib.contextmanager
def into_table(
    url: str, into: str, schema: pa.Schema, key: Sequence[str], told: Told
) -> Iterator[Sink]:
    """Stage rows, and put them into a table in one transaction; it is made when it is absent.

    Raises:
        DataRefused: a key repeats, or the table has other columns.
        EvergreenError: the role may not write there.
    """
    with warehouse.connect(url) as connection, connection.cursor() as cursor:
        table = _Table(cursor, into, schema, key, told)
        table.begin()
        yield table
        table.swap()


@contextlib.contextmanager
def into_file(path: Path, schema: pa.Schema, told: Told) -> Iterator[Sink]:
    """Write a Parquet or CSV file, which appears when the block ends well.

    Raises:
        DeclarationError: its name ends neither with .parquet nor with .csv.
    """
    made = path.with_name(f".{path.name}.tmp")
    whole = pa.schema([*schema, *columns.SAME])
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _writer(path, made, whole) as writer:
            yield _File(writer, told)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


@dataclass(frozen=True)
class _File:
    writer: Any
    told: Told

    def write(self, rows: pa.Table) -> None:
        self.writer.write_table(columns.whole(rows, self.told))


def _writer(path: Path, made: Path, schema: pa.Schema) -> Any:
    if path.suffix == ".parquet":
        return pa.parquet.ParquetWriter(made, schema, compression="zstd")
    if path.suffix == ".csv":
        return pa.csv.CSVWriter(made, schema)
    raise DeclarationError("--to", str(path), "a file that ends with .parquet or .csv")


def _check(known: Mapping[str, str], into: str, wanted: Mapping[str, str]) -> None:
    """Refuse a table that has other columns than are written."""
    if not known or known == wanted:
        return
    wrong = [f"it lacks {name} ({kind})" for name, kind in wanted.items() if name not in known]
    wrong += [f"it has {name}, which is not written" for name in known if name not in wanted]
    wrong += [
        f"its {name} is {known[name]} and not {kind}"
        for name, kind in wanted.items()
        if known.get(name, kind) != kind
    ]
    raise DataRefused([
        f"the table {into} has other columns than predictions have: {', '.join(wrong)};"
        " name another table, or drop it"
    ])  # fmt: skip


def _listed(types: Mapping[str, str]) -> str:
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in types.items())


@contextlib.contextmanager
def _refusing(into: str, key: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except KeyRepeats as error:
        raise DataRefused([
            f"the key {', '.join(key)} repeats: {error.diag.message_detail}"
            " A key names one row: mend the query"
        ]) from error  # fmt: skip
    except NotAllowed as error:
        raise EvergreenError(
            f"{into} cannot be written: {error.diag.message_primary}; grant it to the role of"
            " EVERGREEN_WAREHOUSE_URL, or write to a file (--to)"
        ) from error
    except (StatementRefused, ValueRefused) as error:
        said = error.diag.message_primary or str(error)
        raise DataRefused([f"{into} does not take the predictions: {said}"]) from error
