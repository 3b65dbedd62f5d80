"""Snapshots are written anew without some rows, at the address that everybody has of them."""

import numpy as np
import pyarrow as pa
import pytest

from evergreen import storage
from evergreen.data import rewriting, snapshots
from evergreen.data.manifests import Chunk, Group
from evergreen.data.snapshots import SnapshotStore, StoredSnapshot
from evergreen.errors import SnapshotCorrupt
from evergreen.settings import Settings

ROWS = pa.table({"id": [1, 2, 3, 4], "name": ["a", "b", "c", "d"]})


@pytest.fixture
def store(settings: Settings) -> SnapshotStore:
    return snapshots.of(settings)


def stored(store: SnapshotStore, part: str = "xyxy") -> StoredSnapshot:
    """Store two chunks of two rows, and beside them a column in one chunk."""
    chunks = tuple(
        store.add("club", f"{n}", f"key{n}", ROWS[n : n + 2].to_batches(), ROWS.schema)
        for n in (0, 2)
    )
    beside = pa.table({"part": list(part)})
    own = store.add("club", "all", "split", beside.to_batches(), beside.schema)
    schema = ROWS.schema.append(beside.schema.field(0))
    groups = [Group(("id", "name"), chunks), Group(("part",), (own,))]
    return store.seal("club", schema, groups, {"as_of": "2026-03-01"})


def third_gone(store: SnapshotStore, made: StoredSnapshot) -> str:
    gone = rewriting.find(store, made.uri, ["id"], lambda t: t["id"].to_numpy() == 3)
    _, document = rewriting.without(store, made.uri, gone, {})
    store.replace(made.uri, document)
    return str(document["sha256"])


def test_the_rows_are_gone_by_the_old_digest_and_by_the_new_one(store: SnapshotStore) -> None:
    made = stored(store)

    sha256 = third_gone(store, made)

    left = {"id": [1, 2, 4], "name": ["a", "b", "d"], "part": ["x", "y", "y"]}
    assert sha256 != made.sha256
    assert store.table(made.uri, made.sha256).to_pydict() == left
    assert store.table(made.uri, sha256).to_pydict() == left
    store.verify(made.uri)


def test_a_digest_that_it_never_had_is_refused(store: SnapshotStore) -> None:
    made = stored(store)
    third_gone(store, made)

    with pytest.raises(SnapshotCorrupt, match=f"not {'0' * 64}"):
        store.table(made.uri, "0" * 64)


def test_only_the_chunk_that_held_it_is_written_anew(
    store: SnapshotStore, settings: Settings
) -> None:
    made = stored(store)
    files = storage.of(settings, storage.SNAPSHOTS)
    before = files.list("club/chunks/*")

    third_gone(store, made)
    dropped = rewriting.drop_loose(store, files, "club", lambda _: True)

    after = files.list("club/chunks/*")
    assert dropped == 2
    assert len(after) == len(before) == 3
    assert len(set(before) & set(after)) == 1


def test_a_chunk_that_two_snapshots_share_goes_with_the_last(
    store: SnapshotStore, settings: Settings
) -> None:
    files = storage.of(settings, storage.SNAPSHOTS)
    one, other = stored(store), stored(store, "xxxx")

    third_gone(store, one)
    rewriting.drop_loose(store, files, "club", lambda _: True)

    assert store.table(other.uri, other.sha256, ["id"]).to_pydict() == {"id": [1, 2, 3, 4]}


def test_the_same_chunk_loses_other_rows_in_another_snapshot(store: SnapshotStore) -> None:
    one, other = stored(store), stored(store, "xxxx")
    done: dict[str, Chunk] = {}

    for made, gone in ((one, [False, False, True, False]), (other, [False, False, False, True])):
        _, document = rewriting.without(store, made.uri, np.array(gone), done)
        store.replace(made.uri, document)

    assert store.table(one.uri, one.sha256, ["id"]).to_pydict() == {"id": [1, 2, 4]}
    assert store.table(other.uri, other.sha256, ["id"]).to_pydict() == {"id": [1, 2, 3]}


def test_a_chunk_of_which_no_row_is_left_goes(store: SnapshotStore) -> None:
    made = stored(store)

    _, document = rewriting.without(store, made.uri, np.array([True, True, False, False]), {})
    store.replace(made.uri, document)

    assert store.table(made.uri, made.sha256, ["name"]).to_pydict() == {"name": ["c", "d"]}
    store.verify(made.uri)


def test_rows_that_are_extracted_again_are_not_taken_for_those_that_are_left(
    store: SnapshotStore,
) -> None:
    made = stored(store)
    third_gone(store, made)

    again = stored(store)

    assert again == made
    assert store.table(again.uri, again.sha256, ["id"]).to_pydict() == {"id": [1, 2, 3, 4]}
    assert store.known("club", ["key2"])["key2"].rows == 2


def test_a_snapshot_without_the_column_holds_nobody(store: SnapshotStore) -> None:
    made = stored(store)

    assert not rewriting.find(store, made.uri, ["email"], lambda _: np.ones(4, dtype=bool)).any()
