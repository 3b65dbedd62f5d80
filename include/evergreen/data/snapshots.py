"""Immutable, content-addressed Parquet files on a local folder or any fsspec URL.

Usage::

    store = SnapshotStore("/var/lib/evergreen/snapshots")    # or "s3://bucket/snapshots"
    stored = store.write("weather", batches, schema, about={"as_of": "2026-08-24"})
    store.frame(stored.uri, stored.sha256, columns=["date", "wind"])

`<url>/<use case>/<first 16 digits of the sha256>/` holds `data.parquet` and `manifest.json`. The
same rows give the same bytes, whatever the sizes of the batches they come in.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from evergreen.errors import SnapshotCorrupt

if TYPE_CHECKING:
    import pandas as pd

ROW_GROUP = 131_072
"""Rows of each row group, the last one apart."""
DATA, MANIFEST, TEMPORARY = "data.parquet", "manifest.json", ".tmp-"


@dataclass(frozen=True, kw_only=True)
class StoredSnapshot:
    """Where a snapshot lies and what its bytes are."""

    uri: str
    sha256: str
    rows: int


class SnapshotStore:
    """The snapshots below one URL."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._local = isinstance(self._fs, LocalFileSystem)

    def write(
        self,
        use_case: str,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        about: dict[str, Any],
    ) -> StoredSnapshot:
        """Write the rows once; the same rows again return the snapshot that is there already.

        Memory is bounded by one row group. `about` (plain JSON) is kept in the manifest of the
        first writer. Two writers of the same rows at once are harmless.
        """
        folder = f"{self._root}/{use_case}"
        self._sweep(folder)
        with self._staging(folder) as staging:
            digest, rows, size = self._write_data(f"{staging}/{DATA}", batches, schema)
            final = f"{folder}/{digest[:16]}"
            manifest = {
                "use_case": use_case,
                "rows": rows,
                "bytes": size,
                "sha256": digest,
                "columns": {column.name: str(column.type) for column in schema},
                "about": about,
            }
            if not self._fs.exists(f"{final}/{MANIFEST}"):
                self._publish(staging, final, json.dumps(manifest, indent=2, default=str))
        return StoredSnapshot(uri=self._uri(final), sha256=digest, rows=rows)

    def table(self, uri: str, sha256: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows as an Arrow table, after checking the bytes.

        Raises:
            SnapshotCorrupt: the file is missing, or its digest is not `sha256`.
        """
        with self._checked(uri, sha256) as source:
            return pq.read_table(source, columns=None if columns is None else list(columns))

    def frame(self, uri: str, sha256: str, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """Return the rows as pandas, after checking the bytes; dates become `datetime64`.

        Raises:
            SnapshotCorrupt: the file is missing, or its digest is not `sha256`.
        """
        frame: pd.DataFrame = self.table(uri, sha256, columns).to_pandas(date_as_object=False)
        return frame

    def manifest(self, uri: str) -> dict[str, Any]:
        """Return the manifest: use_case, rows, bytes, sha256, columns (name to type), about.

        Raises:
            SnapshotCorrupt: there is none, or it is not JSON.
        """
        try:
            document: dict[str, Any] = json.loads(self._fs.cat_file(f"{uri}/{MANIFEST}"))
        except (FileNotFoundError, ValueError) as error:
            raise SnapshotCorrupt(f"{uri}/{MANIFEST}: {error}; {_REMEDY}") from error
        return document

    def verify(self, uri: str) -> None:
        """Compare the bytes and the row count with the manifest.

        Raises:
            SnapshotCorrupt: they differ, or one of the two files is missing.
        """
        manifest = self.manifest(uri)
        with self._checked(uri, manifest["sha256"]) as source:
            rows = pq.read_metadata(source).num_rows
        if rows != manifest["rows"]:
            raise SnapshotCorrupt(f"{uri}: {rows} rows, its manifest says {manifest['rows']}")

    def uris(self, use_case: str = "*") -> list[str]:
        """Return the folder of every snapshot, or of every one of a use case."""
        self._fs.invalidate_cache()
        paths = self._fs.glob(f"{self._root}/{use_case}/*/{MANIFEST}")
        folders = (path.removesuffix(f"/{MANIFEST}") for path in paths)
        return sorted(self._uri(path) for path in folders if TEMPORARY not in path)

    def find(self, use_case: str, sha256: str) -> str:
        """Return the folder of the snapshot with that digest.

        Raises:
            SnapshotCorrupt: there is none.
        """
        name = sha256[:16]
        for uri in self.uris(use_case):
            if uri.endswith(f"/{name}"):
                return uri
        raise SnapshotCorrupt(f"the snapshot {name} of {use_case} is missing")

    def litter(self) -> list[str]:
        """Return the temporary folders that a crash left behind.

        Below a local folder those of live writers are not among them; elsewhere they are.
        """
        folders = self._temporary(f"{self._root}/*")
        return [self._uri(folder) for folder in folders if not self._local or _abandoned(folder)]

    def _temporary(self, folder: str) -> list[str]:
        self._fs.invalidate_cache()
        return sorted(self._fs.glob(f"{folder}/{TEMPORARY}*"))

    def _sweep(self, folder: str) -> None:
        """Delete what crashed writers left, where a lock tells them from live ones."""
        if not self._local:
            return
        for path in self._temporary(folder):
            with _lock(path, wait=False) as locked:
                if locked:
                    self._fs.rm(path, recursive=True)

    @contextlib.contextmanager
    def _staging(self, folder: str) -> Iterator[str]:
        """Make a temporary folder, locked as long as its writer lives."""
        with contextlib.ExitStack() as held:
            while True:
                path = f"{folder}/{TEMPORARY}{secrets.token_hex(8)}"
                self._fs.makedirs(path, exist_ok=True)
                if not self._local or held.enter_context(_lock(path)):
                    break  # else another writer took the unlocked folder for litter
            try:
                yield path
            finally:
                if self._fs.exists(path):
                    self._fs.rm(path, recursive=True)

    def _write_data(
        self, path: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema
    ) -> tuple[str, int, int]:
        schema = _bare(schema)
        rows = 0
        with self._create(path) as raw:
            sink = _Digesting(raw)
            with pq.ParquetWriter(
                pa.PythonFile(sink, mode="w"), schema, compression="zstd"
            ) as writer:
                for group in row_groups(batches, schema):
                    writer.write_table(group, row_group_size=ROW_GROUP)
                    rows += len(group)
        return sink.digest.hexdigest(), rows, sink.size

    @contextlib.contextmanager
    def _create(self, path: str) -> Iterator[IO[bytes]]:
        if not self._local:
            with self._fs.open(path, "wb") as stream:
                yield stream
            return
        with Path(path).open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    def _publish(self, staging: str, final: str, manifest: str) -> None:
        """Let the snapshot appear whole: by one rename, or elsewhere by its manifest, put last."""
        if not self._local:
            self._fs.makedirs(final, exist_ok=True)
            self._fs.mv(f"{staging}/{DATA}", f"{final}/{DATA}")
            self._fs.pipe_file(f"{final}/{MANIFEST}", manifest.encode())
            return
        with self._create(f"{staging}/{MANIFEST}") as stream:
            stream.write(manifest.encode())
        try:
            Path(staging).rename(final)
        except OSError:
            if not Path(final, MANIFEST).exists():  # else another writer was first
                raise
        _fsync_folder(Path(final).parent)

    @contextlib.contextmanager
    def _checked(self, uri: str, sha256: str) -> Iterator[pa.NativeFile]:
        path = f"{uri}/{DATA}"
        try:
            source = (
                pa.memory_map(self._fs._strip_protocol(path))
                if self._local
                else pa.BufferReader(self._fs.cat_file(path))
            )
        except FileNotFoundError as error:
            raise SnapshotCorrupt(f"{path} is missing; {_REMEDY}") from error
        with source:
            found = hashlib.sha256(source.read_buffer()).hexdigest()
            if found != sha256:
                raise SnapshotCorrupt(f"{path}: its sha256 is {found}, not {sha256}; {_REMEDY}")
            source.seek(0)
            yield source

    def _uri(self, path: str) -> str:
        return path if self._local else str(self._fs.unstrip_protocol(path))


_REMEDY = "delete its folder and extract again"


def row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Cut the rows into tables of `ROW_GROUP` rows, the last one apart; never an empty one."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        start = 0
        while rows + batch.num_rows - start >= ROW_GROUP:
            take = ROW_GROUP - rows
            yield _join([*waiting, batch.slice(start, take)], schema)
            waiting, rows, start = [], 0, start + take
        if start < batch.num_rows:
            waiting.append(batch.slice(start))
            rows += batch.num_rows - start
    if rows:
        yield _join(waiting, schema)


def _join(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    columns = [batch.columns for batch in batches]
    arrays = [
        pa.chunked_array(chunks, type=field.type)
        for chunks, field in zip(zip(*columns, strict=True), schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema).combine_chunks()


def _bare(schema: pa.Schema) -> pa.Schema:
    """Drop the metadata, which tells of the driver and not of the rows."""
    return pa.schema([pa.field(column.name, column.type) for column in schema])


class _Digesting(io.RawIOBase):
    """A sink that passes the bytes on and knows their digest."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: Any) -> int:
        self._sink.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)


@contextlib.contextmanager
def _lock(folder: str, *, wait: bool = True) -> Iterator[bool]:
    """Lock a folder; yield whether we got it and it is still there. A crash unlocks it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _flock(handle, wait) and Path(folder).exists()
    finally:
        os.close(handle)


def _flock(handle: int, wait: bool) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _abandoned(folder: str) -> bool:
    with _lock(folder, wait=False) as locked:
        return locked


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
