"""The rows that the champion learned from: what a window is held against.

    learned = learned_from(ledger, champion)                  # snapshot and split, on record
    reference = load(use_case, learned, settings)             # the training part of the raw rows
    reference.frame, reference.kinds                          # a fixed-seed sample, typed

The snapshot is the one of the gate's evidence about the champion's version, and the split the one
that was stored when it was trained (`data.splits`), whatever the declaration says today.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from evergreen.champions.ledger import Ledger
from evergreen.data.snapshots import SnapshotStore
from evergreen.data.splits import TRAINING
from evergreen.errors import ReferenceMissing
from evergreen.learning.features import PART
from evergreen.refs import ChampionRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.watching.drift import CATEGORICAL, NUMERIC

SEED = 0
TIME, KEY = "time", "key"
"""Columns that differ by nature: they must be there, and are not compared."""


@dataclass(frozen=True)
class Reference:
    """The training rows, and what is known of all of them."""

    frame: pd.DataFrame
    """A sample: numbers as float64, categories as text, nulls as NaN."""
    rows: int
    kinds: dict[str, str]
    """NUMERIC, CATEGORICAL, TIME or KEY of each raw column."""
    nulls: dict[str, int] = field(default_factory=dict)
    categories: dict[str, frozenset[str]] = field(default_factory=dict)
    once: dict[str, int] = field(default_factory=dict)
    """How many categories occur in a single row: the chance of an unseen one (Good, 1953)."""


def learned_from(ledger: Ledger, champion: ChampionRef) -> FeaturesRef:
    """Return snapshot and split of the champion's training, from the gate's evidence.

    Raises:
        ReferenceMissing: it is not on record.
    """
    promoted = [
        promotion
        for promotion in ledger.promotions(champion.use_case)
        if promotion.is_first_of_its_version and promotion.version == champion.version
    ]
    decision = ledger.decision(promoted[-1].decision_id) if promoted else None
    document = decision.evidence.get("evaluation", {}).get("features") if decision else None
    if not document:
        raise ReferenceMissing(
            f"the ledger does not say which rows version {champion.version} of"
            f" {champion.use_case} was trained on; train and promote again"
        )
    return FeaturesRef.from_json(document)


def load(use_case: UseCase, learned: FeaturesRef, settings: Settings) -> Reference:
    """Read the training rows.

    Raises:
        SnapshotCorrupt: the snapshot, or the split stored with it, is missing or changed.
        ReferenceMissing: no row of it is of the training part.
    """
    store = SnapshotStore(settings.snapshots_url)
    positions = positions_of(store, learned, TRAINING)
    if not len(positions):
        raise ReferenceMissing(f"{learned.uri} holds no training row")
    offered = store.manifest(learned.snapshot.uri)["columns"]
    names = [name for name in use_case.features.raw if name in offered]
    raw = store.table(learned.snapshot.uri, learned.snapshot.sha256, names)
    chosen = sample(positions, use_case.monitoring.sample)
    kinds = {name: kind_of(use_case, raw.schema.field(name)) for name in names}
    columns = {n: usable(raw[n].take(chosen).to_pandas(), kind) for n, kind in kinds.items()}
    reference = Reference(pd.DataFrame(columns), len(positions), kinds)
    for name in names:
        _count(reference, name, raw[name].take(positions))
    return reference


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


def kind_of(use_case: UseCase, column: "pa.Field[Any]") -> str:
    """Tell how a raw column is compared."""
    if pa.types.is_temporal(column.type):
        return TIME
    if column.name in use_case.source.key and column.name not in use_case.features.columns:
        return KEY
    declared = use_case.features.function is None and column.name in use_case.features.categorical
    number = (
        pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
        or pa.types.is_decimal(column.type)
    )
    return NUMERIC if number and not declared else CATEGORICAL


def usable(values: Iterable[Any], kind: str) -> "pd.Series[Any]":
    """Return numbers as float64 or categories as text; what is neither becomes NaN."""
    if kind == NUMERIC:
        numbers = pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce")
        return numbers.astype(float)
    codes, found = pd.factorize(np.asarray(list(values), dtype=object))
    texts = np.array([*map(text, found), np.nan], dtype=object)
    return pd.Series(texts[codes], dtype=object)


def text(value: Any) -> str:
    """Write a category as features do: 3.0 is `3`, as an integer column with a gap reads."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _count(reference: Reference, name: str, column: "pa.ChunkedArray[Any]") -> None:
    """Note nulls and categories of all training rows."""
    floating = pa.types.is_floating(column.type)
    empty = pc.is_null(column, nan_is_null=True) if floating else pc.is_null(column)
    reference.nulls[name] = pc.sum(empty).as_py() or 0
    if reference.kinds[name] == CATEGORICAL:
        counted = pc.value_counts(column.drop_null()).to_pylist()
        reference.categories[name] = frozenset(text(entry["values"]) for entry in counted)
        reference.once[name] = sum(entry["counts"] == 1 for entry in counted)
