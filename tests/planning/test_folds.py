"""How many fits a training makes, by the calendar; in test_foretold.py they happen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evergreen.planning import folds
from evergreen.planning.folds import Counts
from evergreen.spec import Between, UseCase
from learning import CATALOG, IRIS, WEATHER

AS_OF = datetime(2026, 3, 2, tzinfo=UTC)
LOGISTIC = replace(WEATHER.candidate("logistic"), search={})
PLAIN = replace(WEATHER, candidates=(LOGISTIC,))
BLOCKS = len(folds.Walk.of(PLAIN, AS_OF).judging)


@pytest.mark.parametrize(
    ("before", "anew"), [(None, BLOCKS), (AS_OF, 0), (AS_OF - timedelta(days=1), 1)]
)
def test_a_walk_makes_the_fits_of_the_blocks_that_it_has_not_answered_whole(
    before: datetime | None, anew: int
) -> None:
    assert folds.of(PLAIN, "logistic", AS_OF, before) == Counts(anew, BLOCKS - anew)


def test_a_walk_of_long_ago_is_made_anew() -> None:
    assert folds.of(PLAIN, "logistic", AS_OF, AS_OF - timedelta(days=3000)).anew == BLOCKS


def test_each_point_of_a_search_is_a_fit_for_each_choosing_block() -> None:
    listed = replace(LOGISTIC, search={"C": [0.1, 1.0]})
    ranged = replace(LOGISTIC, search={"C": Between(0.1, 1.0)}, trials=5)
    choosing = len(folds.Walk.of(PLAIN, AS_OF).choosing)

    assert folds.of(replace(PLAIN, candidates=(listed,)), "logistic", AS_OF).anew == (
        2 * choosing + BLOCKS
    )
    assert folds.of(replace(PLAIN, candidates=(ranged,)), "logistic", AS_OF).anew == (
        5 * choosing + BLOCKS
    )


def test_rows_without_a_time_are_taken_to_have_changed() -> None:
    plain = replace(IRIS, candidates=(replace(IRIS.candidate("logistic"), search={}),))

    assert folds.of(plain, "logistic", AS_OF, AS_OF) == Counts(anew=1, kept=0)


@pytest.mark.parametrize("use_case", CATALOG.use_cases.values(), ids=lambda u: u.name)
def test_of_every_use_case_the_fits_can_be_counted(use_case: UseCase) -> None:
    for name in use_case.trainings:
        first, next_day = (
            folds.of(use_case, name, AS_OF, before) for before in (None, AS_OF - timedelta(days=1))
        )

        assert first.anew > 0 and first.anew >= next_day.anew
        assert first.anew + first.kept == next_day.anew + next_day.kept
