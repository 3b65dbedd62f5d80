"""After a time in which nobody looked, what was due is given the time to be made up."""

from datetime import UTC, datetime, timedelta

import pytest

from evergreen.deciding.states import CATCHING_UP, catching_up
from evergreen.records import Records

NIGHT = datetime(2026, 11, 28, 23, 50, tzinfo=UTC)
"""The first look after a machine has slept since noon."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def looks(records: Records, *moments: datetime, fails: bool = False) -> list[bool]:
    """Tell whether all had caught up at each look; one that fails does not beat at its end."""
    found = []
    for at in moments:
        found.append(catching_up(records.heartbeats, at) is None)
        if not fails:
            records.heartbeats.beat("watchdog", at)
    return found


@pytest.fixture(autouse=True)
def at_noon(records: Records) -> None:
    assert looks(records, NIGHT - 12 * HOUR, NIGHT - 12 * HOUR + 5 * MINUTE) == [True, True]


def test_whoever_has_slept_is_given_two_hours(records: Records) -> None:
    awake = [NIGHT + number * 30 * MINUTE for number in range(6)]

    assert looks(records, *awake) == [False] * 5 + [True]


def test_it_is_known_until_when(records: Records) -> None:
    until = [catching_up(records.heartbeats, NIGHT + n * HOUR) for n in range(2)]

    assert until == [NIGHT + CATCHING_UP] * 2


def test_looks_that_fail_are_no_new_pause_each(records: Records) -> None:
    looks(records, NIGHT, NIGHT + 90 * MINUTE, fails=True)

    assert looks(records, NIGHT + 121 * MINUTE) == [True]


def test_a_slow_look_is_no_pause(records: Records) -> None:
    assert looks(records, NIGHT - 11 * HOUR) == [True]
