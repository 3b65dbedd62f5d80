"""No held-out row was in a training: by time and embargo, or by the hashed key."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from evergreen.data import splits
from evergreen.judging import overlap
from evergreen.learning import features
from evergreen.refs import ChampionRef, FeaturesRef, Span
from evergreen.settings import Settings
from evergreen.spec import UseCase, Windows
from learning import AS_OF, IRIS, built, iris_rows, recent_weather, weather_rows

WEATHER = recent_weather()


@pytest.fixture
def weather(settings: Settings) -> FeaturesRef:
    return built(WEATHER, weather_rows(), settings)


@pytest.fixture
def iris(settings: Settings) -> FeaturesRef:
    return built(IRIS, iris_rows(), settings)


def champion(training: Span, snapshot_sha256: str) -> ChampionRef:
    return ChampionRef(
        use_case="any",
        version=3,
        run_id="",
        model_uri="",
        sha256="",
        snapshot_sha256=snapshot_sha256,
        training=training,
        promotion_id=1,
        promoted_at=AS_OF,
    )


def of_champion(
    use_case: UseCase, built: FeaturesRef, settings: Settings, **changes: object
) -> overlap.Overlap:
    facts = {"training": built.training, "snapshot_sha256": built.snapshot.sha256} | changes
    holdout = features.raw_holdout(built, use_case, settings)
    return overlap.of_champion(use_case, built, champion(**facts), holdout, settings)


@pytest.mark.parametrize("name", ["weather", "iris"])
def test_our_own_split_does_not_overlap(
    name: str, settings: Settings, request: pytest.FixtureRequest
) -> None:
    use_case = {"weather": WEATHER, "iris": IRIS}[name]
    ref = request.getfixturevalue(name)

    assert overlap.of_challenger(use_case, ref, settings).rows == 0
    assert of_champion(use_case, ref, settings).rows == 0


def test_a_champion_trained_into_the_holdout_overlaps(
    weather: FeaturesRef, settings: Settings
) -> None:
    start = weather.holdout.start
    assert start is not None
    late = Span(rows=500, start=start - timedelta(days=500), end=start + timedelta(days=9))

    found = of_champion(WEATHER, weather, settings, training=late)

    assert found.rows == 11  # ten days, and one of embargo


def test_the_embargo_counts(weather: FeaturesRef, settings: Settings) -> None:
    start = weather.holdout.start
    assert start is not None
    span = Span(rows=500, start=start - timedelta(days=500), end=start - timedelta(days=1))

    found = of_champion(WEATHER, weather, settings, training=span)

    assert found.rows == 1


def test_a_champion_whose_time_is_not_on_record_is_unknown(
    weather: FeaturesRef, settings: Settings
) -> None:
    found = of_champion(WEATHER, weather, settings, training=Span(rows=500))

    assert found.rows is None
    assert "not on record" in found.how


def test_a_champion_of_fewer_rows_was_trained_on_none_that_is_held_out_today(
    iris: FeaturesRef, settings: Settings
) -> None:
    before = built(IRIS, iris_rows().iloc[20:], settings)

    found = of_champion(
        IRIS,
        iris,
        settings,
        training=before.training,
        snapshot_sha256=before.snapshot.sha256,
    )

    assert found.rows == 0


def test_a_champion_whose_snapshot_is_gone_is_unknown(
    iris: FeaturesRef, settings: Settings
) -> None:
    found = of_champion(IRIS, iris, settings, snapshot_sha256="0" * 64)

    assert found.rows is None
    assert "cannot be read" in found.how


def test_a_champion_of_another_split_is_unknown(settings: Settings) -> None:
    half = replace(IRIS, windows=Windows(holdout=0.5))
    before, now = built(half, iris_rows(), settings), built(IRIS, iris_rows(), settings)

    found = of_champion(IRIS, now, settings, training=before.training)

    assert found.rows is None
    assert "the rule was another" in found.how


def test_rows_with_a_key_in_both_parts_overlap(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pd.concat([iris_rows(), iris_rows().tail(20)], ignore_index=True)
    part = splits.split(IRIS, iris_rows(), AS_OF)
    both = pd.concat([part, part.tail(20).map({"training": "holdout", "holdout": "training"})])
    monkeypatch.setattr(splits, "split", lambda *_: both.reset_index(drop=True))

    found = overlap.of_challenger(IRIS, built(IRIS, rows, settings), settings)

    assert found.rows == 20
