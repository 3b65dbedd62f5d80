"""Some rows, read chunk by chunk, are those of the whole, and of its types."""

import uuid
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from evergreen.data import streams
from evergreen.data.manifests import Group
from evergreen.data.picking import Picked
from evergreen.data.snapshots import SnapshotStore

ROWS, CUTS = 90, (0, 0, 31, 60, 90)


def table() -> pa.Table:
    count = np.arange(ROWS)
    early = count < 20  # what is missing is missing in the first chunk alone
    return pa.table(
        {
            "id": count,
            "whole": pa.array(count, pa.int32(), mask=early),
            "yes": pa.array(count % 2 == 0, mask=early),
            "price": pa.array(count / 7, mask=count % 5 == 0),
            "word": pa.array([None if n % 9 == 0 else f"word {n % 4}" for n in count], pa.string()),
            "at": pa.array(np.datetime64("2026-01-01T00:00:00", "us") + count),
        }
    )


@pytest.fixture
def picked() -> Picked:
    """Rows in four chunks, the first of them empty, and two columns in a chunk of their own."""
    store, whole = SnapshotStore(f"memory://{uuid.uuid4().hex}"), table()
    apart, others = ["price", "word"], ["id", "whole", "yes", "at"]
    chunks = tuple(
        store.add("shop", str(n), f"{n}", some.to_batches(), some.schema)
        for n, (first, end) in enumerate(pairwise(CUTS))
        for some in [whole.select(others).slice(first, end - first)]
    )
    beside = store.add(
        "shop", "all", "b", whole.select(apart).to_batches(), whole.select(apart).schema
    )
    groups = [Group(tuple(others), chunks), Group(tuple(apart), (beside,))]
    stored = store.seal("shop", whole.schema, groups, {})
    return Picked(store, stored.uri, stored.sha256)


PLACES = {
    "none": [], "one": [40], "a stretch": list(range(55, 65)), "all": list(range(ROWS)),
    "here and there": [0, 30, 31, 59, 89],
}  # fmt: skip


@pytest.mark.parametrize("asked", PLACES.values(), ids=PLACES.keys())
def test_some_rows_are_those_of_the_whole_with_its_types(picked: Picked, asked: list[int]) -> None:
    places = np.array(asked, dtype=np.intp)

    whole = picked.store.frame(picked.uri, picked.sha256)
    pd.testing.assert_frame_equal(picked.take(places), whole.iloc[places], check_index_type=False)


def test_only_the_chunks_that_hold_them_are_read(
    picked: Picked, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    rows = SnapshotStore.rows
    monkeypatch.setattr(
        SnapshotStore, "rows", lambda self, *one: read.append(one[1].name) or rows(self, *one)
    )

    Picked(picked.store, picked.uri, picked.sha256, ["at"]).take(np.array([35, 40]))

    assert read == ["2"]


def test_rows_are_looked_up_in_the_order_that_is_asked_for(picked: Picked) -> None:
    some = Picked(picked.store, picked.uri, picked.sha256, ["id", "word"])

    assert some.look_up([70, 3, 70]) == table().select(["id", "word"]).take([70, 3, 70]).to_pylist()


def test_of_large_chunks_fewer_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pools: list[int] = []
    made = streams.ThreadPoolExecutor
    monkeypatch.setattr(streams, "ThreadPoolExecutor", lambda n: pools.append(n) or made(n))

    for largest in (1, streams.IN_FLIGHT // 3, streams.IN_FLIGHT):
        assert streams.at_once(abs, [-1] * 20, largest) == [1] * 20

    assert pools == [streams.AT_ONCE, 3]
