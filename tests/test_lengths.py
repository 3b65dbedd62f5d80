from datetime import timedelta

import pytest

from evergreen.spec.lengths import percent, short, spelled

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


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.05, "5%"), (0.07, "7%"), (0.125, "12.5%"), (0.004, "0.4%"), (0.995, "99.5%"), (1, "100%")],
)
def test_a_share_is_said_with_all_of_its_digits(share: float, told: str) -> None:
    assert percent(share) == told
