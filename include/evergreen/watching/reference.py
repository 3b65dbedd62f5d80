"""The rows that the champion learned from: what a window is held against.

    reference = load(dossier, limit, settings)                # the training part of the raw rows
    reference.frame, reference.kinds                          # a fixed-seed sample, typed

Snapshot, split and columns are those of its dossier, whatever the declaration says today.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from evergreen.data import snapshots
from evergreen.data.snapshots import SnapshotStore
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.dossier import Dossier, RawColumn
from evergreen.errors import ReferenceMissing
from evergreen.learning.features import PART
from evergreen.refs import FeaturesRef
from evergreen.settings import Settings
from evergreen.watching.drift import CATEGORICAL, NUMERIC

SEED = 0
TIME, KEY, TEXT = "time", "key", "text"
"""Columns that differ by nature: they must be there, and are not compared."""


@dataclass(frozen=True)
class Reference:
    """The training rows, and what is known of all of them."""

    frame: pd.DataFrame
    """A sample: numbers as float64, categories as text, nulls as NaN."""
    rows: int
    kinds: dict[str, str]
    """NUMERIC, CATEGORICAL, TIME, KEY or TEXT of each raw column."""
    nulls: dict[str, int] = field(default_factory=dict)
    categories: dict[str, frozenset[str]] = field(default_factory=dict)
    once: dict[str, int] = field(default_factory=dict)
    """How many categories occur in a single row: the chance of an unseen one (Good, 1953)."""
    raw: pa.Table | None = None
    """All training rows."""
    times: Any = None
    """Their event times, seconds since 1970; None: they have none."""

    def values(self, name: str, positions: Any) -> "pd.Series[Any]":
        """Return the values of some training rows, as the sample has them."""
        assert self.raw is not None, "a reference that was loaded"  # noqa: S101
        return usable(self.raw[name].take(positions).to_pandas(), self.kinds[name])

    def when_known(self, name: str) -> Any:
        """Return the event times of the training rows that have a value of a column."""
        if self.raw is None or not self.nulls.get(name):
            return self.times
        return self.times[~_empty(self.raw[name]).to_numpy()]


def load(dossier: Dossier, limit: int, settings: Settings) -> Reference:
    """Read the training rows, and draw at most `limit` of them.

    Raises:
        SnapshotCorrupt: the snapshot, or the split stored with it, is missing or changed.
        ReferenceMissing: no row of it is of the training part.
    """
    store, learned = snapshots.of(settings), dossier.learned
    positions = positions_of(store, learned, TRAINING, HOLDOUT)
    if not len(positions):
        raise ReferenceMissing(f"{learned.uri} holds no training row")
    names, time = list(dossier.inputs.names), dossier.inputs.timestamp
    wanted = list(dict.fromkeys([*names, *([time] if time else [])]))
    raw = store.table(learned.snapshot.uri, learned.snapshot.sha256, wanted).take(positions)
    kinds = {column.name: kind_of(dossier, column) for column in dossier.inputs.columns}
    times = moments(raw[time].to_pandas()) if time else None
    whole = Reference(pd.DataFrame(), len(positions), kinds, raw=raw, times=times)
    chosen = sample(np.arange(len(positions)), limit)
    frame = pd.DataFrame({name: whole.values(name, chosen) for name in names})
    reference = replace(whole, frame=frame)
    for name in names:
        _count(reference, name, raw[name])
    return reference


def moments(values: Any) -> Any:
    """Return event times as seconds since 1970 (without a zone: UTC); NaN: it is none."""
    times = pd.to_datetime(pd.Series(values), utc=True, errors="coerce", format="ISO8601")
    return ((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy(dtype=float)


def positions_of(store: SnapshotStore, learned: FeaturesRef, *parts: str) -> Any:
    """Return where the rows of these parts of the stored split lie in the snapshot."""
    part = store.table(learned.uri, learned.sha256, [PART])[PART]
    return np.flatnonzero(pc.is_in(part, value_set=pa.array(parts, part.type)).to_numpy())


def sample(positions: Any, limit: int) -> Any:
    """Draw at most `limit` positions with the fixed seed, in their order."""
    if len(positions) <= limit:
        return positions
    drawn = np.random.default_rng(SEED).choice(positions, limit, replace=False)
    drawn.sort()
    return drawn


def kind_of(dossier: Dossier, column: RawColumn) -> str:
    """Tell how a raw column is compared."""
    inputs = dossier.inputs
    features = {*inputs.numeric, *inputs.categorical}
    if column.is_time:
        return TIME
    if column.name in {key.name for key in inputs.key} - features:
        return KEY
    if column.name in inputs.text:
        return TEXT
    declared = not inputs.computed and column.name in inputs.categorical
    return NUMERIC if column.is_number and not declared else CATEGORICAL


def usable(values: Iterable[Any], kind: str) -> "pd.Series[Any]":
    """Return numbers as float64 or categories as text; what is neither becomes NaN."""
    if kind == NUMERIC and isinstance(values, pd.Series) and values.dtype.kind in "iuf":
        return values.astype(float)
    if kind == NUMERIC:
        numbers = pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce")
        return numbers.astype(float)
    codes, found = pd.factorize(np.asarray(list(values), dtype=object))
    texts = np.array([*map(text, found), np.nan], dtype=object)
    return pd.Series(texts[codes], dtype=object)


def text(value: Any) -> str:
    """Write a category as features do: 3.0 is `3`, as an integer column with a gap reads."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _empty(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    floating = pa.types.is_floating(column.type)
    return pc.is_null(column, nan_is_null=True) if floating else pc.is_null(column)


def _count(reference: Reference, name: str, column: "pa.ChunkedArray[Any]") -> None:
    """Note nulls and categories of all training rows."""
    reference.nulls[name] = pc.sum(_empty(column)).as_py() or 0
    if reference.kinds[name] == CATEGORICAL:
        counted = pc.value_counts(column.drop_null()).to_pylist()
        reference.categories[name] = frozenset(text(entry["values"]) for entry in counted)
        reference.once[name] = sum(entry["counts"] == 1 for entry in counted)
