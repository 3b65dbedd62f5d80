"""Rows whose label has not come are left out and told; too many of the newest refuse the data."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from evergreen.data import snapshots
from evergreen.data.extraction import extract
from evergreen.errors import DataRefused
from evergreen.quality.validation import validate
from evergreen.refs import SnapshotRef
from evergreen.settings import Settings
from evergreen.spec import Source, UseCase, Windows
from evergreen_workshop import demo
from use_cases.churn import USE_CASE as CHURN
from use_cases.energy import USE_CASE as ENERGY
from use_cases.weather import USE_CASE as WEATHER

MONDAY = datetime(2026, 8, 24, tzinfo=UTC)
YESTERDAY = date(2026, 8, 23)
DAY = timedelta(days=1)
Sql = Callable[..., None]


@pytest.fixture
def events(sql: Sql) -> Sql:
    """A row for each of the hundred days before Monday, each with its label."""
    sql(
        "CREATE TABLE events (id int, at date, label bool)",
        "INSERT INTO events SELECT n, DATE '2026-08-24' - n, n % 2 = 0"
        " FROM generate_series(1, 100) n",
    )
    return sql


def events_use_case(windows: Windows | None = None, **source: Any) -> UseCase:
    given = {"table": "events", "key": ("id",), "timestamp": "at", "target": "label"} | source
    windows = windows or Windows(holdout=timedelta(days=21))
    return replace(WEATHER, name="events", source=Source(**given), windows=windows)


def take(settings: Settings, which: UseCase, as_of: datetime = MONDAY) -> SnapshotRef:
    return extract(which, as_of=as_of, asked_at=as_of, settings=settings)


def passes(settings: Settings, snapshot: SnapshotRef, which: UseCase) -> bool:
    return validate(snapshot, which, settings=settings).passed


def frame(settings: Settings, snapshot: SnapshotRef) -> pd.DataFrame:
    return snapshots.of(settings).frame(snapshot.uri, snapshot.sha256)


def test_weather_that_comes_a_day_late_is_taken_without_the_day_that_waits_for_it(
    settings: Settings,
) -> None:
    demo.load("weather", settings.database_url, YESTERDAY - DAY)

    snapshot = take(settings, WEATHER)

    assert snapshot.counts.unlabelled == 1
    assert snapshot.counts.taken == 1460
    assert frame(settings, snapshot)["date"].max() == pd.Timestamp("2026-08-21")
    assert snapshot.notes == (
        "labels are late: 1 of the newest 180 mature rows have none yet, and are left out;"
        " labels reach up to 2026-08-21 00:00 UTC",
    )
    assert passes(settings, snapshot, WEATHER)


def test_a_day_that_came_late_is_taken_as_if_it_had_not(settings: Settings) -> None:
    demo.load("weather", settings.database_url, YESTERDAY - DAY)
    late = take(settings, WEATHER)
    demo.feed("weather", settings.database_url, 1)

    snapshot = take(settings, WEATHER)

    assert snapshot.rows == late.rows + 1
    assert snapshot.counts.unlabelled == 0
    assert not snapshot.notes


def test_a_weekend_late_is_taken_as_long_as_the_source_is_not_stale(settings: Settings) -> None:
    demo.load("weather", settings.database_url, YESTERDAY - 2 * DAY)

    assert take(settings, WEATHER).counts.unlabelled == 1
    with pytest.raises(DataRefused, match="the source is stale"):
        take(settings, WEATHER, MONDAY + DAY)


def test_half_a_day_of_energy_leaves_half_a_day_out(settings: Settings, sql: Sql) -> None:
    demo.load("energy", settings.database_url, YESTERDAY)
    sql("DELETE FROM energy WHERE time >= '2026-08-23 12:00'")

    snapshot = take(settings, ENERGY)

    assert snapshot.counts.unlabelled == 24
    assert frame(settings, snapshot)["time"].max() == pd.Timestamp("2026-08-22 11:30")
    assert passes(settings, snapshot, ENERGY)


def test_a_day_of_energy_that_never_came_leaves_out_the_day_before_it(
    settings: Settings, sql: Sql
) -> None:
    demo.load("energy", settings.database_url, YESTERDAY)
    sql("DELETE FROM energy WHERE time::date = '2026-08-10'")

    snapshot = take(settings, ENERGY)

    assert snapshot.counts.unlabelled == 48
    assert passes(settings, snapshot, ENERGY)


def test_churn_takes_the_customers_of_whom_it_is_known(settings: Settings, sql: Sql) -> None:
    demo.load("churn", settings.database_url, YESTERDAY)
    sql(
        "ALTER TABLE churn ALTER churned DROP NOT NULL",
        "UPDATE churn SET churned = NULL WHERE customer % 100 = 0",
    )

    snapshot = take(settings, CHURN)

    missing = snapshot.counts.unlabelled
    assert missing == 64
    assert snapshot.notes[0].startswith("labels are late: 14 of the newest 1,409 mature rows")
    assert snapshot.notes[1] == "50 older rows without a label are left out"
    assert passes(settings, snapshot, CHURN)


def test_labels_that_stopped_are_told_at_once_and_refused_above_the_limit(
    settings: Settings, events: Sql
) -> None:
    which = events_use_case()
    events("UPDATE events SET label = NULL WHERE at > '2026-08-18'")
    assert "5 of the newest 20 mature rows" in take(settings, which).notes[0]
    events("UPDATE events SET label = NULL WHERE at > '2026-08-15'")

    with pytest.raises(
        DataRefused,
        match=r"the labels of 8 of the newest 20 mature rows have not come"
        r" \(source.max_unlabelled allows 30%\); the newest that has one is of 2026-08-15",
    ):
        take(settings, which)


def test_the_limit_is_the_use_cases_own(settings: Settings, events: Sql) -> None:
    events("UPDATE events SET label = NULL WHERE at = '2026-08-20'")

    assert take(settings, events_use_case(max_unlabelled=0.05)).rows == 99
    with pytest.raises(DataRefused, match=r"1 of the newest 20 .* allows 4%"):
        take(settings, events_use_case(max_unlabelled=0.04))


def test_a_late_label_counts_as_late_once_it_has_come(settings: Settings, events: Sql) -> None:
    which = events_use_case()
    events("UPDATE events SET label = NULL WHERE at = '2026-08-10'")
    take(settings, which)
    events("UPDATE events SET label = true WHERE at = '2026-08-10'")

    snapshot = take(settings, which, MONDAY + DAY)

    assert (snapshot.counts.late, snapshot.counts.unlabelled, snapshot.rows) == (1, 0, 100)


def test_old_rows_without_a_label_are_left_out_whatever_their_number(
    settings: Settings, events: Sql
) -> None:
    events("UPDATE events SET label = NULL WHERE at < '2026-07-30'")

    snapshot = take(settings, events_use_case())

    assert snapshot.rows == 25
    assert snapshot.notes == ("75 older rows without a label are left out",)


def test_without_a_holdout_of_time_the_newest_share_of_the_rows_counts(
    settings: Settings, events: Sql
) -> None:
    which = events_use_case(Windows(holdout=0.1))
    events("UPDATE events SET label = NULL WHERE at < '2026-07-30' OR at > '2026-08-21'")

    snapshot = take(settings, which)

    assert snapshot.notes[0].startswith("labels are late: 2 of the newest 11 mature rows")


def test_without_time_every_row_counts(settings: Settings, events: Sql) -> None:
    which = events_use_case(Windows(holdout=0.1), timestamp=None)
    events("UPDATE events SET label = NULL WHERE id <= 30")
    assert take(settings, which).rows == 70
    events("UPDATE events SET label = NULL WHERE id <= 31")

    with pytest.raises(DataRefused, match="31 of the newest 100 mature rows have not come"):
        take(settings, which)


def test_labels_of_a_query_may_be_late_too(settings: Settings, events: Sql) -> None:
    query = "SELECT id, at, lead(label) OVER (ORDER BY at) AS label FROM events"

    snapshot = take(settings, events_use_case(table=None, query=query))

    assert (snapshot.rows, snapshot.counts.unlabelled) == (99, 1)


def test_rows_of_the_future_and_without_time_are_kept_for_validation_without_a_label(
    settings: Settings, events: Sql
) -> None:
    events("INSERT INTO events VALUES (101, '2027-01-01', NULL), (102, NULL, NULL)")

    snapshot = take(settings, events_use_case())

    assert (snapshot.rows, snapshot.counts.unlabelled) == (102, 0)


def test_the_same_moment_gives_the_same_bytes_without_the_late(
    settings: Settings, events: Sql
) -> None:
    events("UPDATE events SET label = NULL WHERE at > '2026-08-20'")

    assert take(settings, events_use_case()) == take(settings, events_use_case())


def test_a_duplicate_key_does_not_bring_rows_that_wait_for_a_plain_label(
    settings: Settings, events: Sql
) -> None:
    events(
        "UPDATE events SET label = NULL WHERE id <= 3",
        "INSERT INTO events SELECT * FROM events WHERE id = 50",
    )

    snapshot = take(settings, events_use_case())

    assert snapshot.counts.duplicates == 2
    assert (snapshot.rows, snapshot.counts.unlabelled) == (98, 3)
