"""No judged row was seen by the fit that answered it: by time and embargo, or by the hashed key."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from evergreen.data import splits
from evergreen.judging import overlap
from evergreen.judging.evidence import Role
from evergreen.learning import features, fitting
from evergreen.learning.training import Forgetful
from evergreen.refs import BlockRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from learning import AS_OF, IRIS, built, iris_rows, recent_weather, weather_rows

WEATHER = recent_weather()


@pytest.fixture
def weather(settings: Settings) -> FeaturesRef:
    return built(WEATHER, weather_rows(), settings)


def blocks(use_case: UseCase, ref: FeaturesRef, settings: Settings) -> tuple[BlockRef, ...]:
    data = features.data(ref, use_case, settings)
    quick = replace(use_case.baselines[0], search={})
    return fitting.judge(use_case, quick, data, Forgetful()).blocks


@pytest.mark.parametrize("use_case", [WEATHER, IRIS], ids=["weather", "iris"])
def test_a_walk_of_ours_does_not_overlap(use_case: UseCase, settings: Settings) -> None:
    rows = {"weather": weather_rows, "iris": iris_rows}[use_case.name]()
    ref = built(use_case, rows, settings)

    walked = blocks(use_case, ref, settings)

    assert overlap.of(Role.CHALLENGER, use_case, ref, walked, settings).rows == 0


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=1)])
def test_a_fit_that_ends_within_the_embargo_overlaps(
    weather: FeaturesRef, settings: Settings, late: timedelta
) -> None:
    first, *others = blocks(WEATHER, weather, settings)
    assert first.start is not None
    seen = replace(first, trained_until=first.start - WEATHER.embargo + timedelta(days=1) + late)

    found = overlap.of(Role.CHALLENGER, WEATHER, weather, (seen, *others), settings)

    assert found.rows == first.rows


def test_a_fit_whose_time_is_not_on_record_is_unknown(
    weather: FeaturesRef, settings: Settings
) -> None:
    walked = tuple(
        replace(block, trained_until=None) for block in blocks(WEATHER, weather, settings)
    )

    found = overlap.of(Role.CHAMPION, WEATHER, weather, walked, settings)

    assert found.rows is None
    assert "not on record" in found.how


def test_a_recipe_that_was_not_walked_is_unknown(weather: FeaturesRef, settings: Settings) -> None:
    assert overlap.of(Role.CHAMPION, WEATHER, weather, (), settings).rows is None


def test_rows_with_a_key_in_both_parts_overlap(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pd.concat([iris_rows(), iris_rows().tail(20)], ignore_index=True)
    part = splits.split(IRIS, iris_rows(), AS_OF)
    both = pd.concat([part, part.tail(20).map({"training": "holdout", "holdout": "training"})])
    monkeypatch.setattr(splits, "split", lambda *_: both.reset_index(drop=True))
    ref = built(IRIS, rows, settings)

    found = overlap.of(Role.CHALLENGER, IRIS, ref, blocks(IRIS, ref, settings), settings)

    assert found.rows == 20
