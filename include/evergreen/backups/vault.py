"""A place for backups: every file once, by its digest, and a manifest for each backup.

<url>/files/<two digits>/<sha256>     bytes, shared by all the backups
<url>/backups/<name>.json             which file lies where; written last, so whole or not there
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

from evergreen.errors import BackupDamaged, NoSuchBackup
from evergreen.refs import Ref
from evergreen.storage import Store

FORMAT = 1
CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Kept(Ref):
    """A file of a backup."""

    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True)
class Backup(Ref):
    """What one backup holds."""

    format: int = FORMAT
    name: str
    """Its moment, as `2026-11-26T091500Z`."""
    made_at: datetime
    revision: str
    """Of the records' schema."""
    records: Kept
    """A dump of the schema `evergreen`."""
    mlflow: Kept | None
    """A dump of MLflow's tables; None: `missing` says why."""
    files: dict[str, dict[str, Kept]]
    """Of `store` and of `artifacts`, by path."""
    counts: dict[str, int]
    """Rows of each table of the records."""
    missing: tuple[str, ...] = ()
    """What it should hold and does not, in sentences."""
    added: int = 0
    """Bytes that were not in the vault before."""

    @property
    def size(self) -> int:
        """Bytes of all that it holds."""
        return sum(kept.size for kept in self.all_kept())

    def all_kept(self) -> Iterator[Kept]:
        """Yield every file, the dumps first."""
        yield self.records
        if self.mlflow:
            yield self.mlflow
        for part in self.files.values():
            yield from part.values()


class Vault:
    """The place, below any URL that fsspec knows.

    Args:
        url: a folder, or as `s3://bucket/prefix`.
        options: what fsspec's file system takes.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.url = url
        self._store = Store(url, options)

    def names(self) -> list[str]:
        """Return the names of the backups, the newest last."""
        return [
            path[len("backups/") : -len(".json")] for path in self._store.list("backups/*.json")
        ]

    def find(self, name: str = "") -> Backup:
        """Return a backup; without a name the newest.

        Raises:
            NoSuchBackup: there is none, or it was made by a later Evergreen.
        """
        names = self.names()
        if not names or (name and name not in names):
            known = f"; there are {', '.join(names[-5:])}" if names else ""
            raise NoSuchBackup(f"{self.url} holds no backup {name}".rstrip() + known)
        document = json.loads(self._store.read(f"backups/{name or names[-1]}.json"))
        if document["format"] > FORMAT:
            raise NoSuchBackup(f"{name or names[-1]} was made by a later version of Evergreen")
        return Backup.from_json(document)

    def close(self, made: Backup) -> None:
        """Write the manifest of a backup whose files are all there."""
        self._store.publish(f"backups/{made.name}.json", json.dumps(made.to_json()))

    def put(self, open: Callable[[], IO[bytes]]) -> tuple[Kept, bool]:
        """Keep the bytes of a file; tell too whether they were not there before."""
        kept = digest(open)
        if self.holds(kept):
            return kept, False
        with open() as stream, self._store.draft() as draft:
            shutil.copyfileobj(stream, draft, CHUNK)
            kept = Kept(sha256=draft.sha256, size=draft.size)  # it may have changed meanwhile
            draft.publish(_path(kept))
        return kept, True

    def holds(self, kept: Kept) -> bool:
        """Tell whether there is such a file."""
        return self._store.exists(_path(kept))

    def open(self, kept: Kept) -> IO[bytes]:
        """Open a file for reading; it must be closed."""
        return self._store.open(_path(kept))

    def fetch(self, kept: Kept, file: Path) -> Path:
        """Copy the bytes to a local file."""
        with self.open(kept) as stream, file.open("wb") as out:
            shutil.copyfileobj(stream, out, CHUNK)
        return file

    def verify(self, backup: Backup) -> None:
        """Read every file of a backup.

        Raises:
            BackupDamaged: one is gone, or not what was kept.
        """
        for kept in {kept.sha256: kept for kept in backup.all_kept()}.values():
            place = f"{self.url}/{_path(kept)} of the backup {backup.name}"
            try:
                found = digest(partial(self.open, kept))
            except FileNotFoundError:
                raise BackupDamaged(f"{place} is gone") from None
            if found != kept:
                raise BackupDamaged(f"{place} is damaged: its sha256 is {found.sha256}")


def digest(open: Callable[[], IO[bytes]]) -> Kept:
    """Return digest and size of a file."""
    found, size = hashlib.sha256(), 0
    with open() as stream:
        while chunk := stream.read(CHUNK):
            found.update(chunk)
            size += len(chunk)
    return Kept(sha256=found.hexdigest(), size=size)


def _path(kept: Kept) -> str:
    return f"files/{kept.sha256[:2]}/{kept.sha256}"
