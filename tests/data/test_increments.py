"""One more day costs one more day: what the store holds is neither asked for nor written again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evergreen.data import chunks, snapshots, warehouse
from evergreen.data.extraction import extract, has_changed
from evergreen.data.manifests import Between
from evergreen.errors import SnapshotCorrupt
from evergreen.refs import SnapshotRef
from evergreen.settings import Settings
from evergreen.spec import Source, UseCase, Windows
from evergreen.storage import Store
from use_cases.weather import USE_CASE as WEATHER

FIRST, LAST = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 8, 20, tzinfo=UTC)
Sql = Callable[..., None]


class Watched:
    """Counts the rows that PostgreSQL sends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = 0
        original = warehouse.Reading.stream

        def stream(reading: warehouse.Reading, sql: str) -> Any:
            schema, batches = original(reading, sql)
            return schema, map(self._count, batches)

        monkeypatch.setattr(warehouse.Reading, "stream", stream)

    def _count(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self.rows += batch.num_rows
        return batch

    def since(self) -> int:
        rows, self.rows = self.rows, 0
        return rows


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are cut as large ones are."""
    monkeypatch.setattr(chunks, "SMALL", 20)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


@pytest.fixture
def sales(sql: Sql) -> None:
    """Four rows a day."""
    sql("CREATE TABLE sales (id int, at timestamptz, price float8, note text)")
    deliver(sql, FIRST, LAST)


def deliver(sql: Sql, first: datetime, last: datetime, order: str = "n") -> None:
    start = int((first - FIRST).total_seconds() / 21600)
    count = int((last - first).total_seconds() / 21600) + 4
    sql(
        f"INSERT INTO sales SELECT n, timestamptz '{FIRST.isoformat()}' + n * interval '6 hours',"
        f" n * 0.1, 'note ' || n FROM generate_series({start}, {start + count - 1}) AS n"
        f" ORDER BY {order}"
    )


def use_case(target: str = "price", **source: Any) -> UseCase:
    given = {"table": "sales", "target": target, "timestamp": "at", "key": ("id",)} | source
    windows = Windows(holdout=timedelta(days=20) if given["timestamp"] else 0.2)
    return replace(WEATHER, name="sales", source=Source(**given), windows=windows)


def take(settings: Settings, as_of: datetime, case: UseCase | None = None) -> SnapshotRef:
    asked_at = LAST + timedelta(days=100)
    return extract(case or use_case(), as_of=as_of, asked_at=asked_at, settings=settings)


def files(settings: Settings) -> dict[str, bytes]:
    store = Store(str(settings.home)) / "snapshots"
    return {path: store.read(path) for path in store.list("sales/chunks/*")}


def end_of(day: datetime) -> datetime:
    return day.replace(hour=23)


@pytest.mark.usefixtures("sales")
def test_one_more_day_costs_one_more_day(settings: Settings, sent: Watched) -> None:
    first = take(settings, end_of(LAST - timedelta(days=1)))
    assert sent.since() == first.rows
    before = files(settings)

    second = take(settings, end_of(LAST))

    assert (sent.since(), second.rows) == (4, first.rows + 4)
    assert len(files(settings)) == len(before) + 1
    assert before.items() <= files(settings).items()


def changed(settings: Settings, taken: SnapshotRef, asked_at: datetime) -> bool:
    manifest = snapshots.of(settings).manifest(taken.uri)
    return has_changed(use_case(), manifest, asked_at=asked_at, settings=settings)


@pytest.mark.usefixtures("sales")
def test_a_snapshot_has_changed_when_a_row_of_it_is_corrected_or_late_and_not_before(
    settings: Settings, sql: Sql, sent: Watched
) -> None:
    asked_at = LAST + timedelta(days=100)
    sql("UPDATE sales SET price = NULL WHERE id = 7")
    taken = take(settings, end_of(LAST))
    sent.since()

    as_it_was = changed(settings, taken, asked_at)
    deliver(sql, LAST + timedelta(days=1), LAST + timedelta(days=2))
    with_newer_rows = changed(settings, taken, asked_at)
    sql("UPDATE sales SET price = 0.7 WHERE id = 7")
    with_a_late_label = changed(settings, taken, asked_at)

    assert (as_it_was, with_newer_rows, with_a_late_label) == (False, False, True)
    assert sent.since() == 0


@pytest.mark.usefixtures("sales")
def test_the_same_rows_give_the_same_snapshot_whatever_the_order_of_deliveries(
    settings: Settings, sql: Sql, tmp_path: Path
) -> None:
    for days in (30, 2, 1, 0):
        daily = take(settings, end_of(LAST - timedelta(days=days)))
    elsewhere = replace(settings, home=tmp_path / "elsewhere")
    sql("DELETE FROM sales")
    deliver(sql, FIRST + timedelta(days=40), LAST, "random()")
    deliver(sql, FIRST, FIRST + timedelta(days=39), "random()")

    at_once = take(elsewhere, end_of(LAST))

    assert (at_once.sha256, at_once.rows) == (daily.sha256, daily.rows)
    assert files(elsewhere).items() <= files(settings).items()


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    "correction, cost",
    [
        ("UPDATE sales SET price = '-0' WHERE id = 0", 31 * 4),
        ("UPDATE sales SET note = NULL WHERE at::date = '2026-08-19' AND id % 4 = 0", 4),
        ("UPDATE sales SET note = '' WHERE at::date = '2026-08-19' AND id % 4 = 0", 4),
        ("INSERT INTO sales VALUES (-1, '2026-08-19 05:00+00', 1, 'late')", 5),
        ("DELETE FROM sales WHERE at::date = '2026-08-19'", 0),
    ],
)
def test_a_late_correction_costs_its_chunk(
    settings: Settings, sql: Sql, sent: Watched, correction: str, cost: int
) -> None:
    first = take(settings, end_of(LAST))
    sent.since()
    sql(correction)

    second = take(settings, end_of(LAST))

    assert sent.since() == cost
    assert second.sha256 != first.sha256


@pytest.mark.usefixtures("sales")
def test_a_label_that_looks_ahead_changes_the_day_before(settings: Settings, sent: Watched) -> None:
    looks_ahead = use_case(
        "next", target_sql="lead(price) OVER (ORDER BY at)", label_delay=timedelta(hours=6)
    )
    take(settings, LAST, looks_ahead)
    sent.since()

    second = take(settings, end_of(LAST), looks_ahead)

    table = snapshots.of(settings).table(second.uri, second.sha256, ["price", "next"])
    assert table["next"].to_pylist()[:-1] == table["price"].to_pylist()[1:]
    assert sent.since() == 3


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize("damage", ["truncated", "missing", "flipped"])
def test_a_damaged_chunk_is_healed(settings: Settings, sent: Watched, damage: str) -> None:
    first = take(settings, end_of(LAST))
    store, good = snapshots.of(settings), files(settings)
    path = max(good)
    file = settings.home / "snapshots" / path
    match damage:
        case "truncated":
            file.write_bytes(good[path][:-1])
        case "missing":
            file.unlink()
        case "flipped":
            file.write_bytes(bytes([*good[path][:60], good[path][60] ^ 1, *good[path][61:]]))
    with pytest.raises(SnapshotCorrupt, match="extract again"):
        store.frame(first.uri, first.sha256)
    sent.since()

    second = take(settings, end_of(LAST))

    assert (second.uri, second.sha256) == (first.uri, first.sha256)
    assert sent.since() < first.rows
    assert files(settings) == good
    store.verify(first.uri)


@pytest.mark.usefixtures("sales")
def test_a_stretch_of_time_reads_no_other_chunks(settings: Settings) -> None:
    taken = take(settings, end_of(LAST))
    for path in files(settings):
        july = snapshots.of(settings).groups(taken.uri, taken.sha256)[0].chunks
        keep = {chunk.file for chunk in july if chunk.name.startswith("2026-07")}
        if Path(path).name not in keep:
            (settings.home / "snapshots" / path).unlink()
    between = Between("at", datetime(2026, 7, 3, 6, tzinfo=UTC), datetime(2026, 7, 9, tzinfo=UTC))

    store = snapshots.of(settings)
    table = store.table(taken.uri, taken.sha256, ["price"], between=between)

    assert len(table) == store.count(taken.uri, taken.sha256, between) == 6 * 4 - 1 + 1
    assert table.column_names == ["price"]


@pytest.mark.usefixtures("sales")
def test_a_day_is_a_day_in_utc_whatever_the_settings_of_the_database(
    settings: Settings, sql: Sql, sent: Watched
) -> None:
    first = take(settings, end_of(LAST))
    sent.since()
    name = settings.database_url.rsplit("/", 1)[1]
    for setting in ("TimeZone = 'Asia/Tokyo'", "DateStyle = 'German'", "extra_float_digits = -10"):
        sql(f'ALTER DATABASE "{name}" SET {setting}')

    assert take(settings, end_of(LAST)).sha256 == first.sha256
    assert sent.since() == 0


@pytest.mark.usefixtures("sales")
def test_without_a_time_a_change_costs_the_rows_of_its_hash(
    settings: Settings, sql: Sql, sent: Watched
) -> None:
    timeless = use_case(timestamp=None)
    first = take(settings, LAST, timeless)
    sent.since()
    sql("UPDATE sales SET price = 7 WHERE id = 3")

    second = take(settings, LAST, timeless)

    chunk_count = len(snapshots.of(settings).groups(second.uri, second.sha256)[0].chunks)
    assert chunk_count > 10
    assert 0 < sent.since() < first.rows / 5
    assert second.sha256 != first.sha256


@pytest.mark.usefixtures("sales")
def test_another_type_is_another_chunk(settings: Settings, sql: Sql, sent: Watched) -> None:
    take(settings, end_of(LAST))
    sent.since()
    sql("ALTER TABLE sales ALTER COLUMN id TYPE bigint")

    second = take(settings, end_of(LAST))

    assert sent.since() == second.rows
    assert snapshots.of(settings).schema(second.uri).field("id").type == pa.int64()
