"""Some rows of a snapshot, read chunk by chunk: no more is held than what is asked for.

    rows = Picked(store, uri, sha256)
    rows.take(np.flatnonzero(judged))     # a DataFrame on these positions
    rows.between(0, 100_000)              # the same of a stretch

Types are those of the whole: what pandas makes of a column of whole numbers or booleans hangs on
whether it has nulls, and some rows may have none where others do.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evergreen.data.manifests import Chunk, Group
from evergreen.data.snapshots import SnapshotStore
from evergreen.data.streams import at_once

if TYPE_CHECKING:
    import pandas as pd

Positions = NDArray[np.intp]
R = TypeVar("R")
Make = Callable[[int, pa.Table], R]


@dataclass(frozen=True)
class Picked:
    """The rows of a snapshot, those columns that are wanted; None: all."""

    store: SnapshotStore
    uri: str
    sha256: str
    columns: Sequence[str] | None = None

    def __len__(self) -> int:
        return sum(chunk.rows for chunk in self.groups[0].chunks)

    def take(self, positions: Positions) -> "pd.DataFrame":
        """Return the rows at some positions, ascending, on these positions as their index.

        Raises:
            SnapshotCorrupt: a chunk is missing, or its bytes are others.
        """
        frame: pd.DataFrame = self.table(positions).to_pandas(date_as_object=False)
        return frame.astype(self._changed).set_axis(positions)

    def look_up(self, positions: Sequence[int]) -> list[dict[str, Any]]:
        """Return some rows as Arrow's plain values, in the order that is asked for.

        Raises:
            SnapshotCorrupt: a chunk is missing, or its bytes are others.
        """
        places = np.unique(np.asarray(positions, dtype=np.intp))
        asked = np.searchsorted(places, positions)
        rows: list[dict[str, Any]] = self.table(places).take(pa.array(asked)).to_pylist()
        return rows

    def table(self, positions: Positions, names: Sequence[str] | None = None) -> pa.Table:
        """Return the rows at some positions, ascending, as Arrow has them; None: all columns.

        Raises:
            SnapshotCorrupt: a chunk is missing, or its bytes are others.
        """
        wanted = self.names if names is None else names
        found = {
            name: column
            for group in self.groups
            if (some := [name for name in group.columns if name in wanted])
            for name, column in self._of(group, some, positions).items()
        }
        return pa.table({name: found[name] for name in wanted})

    def between(self, first: int, end: int) -> "pd.DataFrame":
        """Return the rows from one position up to another."""
        return self.take(np.arange(first, end))

    def only(self, columns: Sequence[str]) -> "pd.DataFrame":
        """Return some columns of all rows.

        Raises:
            KeyError: there is no such column.
        """
        return self.store.frame(self.uri, self.sha256, list(dict.fromkeys(columns)))

    @cached_property
    def names(self) -> list[str]:
        """The columns, in the order of the snapshot or in that which was asked for."""
        return list(self.schema.names if self.columns is None else self.columns)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of the snapshot, with their Arrow types."""
        return self.store.schema(self.uri)

    @cached_property
    def groups(self) -> list[Group]:
        """The chunks, by the columns that lie in them."""
        return self.store.groups(self.uri, self.sha256)

    def of_each(self, group: Group, names: list[str], make: Make[R]) -> list[R]:
        """Return what is made of where each chunk of a group begins, and of columns of it.

        Some chunks are read at once.
        """
        return self._of_some(list(_started(group.chunks)), names, make)

    def _of_some(
        self, started: list[tuple[Chunk, int]], names: list[str], make: Make[R]
    ) -> list[R]:
        largest = max((chunk.bytes for chunk, _ in started), default=0)

        def made(one: tuple[Chunk, int]) -> R:
            return make(one[1], self.store.rows(self._use_case, one[0], names))

        return at_once(made, started, largest)

    @cached_property
    def _use_case(self) -> str:
        return str(self.store.manifest(self.uri)["use_case"])

    def _of(
        self, group: Group, names: list[str], positions: Positions
    ) -> "dict[str, pa.ChunkedArray]":
        def chosen(start: int, table: pa.Table) -> pa.Table:
            first, end = np.searchsorted(positions, [start, start + len(table)])
            return _some(table, positions[first:end] - start)

        started = list(_started(group.chunks))
        starts = np.array([start for _, start in started], dtype=np.intp)
        touched = np.unique(np.searchsorted(starts, positions, side="right") - 1)
        tables = self._of_some([started[n] for n in touched], names, chosen)
        empty = pa.schema([self.schema.field(name) for name in names]).empty_table()
        return dict(zip(names, pa.concat_tables([empty, *tables]).columns, strict=True))

    @cached_property
    def _changed(self) -> dict[str, Any]:
        """What pandas makes of the columns that have nulls, if it is another type then."""
        kinds = {name: _with_nulls(self.schema.field(name).type) for name in self.names}
        return {
            name: kind
            for group in self.groups
            for name, kind in kinds.items()
            if kind is not None and name in group.columns and self._has_nulls(group, name)
        }

    def _has_nulls(self, group: Group, name: str) -> bool:
        return any(self.of_each(group, [name], lambda _, table: bool(table[name].null_count)))


def _started(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, int]]:
    """Yield each chunk with the position of its first row."""
    ends = accumulate(chunk.rows for chunk in chunks)
    yield from ((chunk, end - chunk.rows) for chunk, end in zip(chunks, ends, strict=True))


def _some(table: pa.Table, positions: Positions) -> pa.Table:
    if len(positions) == len(table):
        return table
    if positions[-1] - positions[0] + 1 == len(positions):
        return table.slice(positions[0], len(positions))
    return table.take(pa.array(positions))


def _with_nulls(kind: pa.DataType) -> str | None:
    if pa.types.is_integer(kind):
        return "float64"
    return "object" if pa.types.is_boolean(kind) else None
