"""Predictions are counted as they come, change and go; what the counts say is looked at."""

from datetime import timedelta

import pytest

from database import query
from evergreen.records import Records
from records.test_months import JULY, JUNE, answered

TRUTH = """
SELECT date_trunc('month', time AT TIME ZONE 'UTC')::date, use_case, version, variant,
    coalesce(release_id, 0), count(*)
FROM evergreen.predictions GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
COUNTED = """
SELECT month, use_case, version, variant, release_id, count
FROM evergreen.prediction_counts ORDER BY 1, 2, 3, 4, 5
"""
CHANGES = (
    "DELETE FROM evergreen.predictions WHERE version = 2",
    "UPDATE evergreen.predictions SET version = version + 1",
    "UPDATE evergreen.predictions SET time = time + interval '1 month'",
    "UPDATE evergreen.predictions SET inputs = '{}'",
    "TRUNCATE evergreen.predictions",
)


@pytest.fixture
def several(records: Records) -> Records:
    for time in (JUNE, JULY):
        for version in (1, 2, 2):
            answered(records, time, version=version)
    answered(records, JULY, use_case="iris", release_id=7)
    return records


@pytest.mark.parametrize("change", CHANGES)
def test_counts_follow_whatever_is_done(several: Records, database_url: str, change: str) -> None:
    assert query(database_url, COUNTED) == query(database_url, TRUTH) != []

    query(database_url, change)

    assert query(database_url, COUNTED) == query(database_url, TRUTH)


def test_those_who_answered_are_told_over_all_months(several: Records) -> None:
    found = {(one.by.use_case, one.by.version): one.times for one in several.predictions.answered()}

    assert found == {("weather", 1): 2, ("weather", 2): 4, ("iris", 1): 1}
    assert several.trials.answers(7) == {"champion": 1}


def test_a_month_that_holds_less_than_is_counted_is_named(
    several: Records, database_url: str
) -> None:
    assert several.predictions.tally().miscounted == ()
    query(database_url, "DELETE FROM evergreen.predictions_2025_06 WHERE version = 1")
    answered(several, JUNE)  # a month is looked at again when its counts have changed

    [wrong] = several.predictions.tally().miscounted

    assert (wrong.month, wrong.counted, wrong.there) == (JUNE.date(), 4, 3)


def test_only_months_that_changed_are_looked_at_again(several: Records, database_url: str) -> None:
    several.predictions.tally()
    query(database_url, "UPDATE evergreen.recounts SET orphans = 5")

    assert several.predictions.tally().orphans == 10
    answered(several, JULY)

    assert several.predictions.tally().orphans == 5


def test_a_shadow_without_its_answer_is_an_orphan_in_its_month(records: Records) -> None:
    moment = timedelta(seconds=1)
    own = answered(records, JULY - moment)
    answered(records, JULY + moment, variant="shadow", request_id=own)
    answered(records, JULY, variant="shadow")

    assert records.predictions.tally().orphans == 0

    answered(records, JULY, variant="shadow", request_id="00000000-0000-4000-8000-000000000000")
    assert records.predictions.tally().orphans == 1
