import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergreen.errors import DeclarationError
from evergreen.spec import Files, Ingest, Monitoring, Scoring
from evergreen.spec.pace import (
    ON_THE_HOUR,
    PRESETS,
    Assets,
    check_schedule,
    ended,
    following,
    pause,
    spread,
)
from use_cases.iris import USE_CASE as IRIS


@pytest.mark.parametrize(
    ("schedule", "longest"),
    [
        ("@daily", timedelta(days=1)),
        ("@monthly", timedelta(days=31)),
        ("*/10 * * * *", timedelta(minutes=10)),
        ("0 6 * * 1-5", timedelta(days=3)),
        ("*/5 9-16 * * 1-5", timedelta(days=2, hours=16, minutes=5)),
        ("* 9-17 * * 1-5", timedelta(days=2, hours=15, minutes=1)),
        ("*/5 * * * 1-5", timedelta(days=2, minutes=5)),
        ("0,30 8 * * *", timedelta(hours=23, minutes=30)),
        ("0 6 * * 1#1", timedelta(days=35)),
        ("0 6 1 * *", timedelta(days=31)),
        ("@continuous", None),
        (None, None),
    ],
)
def test_a_schedule_pauses_as_long_as_its_longest_gap(
    schedule: str | None, longest: timedelta | None
) -> None:
    assert pause(schedule) == longest


@pytest.mark.parametrize(
    ("schedule", "start", "end"),
    [
        ("@daily", "2026-11-22", "2026-11-23"),
        (None, "2026-11-22", "2026-11-23"),
        ("@hourly", "2026-11-23T14:00", "2026-11-23T15:00"),
        ("@weekly", "2026-11-15", "2026-11-22"),
        ("0 6 * * 1-5", "2026-11-20T06:00", "2026-11-23T06:00"),
    ],
)
def test_the_last_interval_of_a_schedule_has_ended(
    schedule: str | None, start: str, end: str
) -> None:
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))

    assert ended(schedule, datetime(2026, 11, 23, 15, 30, tzinfo=UTC)) == (first, last)
    assert ended(schedule, last) == (first, last)


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("@daily", "2026-11-24T00:00:00+00:00"),
        ("@hourly", "2026-11-23T16:00:00+00:00"),
        ("0 6 * * 1-5", "2026-11-24T06:00:00+00:00"),
        ("@continuous", None),
        (None, None),
    ],
)
def test_a_schedule_is_due_next_after_a_moment(schedule: str | None, due: str | None) -> None:
    found = following(schedule, datetime(2026, 11, 23, 15, tzinfo=UTC))

    assert (found and found.isoformat()) == due


def test_fifty_that_are_due_at_midnight_begin_one_by_one() -> None:
    own = Counter(spread("@daily", f"use_case_{n}", 59) for n in range(50))

    assert max(own.values()) <= 5
    assert len(own) >= 30
    assert all(str(schedule).endswith(" 0 * * *") for schedule in own)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_spread_to_the_minute_and_keeps_its_pace(preset: str) -> None:
    now = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    own = spread(preset, "weather", 29)
    due, declared = following(own, now), following(preset, now)

    assert due and declared
    assert timedelta(0) <= due - declared <= timedelta(minutes=29)
    assert own == spread(preset, "weather", 29)
    assert PRESETS.keys() == ON_THE_HOUR.keys()


@pytest.mark.parametrize(
    ("schedule", "minutes"), [("@daily", 0), ("0 6 * * *", 30), ("@continuous", 30), (None, 30)]
)
def test_what_names_its_minute_or_need_not_be_spread_stays(
    schedule: str | None, minutes: int
) -> None:
    assert spread(schedule, "weather", minutes) == schedule


NO_SCHEDULE = [
    "0 25 * * *", "hourly", "", "* * * *", "0 0 30 2 *", "0 0 1 1 * 0 2099", "H 6 * * *",
    "@quarterly", "@midnight", "@once", "@continuous", timedelta(days=1), ["orders"],
]  # fmt: skip


@pytest.mark.parametrize("schedule", NO_SCHEDULE)
def test_a_schedule_that_cannot_be_foretold_is_refused_where_it_is_declared(schedule: Any) -> None:
    def refused(field: str) -> Any:
        return pytest.raises(DeclarationError, match=rf"^{field} is .*; allowed: a cron")

    with refused("schedule"):
        replace(IRIS, schedule=schedule)
    with refused("monitoring.schedule"):
        Monitoring(schedule=schedule)
    with refused("scoring.schedule"):
        Scoring(query="SELECT id FROM iris", into="scored", schedule=schedule)
    if schedule != "@continuous":
        with refused("ingest.schedule"):
            Ingest(source=Files(url="/data/*.csv"), schedule=schedule)


@pytest.mark.parametrize("schedule", [*PRESETS, "*/10 * * * *", "0 6 29 2 *", "0 6 * * 1#1", None])
def test_a_schedule_that_is_accepted_can_be_asked_when_it_is_due(schedule: str | None) -> None:
    check_schedule("schedule", schedule)

    assert (pause(schedule) is None) == (schedule is None)
    assert (following(schedule, datetime(2026, 11, 23, tzinfo=UTC)) is None) == (schedule is None)


def test_suggests_the_preset_that_was_meant() -> None:
    with pytest.raises(DeclarationError, match="did you mean '@hourly'"):
        check_schedule("schedule", "hourly")


def test_a_training_may_wait_for_assets_and_an_ingest_need_not_pause() -> None:
    assert replace(IRIS, schedule=Assets("orders")).schedule == Assets("orders")
    assert Ingest(source=Files(url="/data/*.csv"), schedule="@continuous").within_days


def test_cron_expressions_are_not_checked_where_no_schedule_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "croniter", None)

    check_schedule("schedule", "0 6 * * 1-5")
