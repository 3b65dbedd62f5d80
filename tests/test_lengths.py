from datetime import timedelta

import pytest

from evergreen.spec.lengths import short, spelled

LENGTHS = [
    (timedelta(days=45), "45 days", "45d"),
    (timedelta(days=1), "1 day", "1d"),
    (timedelta(hours=36), "1 day 12 hours", "36h"),
    (timedelta(minutes=90), "1 hour 30 minutes", "90m"),
    (timedelta(seconds=61), "1 minute 1 second", "61s"),
    (timedelta(0), "0 days", "0d"),
    (timedelta(hours=-2), "-2 hours", "-2h"),
]


@pytest.mark.parametrize(("length", "told", "letters"), LENGTHS)
def test_a_length_is_said_as_people_say_it(length: timedelta, told: str, letters: str) -> None:
    assert spelled(length) == told
    assert short(length) == letters
