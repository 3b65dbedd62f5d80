"""The features in memory are those that were stored, and equal texts are one object."""

import uuid

import numpy as np
import pandas as pd
import pyarrow as pa

from evergreen.data.manifests import Group
from evergreen.data.picking import Picked
from evergreen.data.snapshots import SnapshotStore
from evergreen.learning import frames

ROWS = 50


def stored() -> Picked:
    count = np.arange(ROWS)
    whole = pa.table(
        {
            "part": pa.array(["training"] * ROWS),
            "price": pa.array(count / 7, mask=count % 5 == 0),
            "word": pa.array([None if n % 9 == 0 else f"word {n % 4}" for n in count], pa.string()),
            "at": pa.array(count * 1.0),
        }
    )
    store = SnapshotStore(f"memory://{uuid.uuid4().hex}")
    pieces = [whole.slice(0, 20), whole.slice(20)]
    chunks = tuple(
        store.add("shop", str(n), str(n), one.to_batches(), one.schema)
        for n, one in enumerate(pieces)
    )
    kept = store.seal("shop", whole.schema, [Group(tuple(whole.schema.names), chunks)], {})
    return Picked(store, kept.uri, kept.sha256, ["at", "word", "price"])


def test_they_are_the_stored_ones_with_texts_as_objects() -> None:
    picked = stored()
    whole = picked.store.frame(picked.uri, picked.sha256, ["at", "word", "price"])

    found = frames.stored(picked)

    pd.testing.assert_frame_equal(found, whole.astype({"word": "object"}))


def test_equal_texts_of_all_chunks_are_the_same_object() -> None:
    found = frames.stored(stored())

    assert len({id(value) for value in found["word"]}) == len(found["word"].unique())
