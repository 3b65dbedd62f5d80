"""Takes the rows that are known at `as_of`, the same bytes each time, and counts the odd ones."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from database import query
from evergreen import storage
from evergreen.data import snapshots
from evergreen.data.calendar import CHOOSING
from evergreen.data.extraction import extract
from evergreen.data.warehouse import stream
from evergreen.errors import DataRefused
from evergreen.refs import SnapshotRef
from evergreen.settings import Settings
from evergreen.spec import Source, UseCase, Windows
from evergreen_workshop import demo
from use_cases.iris import USE_CASE as IRIS
from use_cases.weather import USE_CASE as WEATHER

AS_OF = datetime(2026, 8, 24, 5, tzinfo=UTC)
YESTERDAY = date(2026, 8, 23)
Sql = Callable[..., None]


@pytest.fixture
def warehouse(settings: Settings) -> Settings:
    """A warehouse with four years of weather until yesterday."""
    demo.load("weather", settings.database_url, YESTERDAY)
    return settings


@pytest.fixture
def events(sql: Sql) -> Sql:
    """An empty table without a primary key: id, at, value, label."""
    sql("CREATE TABLE events (id int, at timestamp, value float8, label bool)")
    return sql


def use_case(**source: Any) -> UseCase:
    given: dict[str, Any] = {
        "table": "events",
        "key": ("id",),
        "timestamp": "at",
        "target": "label",
        **source,
    }
    return replace(WEATHER, name="events", source=Source(**given))


EVENTS = use_case(label_delay=timedelta(hours=1))
EVENTS_OF_ANY_AGE = use_case().source


def take(
    settings: Settings,
    which: UseCase = EVENTS,
    as_of: datetime = AS_OF,
    asked_at: datetime | None = None,
) -> SnapshotRef:
    return extract(which, as_of=as_of, asked_at=asked_at or as_of, settings=settings)


def frame(settings: Settings, snapshot: SnapshotRef) -> pd.DataFrame:
    return snapshots.of(settings).frame(snapshot.uri, snapshot.sha256)


def test_takes_every_column_and_the_computed_target_in_time_order(warehouse: Settings) -> None:
    snapshot = take(warehouse, WEATHER)

    rows = frame(warehouse, snapshot)
    assert list(rows) == [
        "date",
        "precipitation",
        "temp_max",
        "temp_min",
        "wind",
        "condition",
        "rain_tomorrow",
    ]
    assert rows["date"].is_monotonic_increasing
    assert snapshot.rows == snapshot.counts.taken == len(rows) == 1460
    wet = rows["precipitation"] > 0
    assert list(rows["rain_tomorrow"][:-1]) == list(wet[1:])


def test_rows_whose_label_is_not_mature_are_left_out_and_counted(warehouse: Settings) -> None:
    snapshot = take(warehouse, WEATHER)

    rows = frame(warehouse, snapshot)
    assert snapshot.counts.immature == 1
    assert rows["date"].max() == pd.Timestamp("2026-08-22")
    assert rows["rain_tomorrow"].notna().all()


def test_the_same_as_of_gives_the_same_bytes(warehouse: Settings) -> None:
    assert take(warehouse, WEATHER) == take(warehouse, WEATHER)


def test_rows_that_come_later_do_not_change_the_bytes(warehouse: Settings) -> None:
    before = take(warehouse, WEATHER)
    demo.feed("weather", warehouse.database_url, 10)

    after = take(warehouse, WEATHER, asked_at=AS_OF + timedelta(days=10))

    assert after.sha256 == before.sha256
    assert after.counts.later == 9


def test_the_target_does_not_see_rows_after_as_of(settings: Settings, events: Sql) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 1, true)")
    counting = use_case(target="total", target_sql="count(*) OVER ()")
    before = take(settings, counting)
    events("INSERT INTO events VALUES (2, '2026-08-25', 1, true)")

    after = take(settings, counting, asked_at=AS_OF + timedelta(days=5))

    assert after.sha256 == before.sha256


def test_the_target_sees_rows_before_the_training_window(warehouse: Settings) -> None:
    source = replace(
        WEATHER.source, target_sql="lag(precipitation) OVER (ORDER BY date)", target="before"
    )
    windows = replace(WEATHER.windows, training=timedelta(days=365))
    short = replace(WEATHER, source=source, windows=windows)

    rows = frame(warehouse, take(warehouse, short))

    assert rows["before"].notna().all()


def test_the_order_in_which_rows_were_inserted_does_not_matter(
    settings: Settings, events: Sql
) -> None:
    rows = ["(1, '2026-08-01', 1, true)", "(1, '2026-08-01', 2, true)", "(2, NULL, 3, NULL)"]
    events("INSERT INTO events VALUES " + ", ".join(rows))
    before = take(settings)

    events("DELETE FROM events", "INSERT INTO events VALUES " + ", ".join(reversed(rows)))

    assert take(settings).sha256 == before.sha256


@pytest.mark.parametrize(
    "setting", ["timezone = 'Asia/Tokyo'", "datestyle = 'German'", "bytea_output = 'escape'"]
)
def test_the_settings_of_the_database_do_not_matter(
    settings: Settings, sql: Sql, setting: str
) -> None:
    sql(
        "CREATE TABLE events (id int, at timestamp, label bool, more date[], raw bytea)",
        "INSERT INTO events VALUES (1, '2026-08-23 23:30', true, '{2026-08-24}', '\\xff')",
        "INSERT INTO events VALUES (2, '2026-08-24 04:30', true, '{2026-08-24}', '\\xff')",
    )
    before = take(settings)
    database = settings.database_url.rsplit("/", 1)[1]

    sql(f"ALTER DATABASE {database} SET {setting}")

    assert take(settings).sha256 == before.sha256


def test_as_of_may_be_given_in_any_time_zone(warehouse: Settings) -> None:
    tokyo = AS_OF.astimezone(timezone(timedelta(hours=9)))

    assert take(warehouse, WEATHER, tokyo) == take(warehouse, WEATHER)


def test_as_of_without_a_time_zone_is_an_error(settings: Settings) -> None:
    with pytest.raises(ValueError, match=r"as_of is .* a datetime with a time zone"):
        take(settings, EVENTS, datetime(2026, 8, 24), AS_OF)


@pytest.mark.parametrize("type_", ["date", "timestamp", "timestamptz"])
def test_every_time_type_is_cut_alike(settings: Settings, sql: Sql, type_: str) -> None:
    sql(
        f"CREATE TABLE events (id int, at {type_}, label bool)",
        "INSERT INTO events SELECT n, DATE '2026-08-30' - n, true FROM generate_series(1, 20) n",
    )

    snapshot = take(settings, EVENTS, asked_at=AS_OF + timedelta(days=3))

    counts = {key: value for key, value in snapshot.counts.to_json().items() if value}
    assert counts == {"taken": 17, "later": 3, "future": 2}


def test_rows_from_an_impossible_future_are_kept_and_counted(
    settings: Settings, events: Sql
) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 1, true), (2, '2030-01-01', 1, true)")

    snapshot = take(settings)

    assert snapshot.counts.future == 1
    assert snapshot.rows == 2


def test_rows_without_event_time_are_kept(settings: Settings, events: Sql) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 1, true), (2, NULL, 1, true)")

    rows = frame(settings, take(settings))

    assert list(rows["at"].isna()) == [False, True]


def test_duplicated_keys_are_kept_and_counted(settings: Settings, events: Sql) -> None:
    events(
        "INSERT INTO events VALUES (1, '2026-08-01', 1, true), (1, '2026-08-02', 2, true),"
        " (2, '2026-08-03', 3, true), (2, '2026-08-03', 3, true), (3, '2026-08-03', 3, true)"
    )

    snapshot = take(settings)

    assert snapshot.counts.duplicates == 4
    assert snapshot.rows == 5


def test_rows_that_came_late_are_counted(settings: Settings, events: Sql) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 1, true), (2, '2026-08-23', 1, true)")
    first = take(settings)
    events("INSERT INTO events VALUES (3, '2026-08-10', 1, true), (4, '2026-08-24', 1, true)")

    second = take(settings, as_of=AS_OF + timedelta(days=1))

    assert first.counts.late == 0
    assert second.counts.late == 1
    assert second == take(settings, as_of=AS_OF + timedelta(days=1))


def test_rows_that_leave_the_window_do_not_hide_a_late_one_and_the_label_it_brought(
    warehouse: Settings, sql: Sql
) -> None:
    windows = replace(WEATHER.windows, training=timedelta(days=100))
    short = replace(WEATHER, windows=windows)
    sql("CREATE TABLE aside AS SELECT * FROM weather WHERE date = '2026-08-05'")
    sql("DELETE FROM weather WHERE date = '2026-08-05'")
    take(warehouse, short)
    demo.feed("weather", warehouse.database_url, 30)
    sql("INSERT INTO weather SELECT * FROM aside")

    assert take(warehouse, short, AS_OF + timedelta(days=30)).counts.late == 2


@pytest.mark.parametrize("damaged", ["manifest.json", "chunks/*.parquet"])
def test_a_damaged_snapshot_of_before_does_not_stop_the_next(
    settings: Settings, events: Sql, damaged: str
) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 1, true), (2, '2026-08-23', 1, true)")
    first = take(settings)
    for file in (settings.home / "snapshots" / "events").glob(f"**/{damaged}"):
        file.write_bytes(file.read_bytes()[:-9])

    second = take(settings, as_of=AS_OF + timedelta(days=1))

    assert (second.counts.late, second.sha256) == (0, first.sha256)
    assert len(frame(settings, second)) == 2


def test_a_snapshot_of_before_the_time_was_renamed_tells_nothing_of_late_rows(
    settings: Settings, events: Sql
) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 1, true)")
    take(settings)
    events("ALTER TABLE events RENAME at TO happened")

    renamed = take(settings, use_case(timestamp="happened"), AS_OF + timedelta(days=1))

    assert (renamed.rows, renamed.counts.late) == (1, 0)


def test_takes_the_training_window_with_what_the_features_look_back_on(
    warehouse: Settings,
) -> None:
    windows = Windows(
        holdout=timedelta(days=30), training=timedelta(days=100), embargo=timedelta(days=2)
    )

    rows = frame(warehouse, take(warehouse, replace(WEATHER, windows=windows)))

    blocks = (2 + CHOOSING) * 7  # in which parameters are chosen; the newest still grows
    assert len(rows) == 30 + blocks + 100 + 2 * 2 + WEATHER.features.lookback.days


def test_a_stale_source_is_refused_with_its_newest_row_and_the_limit(warehouse: Settings) -> None:
    with pytest.raises(DataRefused, match=r"2026-08-23 00:00 UTC.*allows 3 days.*Load newer rows"):
        take(warehouse, WEATHER, AS_OF + timedelta(days=5))


def test_a_backfill_does_not_take_newer_rows_for_fresh_ones(warehouse: Settings, sql: Sql) -> None:
    sql("DELETE FROM weather WHERE date BETWEEN '2026-07-01' AND '2026-07-30'")

    with pytest.raises(DataRefused, match="newest row is of 2026-06-30"):
        take(warehouse, WEATHER, datetime(2026, 7, 20, tzinfo=UTC), AS_OF)


def test_a_missing_table_is_refused_with_the_one_that_was_meant(warehouse: Settings) -> None:
    with pytest.raises(DataRefused, match=r"source.table: .*'wether' \(did you mean 'weather'\?\)"):
        take(warehouse, use_case(table="wether"))


def test_a_query_that_fails_is_refused(settings: Settings) -> None:
    with pytest.raises(DataRefused, match=r"events cannot be read: .*nowhere"):
        take(settings, use_case(table=None, query="SELECT * FROM nowhere"))


def test_a_query_that_fails_half_way_leaves_no_snapshot(settings: Settings, events: Sql) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 0, true)")
    query = "SELECT id, at, label, 1 / value AS inverse FROM events"

    with pytest.raises(DataRefused, match="events cannot be read: division by zero"):
        take(settings, use_case(table=None, query=query))

    assert snapshots.of(settings).uris() == storage.of(settings).litter() == []


def test_an_unreachable_database_is_not_the_fault_of_the_data(settings: Settings) -> None:
    elsewhere = replace(settings, database_url=settings.database_url + "_gone")

    with pytest.raises(Exception, match="does not exist") as caught:
        take(elsewhere)

    assert not isinstance(caught.value, DataRefused)


def test_infinite_event_times_are_refused(settings: Settings, events: Sql) -> None:
    events("INSERT INTO events VALUES (1, 'infinity', 1, true), (2, '-infinity', 1, true)")

    with pytest.raises(DataRefused, match="at: 2 rows have an infinite event time"):
        take(settings)


@pytest.mark.parametrize("type_", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize("time", ["at", None])
def test_dates_that_nothing_else_can_hold_are_refused(
    settings: Settings, sql: Sql, type_: str, time: str | None
) -> None:
    sql(
        f"CREATE TABLE events (id int, at timestamp, valid_to {type_}, label bool)",
        "INSERT INTO events SELECT 1, '2026-08-01', unnest('{infinity, -infinity, 0044-03-15 BC,"
        f" 10000-01-01, 0001-01-01, 9999-12-31, NULL}}'::{type_}[]), true",
    )

    with pytest.raises(DataRefused, match="valid_to: 4 rows have an infinite date, or one before"):
        take(settings, replace(IRIS, source=replace(EVENTS_OF_ANY_AGE, timestamp=time)))


def test_dates_of_rows_that_are_not_taken_do_not_matter(settings: Settings, events: Sql) -> None:
    events(
        "ALTER TABLE events ADD valid_to date",
        "INSERT INTO events VALUES (1, '2026-08-01', 1, true, '2026-08-02'),"
        " (2, '2026-08-25', 1, true, 'infinity')",
    )

    assert take(settings, asked_at=AS_OF + timedelta(days=9)).rows == 1


@pytest.mark.parametrize("time", ["at", None])
def test_a_key_that_loses_digits_is_refused_and_not_taken_for_a_duplicate(
    settings: Settings, events: Sql, time: str | None
) -> None:
    events(
        "ALTER TABLE events ALTER id TYPE numeric",
        "INSERT INTO events VALUES (12345678901234567890, '2026-08-01', 1, true),"
        " (12345678901234567891, '2026-08-01', 1, true)",
    )

    with pytest.raises(DataRefused, match="id: 2 rows have a key that loses digits as a number"):
        take(settings, replace(IRIS, source=replace(EVENTS_OF_ANY_AGE, timestamp=time)))


def test_a_numeric_key_that_keeps_its_digits_is_taken(settings: Settings, events: Sql) -> None:
    events(
        "ALTER TABLE events ALTER id TYPE numeric",
        "INSERT INTO events VALUES (9007199254740991, '2026-08-01', 1, true),"
        " (1724475600.123456, '2026-08-01', 1, true), (1.500, '2026-08-01', 1, true)",
    )

    assert list(frame(settings, take(settings))["id"]) == [1.5, 1724475600.123456, 9007199254740991]


def test_zero_rows_make_a_snapshot_with_columns(settings: Settings, events: Sql) -> None:
    snapshot = take(settings)

    assert snapshot.rows == 0
    assert list(frame(settings, snapshot)) == ["id", "at", "value", "label"]


@pytest.mark.parametrize(
    "change, told",
    [
        ("DROP COLUMN precipitation", 'column "precipitation" does not exist'),
        ("RENAME COLUMN precipitation TO rain", 'column "precipitation" does not exist'),
        ("ALTER COLUMN precipitation TYPE text", "operator does not exist: text > integer"),
    ],
)
def test_a_target_that_cannot_be_computed_is_null_and_told(
    warehouse: Settings, sql: Sql, change: str, told: str
) -> None:
    sql(f"ALTER TABLE weather {change}")

    snapshot = take(warehouse, WEATHER)

    assert frame(warehouse, snapshot)["rain_tomorrow"].isna().all()
    assert len(snapshot.notes) == 1
    assert snapshot.notes[0].startswith("the target 'rain_tomorrow' could not be computed")
    assert told in snapshot.notes[0]


def test_a_target_that_fails_on_a_value_is_null_and_told(settings: Settings, events: Sql) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 0, true)")

    snapshot = take(settings, use_case(target="inverse", target_sql="1 / value"))

    assert frame(settings, snapshot)["inverse"].isna().all()
    assert "division by zero" in snapshot.notes[0]


def test_a_computed_target_takes_the_place_of_a_column(settings: Settings, events: Sql) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 5, true)")

    rows = frame(settings, take(settings, use_case(target_sql="value > 9")))

    assert list(rows) == ["id", "at", "value", "label"]
    assert list(rows["label"]) == [False]


@pytest.mark.parametrize(
    "change, told",
    [
        ("DROP COLUMN at", "no column 'at'; the rows were not cut by time"),
        ("RENAME COLUMN at TO att", "no column 'at' (did you mean 'att'?)"),
        ("ALTER COLUMN at TYPE text", "'at' is text, not a date or timestamp"),
        ("DROP COLUMN id", "no column 'id'"),
    ],
)
def test_a_changed_time_or_key_is_left_for_validation_to_refuse_and_told(
    settings: Settings, events: Sql, change: str, told: str
) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 1, true)", f"ALTER TABLE events {change}")

    snapshot = take(settings)

    assert snapshot.rows == 1
    assert told in snapshot.notes[0]


def test_reads_a_query(settings: Settings, events: Sql) -> None:
    events("INSERT INTO events VALUES (1, '2026-08-01', 1, true), (2, '2026-08-02', 2, true)")
    query = "WITH big AS (SELECT * FROM events WHERE value > 1) SELECT * FROM big;"

    rows = frame(settings, take(settings, use_case(table=None, query=query)))

    assert list(rows["id"]) == [2]


def test_a_query_that_gives_other_rows_a_moment_later_is_refused(settings: Settings) -> None:
    [(began,)] = query(settings.database_url, "SELECT now()::text")
    growing = (
        "SELECT n AS id, timestamp '2026-08-01' AS at, true AS label FROM generate_series("
        f"1, 1 + (10000 * extract(epoch FROM now() - timestamptz '{began}'))::int) n"
    )

    with pytest.raises(DataRefused, match=r"the source of events gives other rows .* now\(\)"):
        take(settings, use_case(table=None, query=growing))


def test_reads_a_table_of_another_schema(settings: Settings, sql: Sql) -> None:
    sql(
        "CREATE SCHEMA raw",
        "CREATE TABLE raw.events AS SELECT 1 AS id, DATE '2026-08-01' AS at, 2 AS value",
    )
    which = use_case(table="raw.events", target_sql="events.value > 1")

    assert list(frame(settings, take(settings, which))["label"]) == [True]


def test_rows_without_time_are_all_taken(settings: Settings) -> None:
    demo.load("iris", settings.database_url, YESTERDAY)

    snapshot = take(settings, IRIS)

    assert snapshot.rows == 150
    assert list(frame(settings, snapshot)["id"]) == list(range(1, 151))


def test_changes_nothing_in_the_warehouse(warehouse: Settings) -> None:
    before = contents(warehouse)

    take(warehouse, WEATHER)

    assert contents(warehouse).equals(before)


def contents(settings: Settings) -> pa.Table:
    schema, batches = stream(settings.database_url, "SELECT * FROM weather ORDER BY date")
    return pa.Table.from_batches(batches, schema)
