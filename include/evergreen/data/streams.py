"""Streams of record batches, cut into pieces of a given size whatever the sizes they come in."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa

ROW_GROUP = 131_072
"""Rows of each row group, the last one apart."""
AT_ONCE = 8
"""Chunks that are read at once."""
IN_FLIGHT = 128 * 2**20
"""Bytes of the chunks that are read at once, unless one alone is larger."""
T = TypeVar("T")
R = TypeVar("R")


class OtherLength(ValueError):
    """A stream holds fewer rows than were counted, or more."""


def take(
    batches: Iterator[pa.RecordBatch], rows: Sequence[int]
) -> Iterator[Iterator[pa.RecordBatch]]:
    """Cut a stream into pieces of so many rows each; each must be read before the next.

    Raises:
        OtherLength: the stream holds fewer rows, or more.
    """
    rest: list[pa.RecordBatch] = []

    def piece(wanted: int) -> Iterator[pa.RecordBatch]:
        while wanted:
            batch = rest.pop() if rest else next(batches, None)
            if batch is None:
                raise OtherLength(f"the stream ends {wanted} rows too soon")
            taken = min(wanted, batch.num_rows)
            rest.extend([batch.slice(taken)] if taken < batch.num_rows else [])
            wanted -= taken
            yield batch.slice(0, taken)

    yield from map(piece, rows)
    if rest or any(batch.num_rows for batch in batches):
        raise OtherLength("the stream goes on after its last row")


def row_groups(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, size: int = ROW_GROUP
) -> Iterator[pa.Table]:
    """Cut the rows into tables of `size` rows, the last one apart; never an empty one."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        start = 0
        while rows + batch.num_rows - start >= size:
            taken = size - rows
            yield _join([*waiting, batch.slice(start, taken)], schema)
            waiting, rows, start = [], 0, start + taken
        if start < batch.num_rows:
            waiting.append(batch.slice(start))
            rows += batch.num_rows - start
    if rows:
        yield _join(waiting, schema)


def _join(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    columns = [batch.columns for batch in batches]
    arrays = [
        pa.chunked_array(chunks, type=field.type)
        for chunks, field in zip(zip(*columns, strict=True), schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema).combine_chunks()


def at_once(function: Callable[[T], R], items: Sequence[T], largest: int = 1) -> list[R]:
    """Return what a function makes of each item, in their order, some at once.

    `largest` is how many bytes it reads of an item at most: of large ones, fewer are read at once.
    """
    workers = min(AT_ONCE, len(items), max(1, IN_FLIGHT // max(largest, 1)))
    if workers < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))
