"""A folder of files on any file system that fsspec knows; each appears whole or not at all.

A local file is written as a draft, synced and renamed; elsewhere one request puts the whole object.
"""

import contextlib
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from evergreen.errors import EvergreenError
from evergreen.storage import drafts

DRAFTS = ".drafts"
WRITTEN = ("LastModified", "mtime", "last_modified", "updated", "created")
"""What the file systems of fsspec call the moment of the last writing."""


class Damaged(EvergreenError):
    """The bytes of a file are not those that were published."""


class OutsideStore(EvergreenError):
    """A path, or a link on its way, leads out of the store."""


@dataclass(frozen=True)
class File:
    """A file of a store."""

    path: str
    bytes: int
    written: datetime
    """When it was written last, UTC."""


class Store:
    """The files below one URL.

    Args:
        url: a local path, or an fsspec URL such as `s3://bucket/prefix`.
        options: what fsspec's file system takes: `key`, `secret`, `endpoint_url`, `token` …

    Paths are relative, with `/`. Where there is no such file, reading raises FileNotFoundError.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.url = url.rstrip("/")
        self._options = dict(options or {})
        self._below = ""

    def __truediv__(self, folder: str) -> "Store":
        """Return the store from a folder on."""
        below = copy(self)
        below._below = f"{self._path(folder)}/"
        return below

    @cached_property
    def _fs(self) -> Any:
        import fsspec  # 0.14 s, which the parsing of a DAG need not pay

        return fsspec.core.url_to_fs(self.url, **self._options)[0]

    @cached_property
    def _base(self) -> str:
        return str(self._fs._strip_protocol(self.url)).rstrip("/")

    @cached_property
    def _folder(self) -> Path | None:
        """The folder of a local store."""
        local = self.url.startswith("file://") or "://" not in self.url
        return Path(self.url.removeprefix("file://")) if local else None

    def uri(self, path: str) -> str:
        """Return the address of a file: an absolute path, or a URL."""
        if self._folder is not None:
            return str(self._folder.absolute() / self._path(path))
        return f"{self.url}/{self._path(path)}"

    def relative(self, uri: str) -> str:
        """Return the path of what `uri` returned.

        Raises:
            OutsideStore: it is no address below this store.
        """
        start = self.uri("x").removesuffix("x")
        if not uri.startswith(start):
            raise OutsideStore(f"{uri} does not lie below {start}")
        return uri.removeprefix(start)

    def publish(self, path: str, content: bytes | str) -> None:
        """Write a file, or write it anew."""
        content = content.encode() if isinstance(content, str) else content
        if self._folder is None:
            self._fs.pipe_file(self._at(path), content)
            return
        with self.draft() as draft:
            draft.write(content)
            draft.publish(path)

    @contextlib.contextmanager
    def draft(self) -> Iterator["Draft"]:
        """Begin a large file, whose name may be known only at its end; unpublished, it is gone."""
        if self._folder is None:
            with tempfile.NamedTemporaryFile() as spool:
                yield Draft(self, spool, Path(spool.name))
            return
        with drafts.begun(self._folder / DRAFTS) as (stream, file):
            yield Draft(self, stream, file)

    def read(self, path: str, sha256: str | None = None) -> bytes:
        """Return the bytes of a file.

        Raises:
            Damaged: their digest is not `sha256`.
        """
        with self.open(path) as stream:
            content: bytes = stream.read()
        if sha256 is not None:
            self._check(path, hashlib.sha256(content).hexdigest(), sha256)
        return content

    def open(self, path: str) -> IO[bytes]:
        """Open a file for reading; it must be closed."""
        if self._folder is not None:
            return self._file(path).open("rb")
        self._fs.invalidate_cache()
        stream: IO[bytes] = self._fs.open(self._at(path), "rb")
        return stream

    def list(self, pattern: str) -> "list[str]":
        """Return the paths of the files that a glob pattern matches, sorted."""
        self._plain(pattern)
        if self._folder is not None:
            top = self._folder / self._below
            files = (file for file in top.glob(pattern) if file.is_file())
            return sorted(file.relative_to(top).as_posix() for file in files)
        self._fs.invalidate_cache()
        start = self._at("x").removesuffix("x")
        return sorted(str(p).removeprefix(start) for p in self._fs.glob(start + pattern))

    def folders(self) -> Sequence[str]:
        """Return the names of the folders right here, sorted; nothing below them is listed."""
        if self._folder is not None:
            top = self._folder / self._below
            found = (file.name for file in top.glob("[!.]*/"))
            return sorted(found)
        self._fs.invalidate_cache()
        try:
            below = self._fs.ls(self._at("x").removesuffix("/x"), detail=True)
        except FileNotFoundError:
            return []
        names = (one["name"] for one in below if one["type"] == "directory")
        return sorted(name.rstrip("/").rpartition("/")[2] for name in names)

    def files(self, pattern: str) -> Sequence[File]:
        """Return the files that a glob pattern matches, by path, with size and age."""
        self._plain(pattern)
        if self._folder is not None:
            return [file for path in self.list(pattern) if (file := self._local(path))]
        self._fs.invalidate_cache()
        start = self._at("x").removesuffix("x")
        found = self._fs.glob(start + pattern, detail=True)
        return [
            File(str(path).removeprefix(start), int(about["size"]), self._written(path, about))
            for path, about in sorted(found.items())
            if about["type"] == "file"
        ]

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file."""
        if self._folder is not None:
            return self._file(path).is_file()
        self._fs.invalidate_cache()
        return bool(self._fs.isfile(self._at(path)))

    def delete(self, path: str) -> None:
        """Delete a file; that it is gone already is fine."""
        with contextlib.suppress(FileNotFoundError):
            if self._folder is not None:
                self._file(path).unlink()
            else:
                self._fs.rm_file(self._at(path))

    def litter(self) -> Sequence[str]:
        """Return the drafts that crashed writers left; elsewhere than in a folder there are none.

        (An upload that S3 never completed is no object; a lifecycle rule of the bucket ends it.)
        """
        if self._folder is None:
            return []
        return [str(file) for file in drafts.abandoned(self._folder / DRAFTS)]

    def _local(self, path: str) -> File | None:
        """Return what is known of a local file; None: it is gone by now."""
        try:
            known = self._file(path).stat()
        except FileNotFoundError:
            return None
        return File(path, known.st_size, datetime.fromtimestamp(known.st_mtime, UTC))

    def _written(self, path: str, about: Mapping[str, Any]) -> datetime:
        found = next((about[name] for name in WRITTEN if about.get(name)), None)
        at = found if isinstance(found, datetime) else self._fs.modified(path)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)

    def _path(self, path: str) -> str:
        return self._below + self._plain(path)

    def _plain(self, path: str) -> str:
        """Refuse what could lead elsewhere."""
        if "\0" in path or "\\" in path or {"", ".", ".."} & set(path.split("/")):
            raise OutsideStore(f"{path!r} is no path below a store; allowed: names joined by /")
        return path

    def _at(self, path: str) -> str:
        return f"{self._base}/{self._path(path)}"

    def _file(self, path: str) -> Path:
        assert self._folder is not None  # noqa: S101
        root = self._folder.resolve()
        file = (root / self._path(path)).resolve()
        if not file.is_relative_to(root / self._below):
            raise OutsideStore(f"{path} leads out of {root}")
        return file

    def _check(self, path: str, found: str, sha256: str) -> None:
        if found != sha256:
            raise Damaged(f"{self.uri(path)}: its sha256 is {found}, not {sha256}")


class Draft(io.RawIOBase):
    """A file that is being written; it knows the size and the digest of what it holds."""

    def __init__(self, store: Store, stream: IO[bytes], file: Path) -> None:
        self._store, self._stream, self._file = store, stream, file
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The digest of the bytes so far."""
        return self._digest.hexdigest()

    def writable(self) -> bool:
        """Tell that it takes bytes."""
        return True

    def tell(self) -> int:
        """Return how many it has taken."""
        return self.size

    def write(self, data: Any) -> int:
        """Take bytes."""
        self._stream.write(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    def publish(self, path: str) -> None:
        """Let the file appear under its name, in place of any other."""
        self._stream.flush()
        if self._store._folder is None:
            self._store._fs.put_file(str(self._file), self._store._at(path))
            return
        os.fsync(self._stream.fileno())
        final = self._store._file(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        self._file.replace(final)
        drafts.sync(final.parent)
