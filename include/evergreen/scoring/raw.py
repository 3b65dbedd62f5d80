"""Raw rows, from a query of the warehouse or from a file: read as they are asked for.

Usage::

    with of_query(url, "SELECT * FROM churn WHERE …", inputs, interval) as raw:
        raw.schema, raw.batches

Rows of a query come in the order of their time (where features look back) and key, so that the same
rows are scored in the same chunks, and give the same digits; of a panel entity by entity, and only
those of entities that are asked about. Those of a file come as they lie.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from evergreen.data.extraction import UNREADABLE
from evergreen.data.selection import between, enclosed, ordered
from evergreen.data.warehouse import Column, quoted, reading
from evergreen.dossier import Inputs, RawColumn
from evergreen.errors import DataRefused, did_you_mean
from evergreen.refs import Ref
from evergreen.scoring.admission import in_order, needed

BATCH = 50_000
"""Rows of a file that are read at once."""


@dataclass(frozen=True, kw_only=True)
class ScoringInterval(Ref):
    """A stretch of time, `start` (in it) to `end` (not in it), UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Raw:
    """Rows of any number."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    by_entity: bool = False
    """The rows of an entity follow on one another, in time order; else all are in time order."""


@contextlib.contextmanager
def of_query(url: str, query: str, inputs: Inputs, interval: ScoringInterval) -> Iterator[Raw]:
    """Open the rows of a query, which see one moment of the database.

    Where features look back, the query is asked for as much before the interval.

    Raises:
        DataRefused: PostgreSQL cannot read it, or it lacks a column.
        DatabaseAway: the database is away.
    """
    before = inputs.lookback if inputs.looks_back else timedelta(0)
    relation = enclosed(between(query, interval.start - before, interval.end))
    with refusing("the query"), reading(url) as moment:
        found = {column.name: column for column in moment.columns(relation)}
        columns = [_column(name, found) for name in needed(inputs)]
        first = columns[: len(in_order(inputs))]
        asked = enclosed(between(query, interval.start, interval.end))
        stream = moment.stream(
            f"SELECT {', '.join(column.expression for column in columns)} FROM {relation} AS rows"
            f"{_of_asked(inputs, asked)} ORDER BY {', '.join(map(ordered, first))}"
        )
        yield Raw(*stream, by_entity=bool(inputs.entity and inputs.looks_back))


@contextlib.contextmanager
def of_file(path: str, inputs: Inputs) -> Iterator[Raw]:
    """Open a Parquet or CSV file (`.parquet`, `.csv`), by path or any fsspec URL.

    A CSV file is read with the types that the champion has learned from.

    Raises:
        DataRefused: it cannot be read as what its name says.
    """
    if not path.endswith((".parquet", ".csv")):
        raise DataRefused([f"{path} is neither .parquet nor .csv"])
    try:
        with fsspec.open(path, "rb") as file:
            yield _parquet(file) if path.endswith(".parquet") else _csv(file, inputs)
    except FileNotFoundError as error:
        raise DataRefused([f"there is no file {path}"]) from error
    except pa.ArrowInvalid as error:
        raise DataRefused([f"{path} cannot be read: {error}"]) from error


@contextlib.contextmanager
def refusing(what: str) -> Iterator[None]:
    """Tell what PostgreSQL cannot read in its words.

    Raises:
        DataRefused: it cannot.
    """
    try:
        yield
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise DataRefused([f"{what} cannot be read: {reason}"]) from error


def _of_asked(inputs: Inputs, asked: str) -> str:
    """Write SQL that holds for rows of entities which are asked about (or which name none)."""
    if not (inputs.entity and inputs.looks_back):
        return ""
    names = [quoted(name) for name in inputs.entity]
    listed, nameless = ", ".join(names), " OR ".join(f"{name} IS NULL" for name in names)
    return f" WHERE ({listed}) IN (SELECT {listed} FROM {asked} AS asked) OR {nameless}"


def _column(name: str, found: dict[str, Column]) -> Column:
    if name not in found:
        hint = did_you_mean(name, found)
        raise DataRefused([f"the query gives no column {name}, which the champion asks for{hint}"])
    return found[name]


def _parquet(file: Any) -> Raw:
    opened = pyarrow.parquet.ParquetFile(file)
    plain = pa.schema([field.with_type(_decoded(field.type)) for field in opened.schema_arrow])
    return Raw(plain, (batch.cast(plain) for batch in opened.iter_batches(BATCH)))


def _decoded(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values themselves: pandas writes categories as a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _csv(file: Any, inputs: Inputs) -> Raw:
    types = {c.name: _arrow(c) for c in (*inputs.key, *inputs.columns)}
    options = pyarrow.csv.ConvertOptions(
        column_types=types, strings_can_be_null=True, null_values=[""]
    )
    opened = pyarrow.csv.open_csv(pa.PythonFile(file, "r"), convert_options=options)
    return Raw(opened.schema, iter(opened))


def _arrow(column: RawColumn) -> pa.DataType:
    if not column.is_time:
        return pa.type_for_alias(column.type)
    if column.type.startswith("date"):
        return pa.date32()
    unit, _, zone = column.type.removeprefix("timestamp[").removesuffix("]").partition(", tz=")
    return pa.timestamp(unit, tz=zone or None)
