"""Which days and hours an API is asked for."""

from datetime import UTC, date, datetime

import pytest

from evergreen.ingest import periods
from evergreen.refs import Landing
from evergreen.spec import Api, Ingest

DAILY = Api(url="https://x.example/?day={day}")
HOURLY = Api(url="https://x.example/?hour={hour}")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def landed(item: str, when: str, rows: int = 1, relation: str = "1/1") -> dict[str, Landing]:
    done = Landing(
        use_case="x", item=item, sha256="", rows=rows, relation=relation, landed_at=at(when)
    )
    return {item: done}


def due(source: Api, moment: str, *, schedule: str = "@daily", **before: Landing) -> list[str]:
    ingest = Ingest(source=source, schedule=schedule)
    return periods.due(ingest, source, at(moment), before, "1/1")


@pytest.mark.parametrize(
    ("source", "schedule", "moment", "asked"),
    [
        (DAILY, "@daily", "2026-02-02T00:00", ["2026-02-01"]),
        (DAILY, "30 6 * * *", "2026-02-02T06:30", ["2026-02-01"]),
        (DAILY, "@hourly", "2026-02-02T00:00", ["2026-02-01"]),
        (DAILY, "0 */6 * * *", "2026-02-02T06:00", ["2026-02-02"]),
        (HOURLY, "@hourly", "2026-02-02T00:00", ["2026-02-01T23"]),
        (HOURLY, "10 * * * *", "2026-02-02T06:10", ["2026-02-02T05"]),
    ],
)
def test_the_first_run_asks_for_what_has_just_ended(
    source: Api, schedule: str, moment: str, asked: list[str]
) -> None:
    assert due(source, moment, schedule=schedule) == asked


def test_what_was_missed_is_asked_for() -> None:
    before = landed("2026-02-01T22", "2026-02-01T23:05")

    assert due(HOURLY, "2026-02-02T02:00", **before) == [
        "2026-02-01T23", "2026-02-02T00", "2026-02-02T01",
    ]  # fmt: skip


def test_a_day_that_was_not_over_is_asked_for_again() -> None:
    before = landed("2026-02-01", "2026-02-01T23:00")

    assert due(DAILY, "2026-02-02T00:00", schedule="@hourly", **before) == ["2026-02-01"]


def test_what_is_landed_is_not_asked_for() -> None:
    before = landed("2026-02-01", "2026-02-02T00:01")

    assert due(DAILY, "2026-02-02T00:00", **before) == []


def test_what_a_table_that_is_no_more_held_is_asked_for_again() -> None:
    lost = landed("2026-01-30", "2026-01-31T00:01", relation="1/0")
    empty = landed("2026-01-31", "2026-02-01T00:01", relation="", rows=0)
    before = landed("2026-02-01", "2026-02-02T00:01") | lost | empty

    assert due(DAILY, "2026-02-02T00:00", **before) == ["2026-01-30"]


def test_files_that_were_landed_before_are_no_periods() -> None:
    before = landed("file:///data/a.csv", "2026-02-01T00:00")

    assert due(DAILY, "2026-02-02T00:00", **before) == ["2026-02-01"]


def test_a_day_by_hand_is_all_of_its_hours() -> None:
    asked = periods.of_day(HOURLY, date(2026, 2, 1))

    assert (len(asked), asked[0], asked[-1]) == (24, "2026-02-01T00", "2026-02-01T23")
