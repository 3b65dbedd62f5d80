"""A disk that is full, or nearly so."""

import errno
import os
import shutil
import tempfile
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2.errors
import pytest
from typer.testing import CliRunner

from evergreen import cli, room, steps
from evergreen.cli import base
from evergreen.errors import NoRoom
from evergreen.records import Records
from evergreen.settings import Settings
from learning import WEATHER

Usage = namedtuple("Usage", ["total", "used", "free"])


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**12, 10**12 - size, size))


def test_a_step_does_not_begin_on_a_disk_that_is_nearly_full(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, room.LEAST)
    room.check(settings)

    free(monkeypatch, 12_000_000)
    with pytest.raises(NoRoom, match="12 MB are free, and a step needs 200 MB"):
        room.check(settings)


def test_nor_where_there_is_no_room_for_its_drafts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts = tempfile.gettempdir()
    sizes = {settings.home: room.LEAST, Path(drafts): room.LEAST - 1}
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(1, 1, sizes[folder]))

    with pytest.raises(NoRoom, match=f"the disk of {drafts} is nearly full"):
        room.check(settings)


def test_extract_asks_for_room_before_it_writes(
    settings: Settings, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 12_000_000)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    asked = steps.Run(as_of=now, asked_at=now, key="test", actor="ada")

    with pytest.raises(NoRoom):
        steps.extract(WEATHER, asked, records=records, settings=settings)

    assert list(settings.home.iterdir()) == []


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/part.parquet")


def test_a_full_disk_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "get_settings", full)

    done = CliRunner().invoke(cli.app, ["run", "iris"])

    assert done.exit_code == 1
    assert "the disk is full: there is no room for /data/part.parquet" in " ".join(
        done.output.split()
    )


def test_it_is_found_behind_what_others_made_of_it() -> None:
    with pytest.raises(RuntimeError) as wrapped:
        try:
            full()
        except OSError as error:
            raise RuntimeError("cannot log the model") from error

    assert isinstance(room.ran_out(wrapped.value), NoRoom)
    assert "of PostgreSQL is full" in str(room.ran_out(psycopg2.errors.DiskFull("no space left")))
    assert room.ran_out(RuntimeError("something else")) is None
