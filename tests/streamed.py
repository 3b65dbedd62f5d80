"""Rows that lie in Parquet, for who learns from those that pass by."""

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from evergreen.data.manifests import Group
from evergreen.data.picking import Picked
from evergreen.data.snapshots import SnapshotStore
from evergreen.learning.frames import Stored
from evergreen.learning.recipes import Recipe
from flights import flights, use_case_of

CUTS = (0, 700, 701, 1_500)


def rows() -> pd.DataFrame:
    """Flights with gaps, and a number that nobody has measured."""
    found = flights()
    found.loc[found.index % 7 == 0, "distance"] = np.nan
    return found.assign(wind=np.nan)


def stored(frame: pd.DataFrame, url: str = "") -> Stored:
    """Keep features in chunks; without a place in memory, where other processes find none."""
    whole = pa.Table.from_pandas(frame, preserve_index=False)
    ends = [*CUTS[1:], len(whole)]
    pieces = [whole.slice(start, end - start) for start, end in zip(CUTS, ends, strict=True)]
    store = SnapshotStore(url or f"memory://{uuid.uuid4().hex}")
    chunks = tuple(
        store.add("flights", str(n), str(n), one.to_batches(), one.schema)
        for n, one in enumerate(pieces)
    )
    kept = store.seal("flights", whole.schema, [Group(tuple(whole.schema.names), chunks)], {})
    return Stored(Picked(store, kept.uri, kept.sha256, list(frame)))


def recipe(build: Callable[[], Any]) -> Recipe:
    case = use_case_of(build, numeric=("distance", "wind"))
    return Recipe.of(case, case.candidates[0], {})
