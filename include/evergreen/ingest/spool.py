"""Bytes of anywhere as a local file, so that it is read as often as need be, piece by piece.

Usage::

    with fetched("s3://shop/orders/1.csv.gz") as (file, sha256):
        ...                                        # a Path, gone after the block
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import fsspec

from evergreen import room
from evergreen.errors import DataRefused
from evergreen.records.errors import DatabaseError

PIECE = 1 << 20
UNPACKED, TIMES = 1_000_000_000, 200
"""A file that unpacks to more bytes than the first, and to that many times its size, is a bomb:
real tables shrink to a third or a thirtieth."""


@contextlib.contextmanager
def fetched(path: str) -> Iterator[tuple[Path, str]]:
    """Copy a file here, for the block; yield it with the sha256 of its bytes.

    Raises:
        DataRefused: it is gone, or cannot be read.
        NoRoom: there is no room for it.
    """
    with draft() as file:
        yield Path(file.name), _copy(path, file)


def sha256_of(path: str) -> str:
    """Return the sha256 of the bytes of a file; raises as `fetched`."""
    return _copy(path, None)


@contextlib.contextmanager
def draft() -> Iterator[IO[bytes]]:
    """Open a new file that has a name, for the block.

    Raises:
        NoRoom: a disk is full, this one or PostgreSQL's.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix="evergreen-landing-") as file:
            yield file
    except (OSError, DatabaseError) as error:
        if full := room.ran_out(error):
            raise full from error
        raise


def refuse_bomb(item: str, packed: int, unpacked: int) -> None:
    """Refuse a small file that becomes a huge one.

    Raises:
        DataRefused: with both sizes.
    """
    if unpacked > max(UNPACKED, TIMES * packed):
        raise DataRefused([
            f"{item}, {packed / 1e6:,.1f} MB, unpacks to more than {unpacked / 1e6:,.0f} MB,"
            f" over {TIMES} times its size; if that is right, unpack it, or land it in parts"
        ])  # fmt: skip


def pieces(stream: Any) -> Iterator[bytes]:
    """Read a stream to its end."""
    while piece := stream.read(PIECE):
        yield piece


def _copy(path: str, to: IO[bytes] | None) -> str:
    digest = hashlib.sha256()
    try:
        with fsspec.open(path, "rb") as stream:
            for piece in pieces(stream):
                digest.update(piece)
                if to:
                    to.write(piece)
        if to:
            to.flush()
    except OSError as error:
        raise room.ran_out(error) or DataRefused([f"{path} cannot be read: {error}"]) from error
    return digest.hexdigest()
