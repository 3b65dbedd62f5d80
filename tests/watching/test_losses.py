"""A model of the error: the same rows give the same, and nothing else than ours is loaded."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evergreen.errors import ModelRefused
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind, Scale
from evergreen.watching import losses
from evergreen.watching.drift import NUMERIC
from evergreen.watching.ground import Ground
from evergreen.watching.losses import Losses


def learned(metric: str = "mae") -> tuple[Losses, Ground, pd.DataFrame]:
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"x": draw.normal(size=2000)})
    said = np.zeros(2000)
    ground = Ground.of(rows, {"x": NUMERIC})
    truth = draw.normal(size=2000) * np.exp(rows["x"].to_numpy())
    return Losses.fit(metric, ground, rows, truth, said), ground, rows


@pytest.mark.parametrize("metric", ["mae", "mse", "mape", "pinball_90"])
def test_the_mean_of_losses_is_the_metric(metric: str) -> None:
    truth, said = np.array([1.0, 2.0, 4.0]), np.array([1.5, 1.0, 9.0])

    mean = losses.loss(metric, truth, said).mean()

    scale = Scale(Kind.REGRESSION, asked=("pinball_90",))
    assert mean == pytest.approx(metrics.score(scale, truth, Output(said))[metric])


def test_rows_with_larger_errors_are_told() -> None:
    model, ground, _ = learned()

    low, high = model.of(ground, pd.DataFrame({"x": [-1.5, 1.5]}))

    assert 0 <= low < 0.5 < 2 < high


def test_the_same_rows_give_the_same_bytes() -> None:
    assert learned()[0] == learned()[0]


def test_other_bytes_are_refused() -> None:
    model, ground, rows = learned()

    with pytest.raises(ModelRefused, match="the model of the error has sha256"):
        replace(model, sha256="0" * 64).of(ground, rows)


def test_r2_is_no_mean_of_losses() -> None:
    assert not losses.estimable("r2")
    assert losses.estimable("pinball_50")
