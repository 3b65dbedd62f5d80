from datetime import timedelta

import pytest

from evergreen.spec.pace import pause


@pytest.mark.parametrize(
    ("schedule", "longest"),
    [
        ("@daily", timedelta(days=1)),
        ("@monthly", timedelta(days=31)),
        ("*/10 * * * *", timedelta(minutes=10)),
        ("0 6 * * 1-5", timedelta(days=3)),
        ("0 6 1 * *", timedelta(days=31)),
        ("@continuous", None),
        (None, None),
    ],
)
def test_a_schedule_pauses_as_long_as_its_longest_gap(
    schedule: str | None, longest: timedelta | None
) -> None:
    assert pause(schedule) == longest
