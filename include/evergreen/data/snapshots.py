"""Snapshots: immutable rows, each a manifest of Parquet chunks that snapshots share.

Usage::

    snapshots = of(settings)
    stored = snapshots.write("weather", batches, schema, about={"as_of": "2026-08-24"})
    snapshots.frame(stored.uri, stored.sha256, columns=["date", "wind"])
    snapshots.table(stored.uri, stored.sha256, between=Between("date", june, july))

`<use case>/<first 16 digits of the digest>/manifest.json` names the chunks, in order, which lie at
`<use case>/chunks/<key>-<sha256>.parquet`: the key tells what a chunk was made from, the sha256 its
bytes. The digest of a snapshot is that of its columns and of its chunks' digests. The same rows
give the same bytes, whatever the sizes of the batches they come in. Columns may lie in groups of
chunks beside each other: the split of features changes every day, the features do not.

Why not Delta Lake or Iceberg: both keep a log of commits, and files of what each commit brought, so
that the same rows, delivered otherwise, are other files, and a digest of the rows is nowhere. We
need that digest, and PostgreSQL telling what did not change; their log, catalogue and transactions
we do not.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from evergreen import storage
from evergreen.data import manifests
from evergreen.data.manifests import Between, Chunk, Group
from evergreen.data.streams import ROW_GROUP, at_once, row_groups
from evergreen.errors import SnapshotCorrupt
from evergreen.settings import Settings
from evergreen.storage import Damaged, OutsideStore, Store

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
_REMEDY = "extract again"


@dataclass(frozen=True, kw_only=True)
class StoredSnapshot:
    """Where a snapshot lies and what its rows are."""

    uri: str
    sha256: str
    rows: int


def of(settings: Settings) -> "SnapshotStore":
    """Return the snapshots of the settings' store."""
    return SnapshotStore(storage.of(settings, storage.SNAPSHOTS))


