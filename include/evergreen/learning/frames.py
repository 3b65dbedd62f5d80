"""The features of every row in as little memory as a DataFrame can have.

    frame = stored(Picked(store, uri, sha256, columns))

Chunk by chunk, each column goes to where it stays: numbers as float64, texts as objects of which
equal ones are the same (8 bytes a cell, as for a number), missing NaN.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from evergreen.data.picking import Picked

Array = NDArray[Any]


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
            return np.asarray(column.to_numpy())
        if not len(column):
            return np.array([], dtype=object)
        coded = column.combine_chunks().dictionary_encode()
        names = (self._known.setdefault(name, name) for name in coded.dictionary.to_pylist())
        texts = np.array([*names, np.nan], dtype=object)
        places: Array = coded.indices.fill_null(len(texts) - 1).to_numpy()
        return texts[places]
