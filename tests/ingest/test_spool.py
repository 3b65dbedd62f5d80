"""Files come here piece by piece, and a disk that is full is told."""

import hashlib
import io
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from evergreen.errors import DataRefused, NoRoom
from evergreen.ingest import spool
from ingest.conftest import Desk


def full(**_: Any) -> io.BufferedWriter:
    return Path("/dev/full").open("wb", buffering=io.DEFAULT_BUFFER_SIZE)


def test_a_file_is_here_for_the_block_only(tmp_path: Path) -> None:
    there = tmp_path / "a.csv"
    there.write_bytes(b"id\n1\n")

    with spool.fetched(str(there)) as (file, sha256):
        assert file.read_bytes() == b"id\n1\n"

    assert sha256 == spool.sha256_of(str(there)) == hashlib.sha256(b"id\n1\n").hexdigest()
    assert not file.exists()


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="cannot be read"):
        spool.sha256_of(str(tmp_path / "a.csv"))


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_disk_that_is_full_is_told(
    size: int, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool.tempfile, "NamedTemporaryFile", full)

    with pytest.raises(NoRoom, match="the disk is full"):
        desk.land("id,x\n1," + "a" * size + "\n")


def test_a_disk_of_postgresql_that_is_full_is_told() -> None:
    with pytest.raises(NoRoom, match="PostgreSQL is full"), spool.draft():
        raise psycopg2.errors.DiskFull("could not extend file")
