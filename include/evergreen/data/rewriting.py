"""Write snapshots anew without some of their rows, at the address that everybody has of them.

    before, document = without(store, uri, gone, done={})     # chunks are written, nothing changed
    store.replace(uri, document)                              # from now on the rows are gone
    drop_loose(store, files, "churn", holds)                  # and so are the chunks of before

What is derived of a snapshot (features, answers) is aligned with it by position: the same positions
must go there. The key of a chunk that is written anew names no rows of the source, so that no
extraction takes it for them.
"""

import hashlib
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evergreen.data import chunks, manifests
from evergreen.data.manifests import Chunk, Group
from evergreen.data.snapshots import SnapshotStore, StoredSnapshot
from evergreen.storage import Store

REWRITTEN = "rewritten"
Mask = NDArray[np.bool_]
Holds = Callable[[pa.Table], Mask]
"""Tells of each row whether it must go; the columns that it reads may be absent."""


def find(store: SnapshotStore, uri: str, columns: list[str], holds: Holds) -> Mask:
    """Tell of each row of a snapshot whether it must go; one without the columns has none.

    Raises:
        SnapshotCorrupt: it cannot be read.
    """
    document = store.manifest(uri)
    if not set(columns) <= set(document["columns"]):
        return np.zeros(document["rows"], dtype=bool)
    return holds(store.table(uri, document["sha256"], columns))


def without(
    store: SnapshotStore, uri: str, gone: Mask, done: MutableMapping[str, Chunk]
) -> tuple[str, dict[str, Any]]:
    """Write the chunks of a snapshot without some rows; return its digest, and the manifest to be.

    Args:
        store: of the snapshot.
        uri: its address.
        gone: of each row, whether it goes; at least one does.
        done: chunks that were written anew, by their file before: snapshots share them.

    Raises:
        SnapshotCorrupt: it cannot be read.
    """
    document = store.manifest(uri)
    use_case, schema = document["use_case"], manifests.schema(document)
    groups = [
        Group(group.columns, tuple(_chunks(store, use_case, schema, group, gone, done)))
        for group in store.groups(uri, document["sha256"])
    ]
    written = manifests.document(use_case, schema, groups)
    before = {"about": document["about"], "replaces": manifests.names(document)}
    return document["sha256"], written | before


def apart(
    store: SnapshotStore, uri: str, sha256: str, gone: Mask, about: dict[str, Any]
) -> StoredSnapshot:
    """Write another snapshot, without some rows; the one that there is stays as it is.

    `about` is added to what is kept about it, with the keys of the chunks that it came from.

    Raises:
        SnapshotCorrupt: it cannot be read.
    """
    document, whole = store.manifest(uri), store.groups(uri, sha256)
    use_case, schema = document["use_case"], manifests.schema(document)
    done: dict[str, Chunk] = {}
    groups = [
        Group(group.columns, tuple(_chunks(store, use_case, schema, group, gone, done)))
        for group in whole
    ]
    keys = [chunk.key for group in whole for chunk in group.chunks]
    told = document["about"] | {"quarantined": int(gone.sum()), "keys": keys} | about
    return store.seal(use_case, schema, groups, told)


def drop_loose(
    store: SnapshotStore, files: Store, use_case: str, goes: Callable[[str], bool]
) -> int:
    """Delete chunks that no manifest names and that must go; return how many.

    Args:
        store: the snapshots.
        files: the same, as files.
        use_case: with its suffix, as `churn.features`.
        goes: tells it of a path.
    """
    named = {
        chunk.file
        for _, document in store.manifests(use_case)
        for group in manifests.groups(document)
        for chunk in group.chunks
    }
    loose = [
        path
        for path in files.list(f"{use_case}/chunks/*.parquet")
        if path.rpartition("/")[2] not in named and goes(path)
    ]
    for path in loose:
        files.delete(path)
    return len(loose)


def _chunks(
    store: SnapshotStore,
    use_case: str,
    schema: pa.Schema,
    group: Group,
    gone: Mask,
    done: MutableMapping[str, Chunk],
) -> Iterator[Chunk]:
    """Yield the chunks that stay, and in the place of those that hold such rows new ones."""
    ends = accumulate(chunk.rows for chunk in group.chunks)
    own = pa.schema([schema.field(name) for name in group.columns])
    for chunk, end in zip(group.chunks, ends, strict=True):
        goes = gone[end - chunk.rows : end]
        if not goes.any():
            yield chunk
            continue
        same = f"{chunk.file}/{hashlib.sha256(goes.tobytes()).hexdigest()}"
        if same not in done:
            rows = store.rows(use_case, chunk, list(group.columns)).filter(pa.array(~goes))
            key = chunks.key(REWRITTEN, chunk.sha256)
            done[same] = store.add(use_case, chunk.name, key, rows.to_batches(), own)
        if done[same].rows:
            yield replace(done[same], name=chunk.name, days=chunk.days)


def read(files: Store, path: str, columns: list[str]) -> pa.Table | None:
    """Return columns of a chunk by its path; None: it lacks one of them."""
    content = pa.BufferReader(files.read(path))
    with pq.ParquetFile(content) as file:
        lacking = set(columns) - set(file.schema_arrow.names)
        return None if lacking else file.read(columns)
