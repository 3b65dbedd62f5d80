"""Features by chunk: where rows have not changed, they are neither computed nor stored again.

    cut = pieces(store.groups(uri, sha256)[0].chunks, times, lookback)
    made = make("weather.features", code, raw, cut, beside, store)       # nothing is written yet
    made.problems(training)                    # looked for in the features of every row
    stored = made.keep(part, about)            # the chunks that are new, and the split beside them

A chunk of features has the rows of one chunk of the snapshot. What it was made from names it: the
feature code, the types, the bytes of that chunk, and the rows before it that its features may read.
Those are the rows of `features.lookback` before the month in which the chunk begins. (Not: before
its first row. Running sums end in other last digits when they begin elsewhere: the days of a month
have the features that they will have as one chunk.) A function that needs other rows is refused.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from evergreen.data import chunks, manifests
from evergreen.data.chunks import UNDATED
from evergreen.data.manifests import Chunk, Group
from evergreen.data.snapshots import SnapshotStore, StoredSnapshot
from evergreen.learning.data import Raw
from evergreen.learning.feature_code import FeatureCode
from evergreen.learning.lookahead import check_chunk

FORMAT = 1
"""Of a chunk; with another, all are made again."""
CHECKED = 5
"""Of the chunks that are new, at most so many are compared with features among more rows."""


@dataclass(frozen=True)
class Piece:
    """The rows of one chunk, by position: history from `first`, its own from `start` to `end`."""

    chunk: Chunk
    first: int
    start: int
    end: int


@dataclass(frozen=True)
class Beside:
    """What is stored with the features of every row."""

    before: pd.DataFrame
    """Key and event time."""
    after: pd.DataFrame
    """The label."""


@dataclass(frozen=True)
class Made:
    """The features of every row, a chunk at a time; those of new chunks are not stored yet."""

    _step: FeatureCode
    _raw: Raw
    _name: str
    _beside: Beside
    _schema: pa.Schema
    _cut: Sequence[tuple[str, Piece]]
    """Each piece with its key."""
    _known: dict[str, Chunk]
    _computed: dict[Piece, pd.DataFrame]
    """What is worth being held: of a function, which may take long."""
    _store: SnapshotStore

    def problems(self, training: NDArray[np.bool_]) -> list[str]:
        """Tell what no estimator can learn from: features without a value, and infinite ones.

        Args:
            training: which of the rows teach.
        """
        empty, endless = set(self._step.columns), Counter[str]()
        for key, piece in self._cut:
            found = self._features(key, piece)
            taught = found[training[piece.start : piece.end]]
            empty -= {name for name in empty if taught[name].notna().any()}
            endless.update(np.isinf(found.select_dtypes("number")).sum().to_dict())
        told = [f"the feature {c!r} has no value at all" for c in self._step.columns if c in empty]
        return told + [
            f"the feature {c!r} is infinite in {endless[c]} rows"
            for c in self._step.columns
            if endless[c]
        ]

    def keep(self, part: "pd.Series[str]", about: dict[str, Any]) -> StoredSnapshot:
        """Write the chunks that are new; and the part of every row apart: it changes every day."""
        features = tuple(self._chunk(key, piece) for key, piece in self._cut)
        split = pa.table({str(part.name): pa.Array.from_pandas(part)})
        parts = self._store.add(self._name, "all", "split", split.to_batches(), split.schema)
        groups = [
            Group(tuple(self._schema.names), features),
            Group(tuple(split.schema.names), (parts,)),
        ]
        place = len(self._beside.before.columns)
        schema = self._schema.insert(place, split.schema.field(0))
        return self._store.seal(self._name, schema, groups, about)

    def _features(self, key: str, piece: Piece) -> pd.DataFrame:
        if (chunk := self._known.get(key)) is not None:
            table = self._store.rows(self._name, chunk, list(self._step.columns))
            return _read(self._step, table).set_axis(range(piece.start, piece.end))
        held = self._computed.get(piece)
        return _computed(self._step, self._raw, piece) if held is None else held

    def _chunk(self, key: str, piece: Piece) -> Chunk:
        chunk = self._known.get(key) or self._write(key, piece)
        return replace(chunk, name=piece.chunk.name, days=piece.chunk.days)

    def _write(self, key: str, piece: Piece) -> Chunk:
        own = slice(piece.start, piece.end)
        frames = (self._beside.before[own], self._features(key, piece), self._beside.after[own])
        rows = pd.concat(frames, axis="columns")
        table = pa.Table.from_pandas(rows, self._schema, preserve_index=False)
        return self._store.add(self._name, "", key, table.to_batches(), self._schema)


def pieces(
    stored: Sequence[Chunk], times: "pd.Series[pd.Timestamp] | None", lookback: timedelta
) -> list[Piece]:
    """Return the pieces of the rows of a snapshot.

    Args:
        stored: its chunks.
        times: the event time of each row, UTC; None: features look back at no other row.
        lookback: how far before a row its features read.
    """
    ends = list(accumulate(chunk.rows for chunk in stored))
    found = []
    for chunk, end in zip(stored, ends, strict=True):
        start = end - chunk.rows
        first = start if times is None else _history(chunk, times.iloc[:start], lookback)
        found.append(Piece(chunk, first, start, end))
    return found


def _history(chunk: Chunk, before: "pd.Series[pd.Timestamp]", lookback: timedelta) -> int:
    """Return which of the rows before a chunk, in the order of time, is the first that it reads."""
    if not lookback or chunk.days is None or chunk.days[0] == UNDATED:
        return len(before)
    month = np.datetime64(chunk.days[0], "D").astype("datetime64[M]").astype("datetime64[us]")
    return int(before.searchsorted(pd.Timestamp(month, tz="UTC") - lookback))


def make(
    name: str,
    step: FeatureCode,
    raw: Raw,
    cut: Sequence[Piece],
    beside: Beside,
    store: SnapshotStore,
) -> Made:
    """Return the features of all rows: from the store where it has them, the others computed.

    Without a function they are columns of the raw rows: computed when they are asked for, a chunk
    at a time, so that memory is that of a chunk.

    Raises:
        DeclarationError: the feature function does what `FeatureCode.transform` refuses, or reads
            other rows than it may.
        KeyError: a raw column is missing.
    """
    schema = _schema(step, beside)
    keyed = list(zip(_keys(step, raw, cut, schema), cut, strict=True))
    known = store.known(name, [key for key, _ in keyed])
    new = [piece for key, piece in keyed if key not in known] if step.source else []
    computed = {piece: _computed(step, raw, piece) for piece in new}
    for piece in new[:: len(new) // CHECKED + 1]:
        whole = raw.between(0, len(raw))
        check_chunk(step, whole, computed[piece], piece.first, piece.start)
    return Made(step, raw, name, beside, schema, keyed, known, computed, store)


def _schema(step: FeatureCode, beside: Beside) -> pa.Schema:
    """Return the columns with types that do not depend on the values of a chunk."""
    kinds = dict.fromkeys(step.numbers, pa.float64())
    features = [pa.field(column, kinds.get(column, pa.string())) for column in step.columns]
    before, after = (
        pa.Schema.from_pandas(f, preserve_index=False) for f in (beside.before, beside.after)
    )
    return manifests.bare(pa.schema([*before, *features, *after]))


def _keys(step: FeatureCode, raw: Raw, cut: Sequence[Piece], schema: pa.Schema) -> list[str]:
    """Name each chunk by all that its bytes depend on."""
    inputs = raw.between(0, 0)[list(step.inputs)]
    versions = [module.__version__ for module in (pa, pd, np)]
    types = [[column.name, str(column.type)] for column in schema]
    types += [[str(column), str(kind)] for column, kind in inputs.dtypes.items()]
    return [
        chunks.key(
            FORMAT, versions, step.get_params(), types, piece.chunk.sha256,
            _digest(raw.between(piece.first, piece.start)[list(step.inputs)]),
        )
        for piece in cut
    ]  # fmt: skip


def _digest(rows: pd.DataFrame) -> str:
    hashed = pd.util.hash_pandas_object(rows, index=False, categorize=True)
    return hashlib.sha256(hashed.to_numpy().tobytes()).hexdigest()


def _computed(step: FeatureCode, raw: Raw, piece: Piece) -> pd.DataFrame:
    """Compute the features of a chunk, whose rows are numbered from its history on."""
    rows = raw.between(piece.first, piece.end).reset_index(drop=True)
    own = step.transform(rows).iloc[piece.start - piece.first :]
    return own.set_axis(range(piece.start, piece.end))


def _read(step: FeatureCode, stored: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = stored.select(list(step.columns)).to_pandas()
    return frame.astype(dict.fromkeys(step.categorical, "object"))
