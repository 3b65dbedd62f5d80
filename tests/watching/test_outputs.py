"""How sure the champion is tells something only where it gave answers enough."""

import numpy as np
import pytest

from evergreen.records import Logged
from evergreen.watching import outputs
from evergreen.watching.profile import Profile
from watching.conftest import Shop

PROFILE = Profile(
    snapshot_sha256="1" * 64, rows=1000, labels={"0": 500, "1": 500}, values=(),
    confidence=0.8, confidence_deviation=0.1, metrics={}, errors={}, importance={},
)  # fmt: skip


def answered(*sure: float | None) -> Logged:
    said = [None if one is None else 1 for one in sure]
    return Logged(len(sure), 0, 0, [{}] * len(sure), said, sure)


@pytest.mark.parametrize("usual", [None, (0.8, 0.01)])
def test_one_answer_tells_no_confidence(usual: tuple[float, float] | None) -> None:
    found = outputs.measure(answered(0.62, None, None), PROFILE, None, usual)

    assert (found.rows, found.confidence) == (1, None)


@pytest.mark.parametrize("usual", [(0.8, 0.01), (0.8, 0.05)])
def test_few_answers_err_by_more_than_windows_of_the_past(usual: tuple[float, float]) -> None:
    sure = np.random.default_rng(0).uniform(0.5, 1, 60)

    found = outputs.measure(answered(*sure), PROFILE, None, usual)

    assert found.confidence == pytest.approx(sure.mean())
    assert found.confidence_error == pytest.approx(np.hypot(usual[1], sure.std(ddof=1) / 60**0.5))


def test_a_champion_that_gave_few_of_the_answers_is_not_called_unsure(shop: Shop) -> None:
    shop.log(shop.resampled(400), sha256="f" * 64)
    shop.log(shop.resampled(3), probability=0.51)

    seen = shop.watch()

    assert seen.outcome == "calm", seen.sentence
    assert (seen.confidence, seen.unsure) == (None, "")
