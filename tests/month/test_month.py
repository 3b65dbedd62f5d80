"""A month of a use case's life, in scripts of a few days, replayed through the real steps.

Each day is held against what is due: trained, or not with the right reason.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import psycopg2
import pytest

from evergreen.settings import Settings
from evergreen_workshop import demo
from evergreen_workshop.rehearsal import Event, Happened, Plan, rehearse, report
from evergreen_workshop.rehearsal.life import OFF, REFUSED, TRAINED
from evergreen_workshop.rehearsal.scratch import Place
from month.conftest import quick

DAY = timedelta(days=1)
SUNDAY = date(2026, 8, 23)
MOST_A_DAY = 3_000_000
"""Bytes that a training of a small use case may leave behind."""
Live = Callable[..., Place]


def live_through(place: Place, *events: Event | tuple[Event, int]) -> list[Happened]:
    """Play the days; whatever happens, these hold."""
    days = list(rehearse(place, Plan.of(*events)))

    assert [f"{day.event}: {day.sentence}" for day in days if not day.as_due] == []
    assert [each.detail for each in report.check(place, days) if not each.holds] == []
    assert {day.told for day in days} == {0}, "somebody was told, and nobody was needed"
    for before, day in pairwise(days):
        decided = day.decisions - before.decisions
        assert decided == 0 if day.outcome == OFF else decided in {1, 2, 3}, (decided, day)
        assert 0 <= day.size - before.size <= (0 if day.outcome == OFF else MOST_A_DAY)
        assert before.age is not None and day.age is not None
        assert day.age <= before.age + DAY
    return days


def outcomes(days: list[Happened]) -> list[str]:
    return [day.outcome for day in days]


def test_a_day_late_trains_and_a_long_weekend_is_refused_as_stale(live: Live) -> None:
    days = live_through(
        live("weather", SUNDAY),
        Event.ON_TIME,
        Event.LATE,
        Event.ON_TIME,
        (Event.LATE, 3),
        Event.ON_TIME,
    )

    assert outcomes(days) == [TRAINED] * 5 + [REFUSED, TRAINED]
    assert [day.unlabelled for day in days] == [0, 1, 0, 1, 1, 0, 0]
    assert [day.rows for day in days] == [1454, 1454, 1456, 1456, 1456, 0, 1460]
    assert "Labels are late: 1 of the newest" in days[1].sentence
    assert "the source is stale" in days[5].sentence


def test_half_a_day_leaves_out_what_waits_for_the_other_half(live: Live) -> None:
    days = live_through(live("energy", SUNDAY), Event.ON_TIME, Event.HALF, Event.ON_TIME)

    assert [day.unlabelled for day in days] == [0, 24, 0]
    whole = days[0].rows  # as far back as a walk reads
    assert whole > 14_641
    assert [day.rows for day in days] == [whole, whole - 24, whole]


def test_twice_corrected_and_changed(live: Live) -> None:
    days = live_through(
        live("weather", SUNDAY),
        Event.ON_TIME,
        Event.TWICE,
        Event.CORRECTED,
        Event.CHANGED,
        Event.CHANGED_BACK,
        Event.ANNOUNCED,
    )

    assert outcomes(days) == [TRAINED, TRAINED, TRAINED, REFUSED, TRAINED, TRAINED]
    assert "unexpected column nobody_announced_this" in days[3].sentence


def test_days_without_a_scheduler_are_not_made_up_and_not_missed(live: Live) -> None:
    days = live_through(live("weather", SUNDAY), Event.ON_TIME, (Event.OFF, 5), Event.ON_TIME)

    assert outcomes(days) == [TRAINED, *[OFF] * 5, TRAINED]
    assert days[-1].rows - days[0].rows == 6


def test_a_rehearsal_may_end_while_the_scheduler_is_off(live: Live) -> None:
    days = live_through(live("energy", SUNDAY), Event.ON_TIME, (Event.OFF, 5))

    assert outcomes(days) == [TRAINED, *[OFF] * 5]


def test_a_table_may_be_called_as_the_copy_of_its_rows_is(live: Live, settings: Settings) -> None:
    weather = quick("weather")
    demo.load("weather", settings.database_url, until=SUNDAY)
    with psycopg2.connect(settings.database_url) as connection:
        connection.cursor().execute("ALTER TABLE weather RENAME TO history")
    connection.close()
    use_case = replace(weather, source=replace(weather.source, table="history"))

    days = live_through(live("weather", SUNDAY, use_case), Event.ON_TIME, Event.HALF)

    assert outcomes(days) == [TRAINED, TRAINED]


@pytest.mark.parametrize(
    "last",
    [date(2026, 3, 29), date(2026, 12, 31), date(2028, 2, 29)],
    ids=["summer time begins", "the year ends", "29 February"],
)
def test_days_of_the_calendar_that_are_unlike_others(live: Live, last: date) -> None:
    days = live_through(live("weather", last), Event.ON_TIME, Event.ON_TIME)

    assert outcomes(days) == [TRAINED, TRAINED]
    assert [day.rows for day in days] == [1459, 1460]
    assert [day.unlabelled for day in days] == [0, 0]


def test_labels_that_stop_are_told_then_refused_and_taken_when_they_come(live: Live) -> None:
    churn = quick("churn")
    churn = replace(churn, source=replace(churn.source, max_unlabelled=0.02))
    plan = Plan.of(Event.ON_TIME, (Event.NO_LABELS, 2), Event.ON_TIME)

    days = list(rehearse(live("churn", SUNDAY, churn), plan))

    assert outcomes(days) == [TRAINED, TRAINED, REFUSED, TRAINED]
    assert "Labels are late" in days[1].sentence
    assert "source.max_unlabelled allows 2%" in days[2].sentence
    assert (days[1].unlabelled, days[3].unlabelled) == (19, 0)
    assert [day.as_due for day in days] == [True, True, False, True]
