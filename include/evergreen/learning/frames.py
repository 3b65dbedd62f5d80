"""The features of every row in as little memory as a DataFrame can have, or in none until asked.

    frame = stored(Picked(store, uri, sha256, columns))
    Stored(Picked(store, uri, sha256, columns)).take(positions)     # the same of some rows

Chunk by chunk, each column goes to where it stays: numbers as float64, texts as objects of which
equal ones are the same (8 bytes a cell, as for a number), missing NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from evergreen.data.picking import Picked, Positions
from evergreen.data.splits import stretch

Array = NDArray[Any]

CELLS = 10_000_000
"""Rows times features that are held whole (80 MB); more stay where they are stored."""


def of(rows: Picked) -> "pd.DataFrame | Stored":
    """Return the rows of stored features; of many, what reads them when they are asked for.

    Raises:
        SnapshotCorrupt: a chunk is missing, or its bytes are others.
    """
    return Stored(rows) if len(rows) * len(rows.names) > CELLS else stored(rows)


def stored(rows: Picked) -> pd.DataFrame:
    """Return the rows of stored features.

    Raises:
        SnapshotCorrupt: a chunk is missing, or its bytes are others.
    """
    found = {name: np.empty(len(rows), dtype=_kind(rows, name)) for name in rows.names}
    known = _Texts()

    def fill(start: int, table: pa.Table) -> None:
        for name in table.column_names:
            found[name][start : start + len(table)] = known.cells(table[name])

    for group in rows.groups:
        if names := [name for name in group.columns if name in found]:
            rows.of_each(group, names, fill)
    columns = {n: pd.Series(found[n], dtype=found[n].dtype, copy=False) for n in rows.names}
    return pd.DataFrame(columns, copy=False)  # of series: of objects pandas would make its own


@dataclass(frozen=True)
class Stored:
    """Stored features, of which no more is held than what is asked for."""

    rows: Picked

    def __len__(self) -> int:
        return len(self.rows)

    def __getstate__(self) -> dict[str, Any]:
        return {"rows": self.rows}  # elsewhere they are read, and not sent

    @property
    def columns(self) -> list[str]:
        """The features, in their order."""
        return self.rows.names

    @cached_property
    def numbers(self) -> set[str]:
        """The features that are no texts."""
        return {name for name in self.columns if _kind(self.rows, name) is float}

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All of them, for who can do with nothing less; it is held from then on."""
        return stored(self.rows)

    def take(self, positions: Positions, names: Sequence[str] | None = None) -> pd.DataFrame:
        """Return features at some positions, ascending, on these positions as their index."""
        if "frame" in self.__dict__:
            return self.frame.loc[:, self.columns if names is None else names].iloc[
                stretch(positions)
            ]
        table, known = self.rows.table(positions, names), _Texts()
        cells = {name: known.cells(table[name]) for name in table.column_names}
        columns = {
            name: pd.Series(values, dtype=values.dtype, copy=False)
            for name, values in cells.items()
        }
        del table
        pa.default_memory_pool().release_unused()  # Arrow keeps what it has freed
        return pd.DataFrame(columns, copy=False).set_axis(positions)

    def by_chunk(self, positions: Positions) -> list[Positions]:
        """Cut positions, ascending, into those of each chunk."""
        group = next(one for one in self.rows.groups if set(one.columns) & set(self.columns))
        ends = np.cumsum([chunk.rows for chunk in group.chunks])
        parts = np.split(positions, np.searchsorted(positions, ends[:-1]))
        return [part for part in parts if len(part)]


@dataclass(frozen=True)
class Chosen:
    """Some rows of stored features."""

    stored: Stored
    positions: Positions
    """Ascending."""

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: slice) -> "Chosen":
        return replace(self, positions=self.positions[rows])

    @property
    def columns(self) -> list[str]:
        """The features, in their order."""
        return self.stored.columns

    @property
    def frame(self) -> pd.DataFrame:
        """All features of them."""
        return self.stored.frame.iloc[stretch(self.positions)]

    def only(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some features of them."""
        return self.stored.take(self.positions, names)

    def by_chunk(self) -> list["Chosen"]:
        """Cut them into those of each chunk."""
        parts = self.stored.by_chunk(self.positions)
        return [replace(self, positions=part) for part in parts]

    def known(self, names: Sequence[str]) -> set[str]:
        """Return the names of numbers that are not missing throughout."""
        found: set[str] = set()
        for part in self.by_chunk():
            if not (unknown := [name for name in names if name not in found]):
                break
            some = part.only(unknown).notna().any()
            found.update(some.index[some])
        return found


def _kind(rows: Picked, name: str) -> Any:
    return object if _is_text(rows.schema.field(name).type) else float


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


class _Texts:
    """Texts, each of which is kept once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def cells(self, column: pa.ChunkedArray) -> Array:
        """Return what a DataFrame holds of a column."""
        if not _is_text(column.type):
            return np.asarray(column.to_numpy(), dtype=float)
        if not len(column):
            return np.array([], dtype=object)
        coded = column.combine_chunks().dictionary_encode()
        names = (self._known.setdefault(name, name) for name in coded.dictionary.to_pylist())
        texts = np.array([*names, np.nan], dtype=object)
        places: Array = coded.indices.fill_null(len(texts) - 1).to_numpy()
        return texts[places]
