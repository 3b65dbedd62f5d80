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
        opened = pyarrow.parquet.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataRefused([f"{item} cannot be read as Parquet: {error}"]) from error
    refuse_bomb(item, file.stat().st_size, _least_size(opened.metadata))
    schema = opened.schema_arrow
    check_names(item, schema.names)
    return Delivery(
        item=item,
        columns={field.name: _types(item, field) for field in schema},
        batches=_batches(item, opened),
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


def _batches(item: str, opened: pyarrow.parquet.ParquetFile) -> Iterator[pa.RecordBatch]:
    try:
        for batch in opened.iter_batches(batch_size=BATCH):
            columns = [_text(column) for column in batch.columns]
            yield pa.RecordBatch.from_arrays(columns, batch.schema.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataRefused([f"{item} cannot be read as Parquet: {error}"]) from error


def _text(values: pa.Array) -> pa.Array:
    """Write values without losing a digit; times in UTC."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type) and values.type.tz:
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    if pa.types.is_float16(values.type) or pa.types.is_float32(values.type):
        values = values.cast(pa.float64())
    return pc.cast(values, pa.string())