class SnapshotStore:
    """The snapshots of a store."""

    def __init__(self, store: Store | str) -> None:
        self._store = Store(store) if isinstance(store, str) else store

    def write(
        self,
        use_case: str,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        about: dict[str, Any],
    ) -> StoredSnapshot:
        """Write rows as a snapshot of one chunk; memory is bounded by one row group."""
        chunk = self.add(use_case, "all", "rows", batches, schema)
        return self.seal(use_case, schema, [Group(tuple(schema.names), (chunk,))], about)

    def add(
        self,
        use_case: str,
        name: str,
        key: str,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        days: tuple[int, int] | None = None,
    ) -> Chunk:
        """Write a chunk, whole or not at all; the same rows again write the same file again."""
        rows = 0
        bare = manifests.bare(schema)
        with self._store.draft() as draft:
            with pq.ParquetWriter(
                pa.PythonFile(draft, mode="w"), bare, compression="zstd"
            ) as writer:
                for group in row_groups(batches, bare):
                    writer.write_table(group, row_group_size=ROW_GROUP)
                    rows += len(group)
            chunk = Chunk(
                name=name, key=key, sha256=draft.sha256, rows=rows, bytes=draft.size, days=days
            )
            draft.publish(self._file(use_case, chunk))
        return chunk

    def known(self, use_case: str, keys: Iterable[str]) -> dict[str, Chunk]:
        """Return the chunks that were made from the same, by key; a damaged one is not known.

        (The name and the days of what it returns are empty: they are the asker's.)
        """
        wanted, found = set(keys), []
        for path in self._store.list(f"{use_case}/chunks/*.parquet"):
            key, _, sha256 = path.rsplit("/", 1)[1].removesuffix(".parquet").partition("-")
            if key in wanted:
                found.append((key, sha256))
        taken = at_once(lambda one: self._sound(use_case, *one), found)
        return {key: one for (key, _), one in zip(found, taken, strict=True) if one is not None}

    def _sound(self, use_case: str, key: str, sha256: str) -> Chunk | None:
        chunk = Chunk(name="", key=key, sha256=sha256, rows=0, bytes=0)
        try:
            content = self._store.read(self._file(use_case, chunk), sha256)
        except (Damaged, FileNotFoundError):
            return None
        rows = pq.read_metadata(pa.BufferReader(content)).num_rows
        return replace(chunk, rows=rows, bytes=len(content))

    def seal(
        self,
        use_case: str,
        schema: pa.Schema,
        groups: Sequence[Group],
        about: dict[str, Any],
    ) -> StoredSnapshot:
        """Make chunks a snapshot; of the same chunks it is the one that is there already.

        `schema` names the columns in their order. `about` (plain JSON) is kept of the first writer.
        What is asked for again is as young as a new one to whoever deletes what is old.
        """
        schema = manifests.bare(schema)
        document = manifests.document(use_case, schema, groups)
        path = f"{use_case}/{document['sha256'][:16]}"
        if self._is_sealed(path, document["sha256"]):  # not: rewritten since, without somebody
            text = self._store.read(f"{path}/{MANIFEST}").decode()
        else:
            text = json.dumps(document | {"about": about}, indent=1, default=str)
        self._store.publish(f"{path}/{MANIFEST}", text)
        return StoredSnapshot(
            uri=self._store.uri(path), sha256=document["sha256"], rows=document["rows"]
        )

    def table(
        self,
        uri: str,
        sha256: str,
        columns: Sequence[str] | None = None,
        *,
        between: Between | None = None,
    ) -> pa.Table:
        """Return the rows as an Arrow table; the bytes of what is read are checked.

        Of rows `between` two moments, only the chunks that may hold some are read.

        Raises:
            SnapshotCorrupt: the manifest or a chunk is missing, or is not what `sha256` names.
        """
        document = self._checked(uri, sha256)
        wanted = list(document["columns"] if columns is None else columns)
        read = list(dict.fromkeys([*wanted, *([between.column] if between else [])]))
        groups = manifests.groups(document)
        start, end = manifests.stretch(groups, between)
        pieces = {
            name: column
            for group in groups
            if (names := [name for name in group.columns if name in read])
            for name, column in self._read(document, group, names, start, end).items()
        }
        table = pa.table({name: pieces[name] for name in read})
        return (between.of(table) if between else table).select(wanted)

    def _read(
        self, document: dict[str, Any], group: Group, names: list[str], start: int, end: int
    ) -> "dict[str, pa.ChunkedArray]":
        """Read columns of the rows from `start` up to `end`."""
        ends = list(accumulate(chunk.rows for chunk in group.chunks))
        touched = [
            (chunk, last - chunk.rows)
            for chunk, last in zip(group.chunks, ends, strict=True)
            if last > start and last - chunk.rows < end
        ]
        use_case = document["use_case"]
        largest = max((chunk.bytes for chunk, _ in touched), default=0)
        tables = at_once(lambda one: self.rows(use_case, one[0], names), touched, largest)
        schema = pa.schema([manifests.schema(document).field(name) for name in names])
        table = pa.concat_tables([schema.empty_table(), *tables])
        offset = start - touched[0][1] if touched else 0
        kept = table.slice(offset, end - start)
        return dict(zip(names, kept.columns, strict=True))

    def rows(self, use_case: str, chunk: Chunk, names: list[str]) -> pa.Table:
        """Return columns of a chunk.

        Raises:
            SnapshotCorrupt: it is missing, or its bytes are others.
        """
        path = self._file(use_case, chunk)
        try:
            content = self._store.read(path, chunk.sha256)
        except (Damaged, FileNotFoundError) as error:
            raise SnapshotCorrupt(f"{path}: {error}; {_REMEDY}") from error
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            return file.read(names).select(names)

    def frame(
        self,
        uri: str,
        sha256: str,
        columns: Sequence[str] | None = None,
        *,
        between: Between | None = None,
    ) -> "pd.DataFrame":
        """Return the rows of `table` as pandas; dates become `datetime64`.

        Raises:
            SnapshotCorrupt: the manifest or a chunk is missing, or is not what `sha256` names.
        """
        table = self.table(uri, sha256, columns, between=between)
        frame: pd.DataFrame = table.to_pandas(date_as_object=False)
        return frame

    def count(self, uri: str, sha256: str, between: Between) -> int:
        """Count the rows between two moments; only chunks at the ends are read.

        Raises:
            SnapshotCorrupt: the manifest or a chunk is missing, or is not what `sha256` names.
        """
        document = self._checked(uri, sha256)
        chunks = [c for c in manifests.groups(document)[0].chunks if between.touches(c)]
        ends = [chunk for chunk in chunks if not between.holds(chunk)]
        tables = at_once(
            lambda chunk: self.rows(document["use_case"], chunk, [between.column]), ends,
            max((chunk.bytes for chunk in ends), default=0),
        )  # fmt: skip
        inner = sum(chunk.rows for chunk in chunks if between.holds(chunk))
        return inner + sum(len(between.of(table)) for table in tables)

    def manifest(self, uri: str) -> dict[str, Any]:
        """Return the manifest: use_case, rows, bytes, sha256, columns (name to type), about …

        Raises:
            SnapshotCorrupt: there is none, or it is not JSON.
        """
        path = f"{_folder(uri)}/{MANIFEST}"
        try:
            document: dict[str, Any] = json.loads(self._store.read(path))
        except (FileNotFoundError, OutsideStore, ValueError) as error:
            raise SnapshotCorrupt(f"{path}: {error}; {_REMEDY}") from error
        return document

    def manifests(self, use_case: str) -> list[tuple[str, dict[str, Any]]]:
        """Return address and manifest of every snapshot of a use case."""
        uris = self.uris(use_case)
        return list(zip(uris, at_once(self.manifest, uris), strict=True))

    def readable(self, use_case: str) -> list[tuple[str, dict[str, Any]]]:
        """Return those of `manifests` that can be read."""
        uris = self.uris(use_case)
        found = zip(uris, at_once(self._readable, uris), strict=True)
        return [(uri, document) for uri, document in found if document is not None]

    def _readable(self, uri: str) -> dict[str, Any] | None:
        try:
            return self.manifest(uri)
        except SnapshotCorrupt:
            return None

    def schema(self, uri: str) -> pa.Schema:
        """Return the columns with their Arrow types.

        Raises:
            SnapshotCorrupt: there is no manifest, or it is not JSON.
        """
        return manifests.schema(self.manifest(uri))

    def groups(self, uri: str, sha256: str) -> list[Group]:
        """Return the chunks of a snapshot.

        Raises:
            SnapshotCorrupt: the manifest is missing, or is not what `sha256` names.
        """
        return manifests.groups(self._checked(uri, sha256))

    def verify(self, uri: str) -> None:
        """Compare the manifest with its digest, and the bytes and rows of each chunk with it.

        Raises:
            SnapshotCorrupt: they differ, or one is missing.
        """
        document = self.manifest(uri)
        document = self._checked(uri, str(document.get("sha256")))
        for group in manifests.groups(document):
            for chunk in group.chunks:
                found = self._sound(document["use_case"], chunk.key, chunk.sha256)
                if found is None:
                    raise SnapshotCorrupt(
                        f"{uri}: the chunk {chunk.name} ({chunk.file}) is missing, or its sha256 is"
                        f" another; {_REMEDY}"
                    )
                if found.rows != chunk.rows:
                    raise SnapshotCorrupt(
                        f"{uri}: {found.rows} rows in {chunk.name}, its manifest says {chunk.rows}"
                    )

    def replace(self, uri: str, document: dict[str, Any]) -> None:
        """Let another manifest take the place of one: see `rewriting`."""
        self._store.publish(f"{_folder(uri)}/{MANIFEST}", json.dumps(document, indent=1))

    def uris(self, use_case: str = "*") -> list[str]:
        """Return the folder of every snapshot, or of every one of a use case."""
        paths = self._store.list(f"{use_case}/*/{MANIFEST}")
        return [self._store.uri(path.removesuffix(f"/{MANIFEST}")) for path in paths]

    def has(self, uri: str) -> bool:
        """Tell whether a snapshot is there, whatever its bytes are."""
        return self._store.exists(f"{_folder(uri)}/{MANIFEST}")

    def find(self, use_case: str, sha256: str) -> str:
        """Return the folder of the snapshot with that digest.

        Raises:
            SnapshotCorrupt: there is none.
        """
        path = f"{use_case}/{sha256[:16]}"
        if not self._store.exists(f"{path}/{MANIFEST}"):
            raise SnapshotCorrupt(f"the snapshot {sha256[:16]} of {use_case} is missing")
        return self._store.uri(path)

    def _is_sealed(self, path: str, digest: str) -> bool:
        try:
            return bool(self._checked(path, digest)["sha256"] == digest)
        except SnapshotCorrupt:
            return False

    def _checked(self, uri: str, sha256: str) -> dict[str, Any]:
        """Return the manifest, if it is the one that `sha256` names."""
        document = self.manifest(uri)
        try:
            found, names = manifests.digest(document), manifests.names(document)
        except (KeyError, TypeError) as error:
            raise SnapshotCorrupt(f"{uri}: its manifest lacks {error}; {_REMEDY}") from error
        if found != names[-1] or sha256 not in names:
            raise SnapshotCorrupt(f"{uri}: its sha256 is {found}, not {sha256}; {_REMEDY}")
        return document

    @staticmethod
    def _file(use_case: str, chunk: Chunk) -> str:
        return f"{use_case}/chunks/{chunk.file}"


def _folder(uri: str) -> str:
    """Return the path of a snapshot below any store, also one that has moved since."""
    return "/".join(uri.rsplit("/", 2)[-2:])
