from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evergreen.champions import knowledge
from evergreen.refs import ChampionRef, Span
from learning import CATALOG, IRIS

WEATHER = CATALOG.find("weather")
UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def champion(until: datetime | None) -> ChampionRef:
    return ChampionRef(
        use_case="weather", version=3, run_id="r", model_uri="m", sha256="0", snapshot_sha256="0",
        training=Span(rows=9, end=until), promotion_id=1, promoted_at=UNTIL,
    )  # fmt: skip


def test_knowledge_may_be_as_old_as_label_and_source_may_be_late_and_two_schedules() -> None:
    assert knowledge.limit(WEATHER) == 2 * DAY + 3 * DAY + 2 * DAY


@pytest.mark.parametrize(
    "use_case", [IRIS, replace(WEATHER, schedule=None)], ids=["a source of any age", "by hand"]
)
def test_knowledge_may_be_of_any_age_where_nothing_says_how_new_it_is(use_case) -> None:
    assert knowledge.limit(use_case) is None


def test_knowledge_that_is_too_old_is_told_with_its_age_and_what_is_allowed() -> None:
    told = knowledge.too_old(WEATHER, champion(UNTIL), UNTIL + 8 * DAY)

    assert told.startswith("version 3 knows nothing after 2026-11-01 00:00 UTC, 8 days ago; 7 days")


def test_rows_without_a_time_are_of_no_age() -> None:
    assert knowledge.too_old(WEATHER, champion(None), UNTIL + 100 * DAY) == ""
