"""A Parquet file as a delivery: its own types say what a new table's columns are."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from evergreen.errors import DataRefused
from evergreen.ingest.delivery import BATCH, Delivery, check_names
from evergreen.ingest.exactness import LOOKS_LIKE_ANY
from evergreen.ingest.spool import refuse_bomb
from evergreen.spec import Dialect

PIECE = 64_000_000
"""Bytes that are written out at once, or a row."""
TYPES = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint64, "numeric"),
    (pa.types.is_integer, "bigint"),
    (pa.types.is_floating, "double precision"),
    (pa.types.is_decimal, "numeric"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time without time zone"),
    (pa.types.is_string, "text"),
    (pa.types.is_large_string, "text"),
    (pa.types.is_string_view, "text"),
)
"""What Arrow has, and the PostgreSQL type of the same values."""


def deliver(item: str, file: Path, dialect: Dialect) -> Delivery:
    """Open a Parquet file.

    Raises:
        DataRefused: it is none, or has columns that a table cannot hold, such as structs.
    """
    try:
        schema = pyarrow.parquet.read_schema(file)
        texts = [field.name for field in schema if _is_text(field.type)]
        opened = pyarrow.parquet.ParquetFile(file, read_dictionary=texts)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataRefused([f"{item} cannot be read as Parquet: {error}"]) from error
    packed = file.stat().st_size
    refuse_bomb(item, packed, _least_size(opened.metadata))
    check_names(item, schema.names)
    return Delivery(
        item=item,
        columns={field.name: _types(item, field) for field in schema},
        batches=_batches(item, opened, packed),
        dialect=dialect,
    )


def _least_size(found: pyarrow.parquet.FileMetaData) -> int:
    """Return how large it is without compression; a run of equal cells counts cell by cell."""
    groups = (found.row_group(n).total_byte_size for n in range(found.num_row_groups))
    return int(max(sum(groups), found.num_rows * found.num_columns))


def _types(item: str, field: pa.Field) -> tuple[str, ...]:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_null(kind):
        return LOOKS_LIKE_ANY
    if pa.types.is_timestamp(kind):
        return (f"timestamp {'with' if kind.tz else 'without'} time zone",)
    if found := [name for is_kind, name in TYPES if is_kind(kind)]:
        return (found[0],)
    raise DataRefused([
        f"{item}: {field.name} holds {kind}, and a column of a table holds one value; land its"
        " parts as columns of their own"
    ])  # fmt: skip


def _batches(
    item: str, opened: pyarrow.parquet.ParquetFile, packed: int
) -> Iterator[pa.RecordBatch]:
    """Yield the rows as text; what many rows share is counted before it is written out for each."""
    unpacked = 0
    try:
        for batch in opened.iter_batches(batch_size=BATCH):
            size = sum(map(_size, batch.columns))
            unpacked += size
            refuse_bomb(item, packed, unpacked)
            step = max(1, batch.num_rows * PIECE // max(size, PIECE))
            for start in range(0, batch.num_rows, step):
                columns = [_text(column) for column in batch.slice(start, step).columns]
                yield pa.RecordBatch.from_arrays(columns, batch.schema.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataRefused([f"{item} cannot be read as Parquet: {error}"]) from error


def _size(values: pa.Array) -> int:
    """Return the bytes of an array once its dictionary, if it has one, is written out."""
    if not pa.types.is_dictionary(values.type) or not _is_text(values.type.value_type):
        return int(values.nbytes)
    lengths = pc.binary_length(values.dictionary).take(values.indices)
    return int(pc.sum(lengths).as_py() or 0)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _text(values: pa.Array) -> pa.Array:
    """Write values without losing a digit; times in UTC."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type) and values.type.tz:
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    if pa.types.is_float16(values.type) or pa.types.is_float32(values.type):
        values = values.cast(pa.float64())
    return pc.cast(values, pa.string())
