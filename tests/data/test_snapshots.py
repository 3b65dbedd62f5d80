"""Snapshots are written once, whole, and the same rows give the same bytes."""

import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evergreen.data.snapshots import SnapshotStore, StoredSnapshot
from evergreen.data.streams import ROW_GROUP, row_groups
from evergreen.errors import SnapshotCorrupt


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotStore:
    """An empty store, on the local disk and on another fsspec file system."""
    if request.param == "local":
        return SnapshotStore(str(tmp_path / "snapshots"))
    return SnapshotStore(f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def local(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(str(tmp_path / "snapshots"))


def rows(count: int = 1000) -> pa.Table:
    generator = np.random.default_rng(0)
    return pa.table(
        {
            "id": np.arange(count),
            "value": pa.array(generator.normal(size=count), mask=np.arange(count) % 7 == 0),
            "word": pa.array([f"word {number % 91}" for number in range(count)], pa.string()),
            "wet": pa.array(np.arange(count) % 3 == 0, mask=np.arange(count) % 11 == 0),
        }
    )


def write(store: SnapshotStore, table: pa.Table, size: int = 500, **about: Any) -> StoredSnapshot:
    return store.write("weather", table.to_batches(max_chunksize=size), table.schema, about)


def files(stored: StoredSnapshot) -> list[Path]:
    folder = Path(stored.uri).parent
    return [*sorted(folder.glob("chunks/*")), *Path(stored.uri).iterdir()]


def chunk_of(store: SnapshotStore, stored: StoredSnapshot) -> Path:
    [group] = store.groups(stored.uri, stored.sha256)
    return Path(stored.uri).parent / "chunks" / group.chunks[0].file


def test_gives_back_what_was_written(store: SnapshotStore) -> None:
    stored = write(store, rows())

    found = store.table(stored.uri, stored.sha256)

    assert found.equals(rows())
    assert store.table(stored.uri, stored.sha256, ["word"]).column_names == ["word"]
    assert list(store.frame(stored.uri, stored.sha256)["id"]) == list(range(1000))


def test_the_manifest_tells_rows_bytes_columns_and_what_was_given(store: SnapshotStore) -> None:
    stored = write(store, rows(), as_of="2026-08-24")

    manifest = store.manifest(stored.uri)

    [group] = manifest.pop("groups")
    assert manifest.pop("bytes") == group["chunks"][0]["bytes"] > 1000
    assert store.schema(stored.uri) == rows().schema
    assert len(manifest.pop("schema")) > 100
    assert manifest == {
        "format": 2,
        "use_case": "weather",
        "rows": 1000,
        "sha256": stored.sha256,
        "columns": {"id": "int64", "value": "double", "word": "string", "wet": "bool"},
        "about": {"as_of": "2026-08-24"},
    }


@pytest.mark.parametrize("size", [1000, 70_001, ROW_GROUP, 300_000])
def test_the_bytes_do_not_depend_on_the_sizes_of_the_batches(
    local: SnapshotStore, size: int
) -> None:
    table = rows(300_000)

    stored = write(local, table, size)

    assert stored == write(local, table, 999)
    groups = pq.read_metadata(chunk_of(local, stored))
    sizes = [groups.row_group(group).num_rows for group in range(groups.num_row_groups)]
    assert sizes == [ROW_GROUP, ROW_GROUP, 300_000 - 2 * ROW_GROUP]


def test_the_bytes_do_not_depend_on_what_the_driver_says_of_the_columns(
    local: SnapshotStore,
) -> None:
    table = rows()
    talkative = table.replace_schema_metadata({"driver": "1.2.3"})

    assert write(local, talkative).sha256 == write(local, table).sha256


def test_writing_the_same_rows_again_changes_nothing(local: SnapshotStore) -> None:
    first = write(local, rows(), as_of="monday")
    before = {path: path.read_bytes() for path in files(first)}

    second = write(local, rows(), as_of="tuesday")

    assert second == first
    assert {path: path.read_bytes() for path in files(first)} == before
    assert local.manifest(first.uri)["about"] == {"as_of": "monday"}


def test_writing_the_same_rows_again_leaves_one_snapshot(store: SnapshotStore) -> None:
    stored = write(store, rows(), as_of="monday")

    assert write(store, rows(), as_of="tuesday") == stored

    assert store.uris() == [stored.uri]
    assert store.manifest(stored.uri)["about"] == {"as_of": "monday"}


def test_what_is_written_again_is_as_young_as_a_new_one(local: SnapshotStore) -> None:
    stored = write(local, rows(), about="first")
    for file in files(stored):
        os.utime(file, (0, 0))

    write(local, rows(), about="second")

    assert all(file.stat().st_mtime > 0 for file in files(stored))
    assert local.manifest(stored.uri)["about"] == {"about": "first"}


def test_writers_of_the_same_rows_at_once_are_harmless(local: SnapshotStore) -> None:
    table = rows(20_000)

    with ThreadPoolExecutor(8) as pool:
        stored = set(pool.map(lambda _: write(local, table), range(16)))

    [one] = stored
    assert local.uris() == [one.uri]
    assert len(files(one)) == 2
    local.verify(one.uri)


def test_zero_rows_keep_their_columns(store: SnapshotStore) -> None:
    stored = write(store, rows(0))

    assert stored.rows == 0
    assert store.table(stored.uri, stored.sha256).schema == rows(0).schema


def test_dates_become_datetimes_in_pandas(store: SnapshotStore) -> None:
    stored = write(store, pa.table({"date": pa.array([20_000], pa.date32())}))

    frame = store.frame(stored.uri, stored.sha256)

    assert str(frame["date"].dtype).startswith("datetime64")


def test_lists_the_snapshots_of_one_use_case_or_of_all(store: SnapshotStore) -> None:
    weather = write(store, rows(1)).uri
    iris = store.write("iris", rows(2).to_batches(), rows(2).schema, {}).uri

    assert store.uris() == sorted([weather, iris])
    assert store.uris("iris") == [iris]


def test_a_flipped_bit_is_found(local: SnapshotStore) -> None:
    stored = write(local, rows())
    data = chunk_of(local, stored)
    content = bytearray(data.read_bytes())
    content[100] ^= 1
    data.write_bytes(content)

    with pytest.raises(SnapshotCorrupt, match="sha256 is"):
        local.frame(stored.uri, stored.sha256)
    with pytest.raises(SnapshotCorrupt, match="sha256 is"):
        local.verify(stored.uri)


def test_a_manifest_that_was_changed_is_found(local: SnapshotStore) -> None:
    stored = write(local, rows())
    manifest = Path(stored.uri, "manifest.json")
    manifest.write_text(manifest.read_text().replace('"rows": 1000', '"rows": 999'))

    for read in (local.verify, lambda uri: local.frame(uri, stored.sha256)):
        with pytest.raises(SnapshotCorrupt, match="sha256 is"):
            read(stored.uri)


def test_what_is_damaged_is_healed_by_writing_it_again(local: SnapshotStore) -> None:
    stored = write(local, rows())
    chunk_of(local, stored).write_bytes(b"damaged")
    Path(stored.uri, "manifest.json").write_text("{")

    assert write(local, rows()) == stored

    local.verify(stored.uri)


def test_a_snapshot_is_read_where_its_store_has_moved(tmp_path: Path) -> None:
    stored = write(SnapshotStore(str(tmp_path / "here")), rows())
    (tmp_path / "here").rename(tmp_path / "there")

    moved = SnapshotStore(str(tmp_path / "there"))

    assert moved.table(stored.uri, stored.sha256).equals(rows())


@pytest.mark.parametrize("file", [0, 1])
def test_a_missing_file_is_found(local: SnapshotStore, file: int) -> None:
    stored = write(local, rows())
    files(stored)[file].unlink()

    with pytest.raises(SnapshotCorrupt, match="extract again"):
        local.verify(stored.uri)


def test_a_source_that_fails_half_way_leaves_nothing(store: SnapshotStore) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from rows(ROW_GROUP).to_batches()
        raise ConnectionError("the server is gone")

    with pytest.raises(ConnectionError):
        store.write("weather", batches(), rows(1).schema, {})

    assert store.uris() == []


def test_reads_no_more_of_the_source_than_a_row_group_needs() -> None:
    asked = []

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(10):
            asked.append(number)
            yield rows(ROW_GROUP // 2).to_batches()[0]

    groups = row_groups(batches(), rows(0).schema)

    assert len(next(groups)) == ROW_GROUP
    assert asked == [0, 1]
