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


def landed(
    item: str, when: str, rows: int = 1, relation: str = "1/1", asked: str | None = None
) -> dict[str, Landing]:
    done = Landing(
        use_case="x", item=item, sha256="", rows=rows, relation=relation, landed_at=at(when),
        delivered_at=at(asked) if asked else None,
    )  # fmt: skip
    return {item: done}


def wanted(source: Api, moment: str, *, schedule: str = "@daily", **before: Landing) -> list[str]:
    ingest = Ingest(source=source, schedule=schedule)
    return periods.wanted(ingest, source, at(moment), before, "1/1")


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
    assert wanted(source, moment, schedule=schedule) == asked


def test_what_was_missed_is_wanted_too() -> None:
    before = landed("2026-02-01T22", "2026-02-01T23:05")

    assert wanted(HOURLY, "2026-02-02T02:00", **before) == [
        "2026-02-01T22", "2026-02-01T23", "2026-02-02T00", "2026-02-02T01",
    ]  # fmt: skip


def test_a_day_that_was_landed_by_hand_hides_no_gap_before_it() -> None:
    before = landed("2026-02-01", "2026-02-02T00:01") | landed("2026-02-04", "2026-02-04T09:00")

    assert wanted(DAILY, "2026-02-04T00:00", **before) == ["2026-02-01", "2026-02-02", "2026-02-03"]


def test_after_more_than_a_month_it_goes_on_after_the_last() -> None:
    before = landed("2026-01-01", "2026-01-02T00:01")

    found = wanted(DAILY, "2026-03-01T00:00", **before)

    assert (found[0], found[-1], len(found)) == ("2026-01-02", "2026-02-28", 58)


@pytest.mark.parametrize(
    ("item", "when", "over"),
    [
        ("2026-02-01", "2026-02-01T23:00", False),
        ("2026-02-01", "2026-02-02T00:00", True),
        ("2026-02-01T23", "2026-02-01T23:59", False),
    ],
)
def test_a_period_that_was_not_over_may_have_more_rows(item: str, when: str, over: bool) -> None:
    source = HOURLY if "T" in item else DAILY

    assert periods.was_over(source, landed(item, when)[item]) == over


def test_a_period_that_was_asked_for_before_its_end_may_have_more_rows() -> None:
    late = landed("2026-02-01", "2026-02-02T00:01", asked="2026-02-01T23:59")["2026-02-01"]

    assert not periods.was_over(DAILY, late)


def test_what_another_table_took_is_wanted_again() -> None:
    lost = landed("2025-01-30", "2025-01-31T00:01", relation="1/0")
    empty = landed("2025-01-31", "2025-02-01T00:01", relation="", rows=0)
    before = landed("2026-02-01", "2026-02-02T00:01") | lost | empty

    assert wanted(DAILY, "2026-02-02T00:00", **before) == ["2025-01-30", "2026-02-01"]


def test_files_that_were_landed_before_are_no_periods() -> None:
    before = landed("file:///data/a.csv", "2026-02-01T00:00")

    assert wanted(DAILY, "2026-02-02T00:00", **before) == ["2026-02-01"]


def test_a_day_by_hand_is_all_of_its_hours() -> None:
    asked = periods.of_day(HOURLY, date(2026, 2, 1))

    assert (len(asked), asked[0], asked[-1]) == (24, "2026-02-01T00", "2026-02-01T23")
