"""How sure the champion is tells something only where it gave answers enough."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from evergreen.records import Logged
from evergreen.settings import Settings
from evergreen.watching import outputs
from evergreen.watching.profile import Profile
from watching.conftest import SHOP, Shop, cleared, opened, visitors

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


@pytest.fixture
def upstream(studio: Settings) -> Iterator[Shop]:
    """The shop, where another model's prediction is a column."""
    columns = replace(SHOP.features, numeric=("spend", "visits", "prediction", "distance"))
    use_case = replace(SHOP, name="upstream", features=columns)
    shop = opened(use_case, visitors().rename(columns={"age": "prediction"}), studio)
    yield from cleared(shop, shop.champion.promotion_id)


def test_a_column_may_be_named_as_the_answers_are(upstream: Shop) -> None:
    rows = upstream.resampled(400)
    upstream.log(rows.assign(prediction=rows["prediction"] + 24))

    seen = upstream.watch()

    assert seen.drifted == ("prediction",)
    assert seen.prediction_drift is False
    assert "the predictions" not in seen.sentence
    folder = upstream.settings.home / "drift" / "upstream" / seen.report_id
    assert outputs.PREDICTION in (folder / "report.html").read_text()
