"""The contest asks of the one in charge whether it has fallen, before it measures the others."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergreen.judging.contest import hold
from evergreen.learning import answers, features, training
from evergreen.learning.models import Output
from evergreen.refs import CandidateRef, ChampionRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import CHAMPION, UseCase
from fakes import FakeTrainings
from learning import AS_OF, built, recent_weather, weather_rows


def judged(floors: dict[str, float]) -> UseCase:
    """Weather with one candidate, which must not be mistaken too often."""
    weather = recent_weather()
    return replace(
        weather,
        candidates=(replace(weather.candidate("logistic"), search={}),),
        slices=(),
        gate=replace(weather.gate, metric="accuracy", floors=floors),
    )


def answering(ref: CandidateRef, right: Any, truth: Any, settings: Settings) -> CandidateRef:
    """The same training, which had been right about these rows only."""
    labels = np.where(right, truth, 1 - truth)
    likely = np.where(labels == 1, 0.9, 0.1)
    output = Output(labels, np.column_stack([1 - likely, likely]), np.array([0, 1]))
    kept = answers.keep("weather", output, settings)
    return replace(ref, answers_uri=kept.uri, answers_sha256=kept.sha256)


def in_charge(ref: CandidateRef, use_case: UseCase, rows: FeaturesRef) -> ChampionRef:
    return ChampionRef(
        use_case=use_case.name, version=1, run_id=ref.run_id, model_uri="models:/m-1",
        sha256="1", snapshot_sha256="1", training=rows.training, promotion_id=1,
        promoted_at=AS_OF,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("floor", "stretch", "sure"), [(0.6, "the newest 52 of 211 days", True), (0.2, "", False)]
)
def test_where_the_one_in_charge_has_fallen_the_newest_quarter_may_decide(
    floor: float, stretch: str, sure: bool, settings: Settings
) -> None:
    use_case = judged({"accuracy": floor})
    rows = built(use_case, weather_rows(), settings)
    ref = training.train(use_case, rows, "logistic", trainings=FakeTrainings(), settings=settings)
    truth = features.raw_holdout(rows, use_case, settings).truth
    late = np.arange(len(truth)) >= len(truth) - 52
    luck = np.random.default_rng(4).random((2, len(truth)))
    theirs = answering(ref, luck[0] < np.where(late, 0.2, 0.5), truth, settings)
    ours = answering(ref, luck[1] < np.where(late, 0.9, 0.2), truth, settings)
    assert ref.recipe
    present = replace(theirs, name=CHAMPION, recipe=replace(ref.recipe, digest="of before"))

    held = hold(use_case, rows, [ours, present], in_charge(ref, use_case, rows), settings)

    found = held.evidence.against_champion
    assert found
    assert (found.stretch, found.low > 0) == (stretch, sure)
