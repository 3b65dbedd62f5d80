"""CSV and Parquet files on any file system that fsspec knows, in the order of their arrival."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import fsspec

from evergreen.errors import DataRefused
from evergreen.ingest import csv_file, parquet_file
from evergreen.ingest.delivery import Delivery
from evergreen.ingest.spool import draft, fetched, sha256_of
from evergreen.refs import Landing
from evergreen.spec import Dialect, Files


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file that is there."""

    path: str
    sha256: str
    delivered_at: datetime | None
    """When these bytes came; None: the file system does not say."""
    refusal: DataRefused | None = None
    """Why it cannot be read."""


def arrived(source: Files, landed: Mapping[str, Landing]) -> list[Arrival]:
    """Return the files that match the pattern, those that came first before the others.

    Of a file whose bytes were landed, the time of that delivery counts, not of a later copy.

    Raises:
        DataRefused: there are none.
    """
    system, pattern = fsspec.core.url_to_fs(source.url)
    found = [_arrival(system, path, landed) for path in sorted(system.glob(pattern))]
    if not found:
        raise DataRefused([f"no file matches {source.url}"])
    return sorted(found, key=lambda file: file.delivered_at or datetime.min.replace(tzinfo=UTC))


@contextlib.contextmanager
def opened(path: str, dialect: Dialect) -> Iterator[tuple[Delivery, str]]:
    """Open a file for the block; yield what it delivers, and the sha256 of its bytes.

    Raises:
        DataRefused: it is gone, or is not what its name says.
    """
    with fetched(path) as (file, sha256):
        if path.endswith(".parquet"):
            yield parquet_file.deliver(path, file, dialect), sha256
            return
        with draft() as text:
            yield csv_file.deliver(path, file, text, dialect), sha256


def _arrival(system: Any, path: str, landed: Mapping[str, Landing]) -> Arrival:
    url = system.unstrip_protocol(path)
    try:
        before, sha256 = landed.get(url), sha256_of(url)
    except DataRefused as refusal:
        return Arrival(path=url, sha256="", delivered_at=None, refusal=refusal)
    same = before is not None and before.sha256 == sha256
    delivered_at = before.delivered_at if before and same else _modified(system, path)
    return Arrival(path=url, sha256=sha256, delivered_at=delivered_at)


def _modified(system: Any, path: str) -> datetime | None:
    try:
        moment: datetime = system.modified(path)
    except (NotImplementedError, KeyError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
