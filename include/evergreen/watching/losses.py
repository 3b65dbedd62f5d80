"""How large the error of an answer probably is: learned from answers whose truth is known.

    losses = Losses.fit("mae", ground, rows, truth, said)
    losses.of(ground, later)                # expected |error| of each row, (n,)

A cheap model (boosted trees) learns the loss of a row from its columns and the answer (DLE, direct
loss estimation, as in NannyML). The mean over a window is the metric as it probably is. The same
rows give the same model.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from evergreen.learning import models
from evergreen.learning.metrics import pinball_losses, quantile_of
from evergreen.learning.models import Array
from evergreen.refs import Ref
from evergreen.spec.kinds import PINBALL
from evergreen.watching.ground import Ground

SEED = 0
TREES, LEAVES, LEAST_IN_LEAF = 50, 8, 20
LEAST_SHARE = 0.02
"""Of the rows, in each leaf."""


def absolute(truth: Array, said: Array) -> Array:
    """Return |error|."""
    return np.asarray(np.abs(truth - said))


def squared(truth: Array, said: Array) -> Array:
    """Return error²."""
    return np.asarray((truth - said) ** 2)


def relative(truth: Array, said: Array) -> Array:
    """Return |error| / |truth|."""
    return np.asarray(np.abs(truth - said) / np.maximum(np.abs(truth), np.finfo(float).eps))


LOSSES: dict[str, Callable[[Array, Array], Array]] = {
    "mae": absolute, "mse": squared, "rmse": squared, "mape": relative,
}  # fmt: skip
"""The loss of a row, of each metric that is a mean of them (RMSE: its root)."""


def estimable(metric: str) -> bool:
    """Tell whether a metric of a regression is a mean of losses."""
    return metric in LOSSES or metric in PINBALL


def loss(metric: str, truth: Array, said: Array) -> Array:
    """Return the loss of each row, (n,)."""
    if metric in PINBALL:
        return pinball_losses(truth, said, quantile_of(metric))
    return LOSSES[metric](truth, said)


@dataclass(frozen=True, kw_only=True)
class Losses(Ref):
    """The model of a metric's loss."""

    model: str
    """Scikit-learn's, as skops in base64."""
    sha256: str
    highest: float
    """No row is expected to lose more than any has lost."""

    @classmethod
    def fit(
        cls, metric: str, ground: Ground, rows: pd.DataFrame, truth: Array, said: Array
    ) -> Self:
        """Learn it of n rows."""
        lost = loss(metric, truth, said)
        model = HistGradientBoostingRegressor(
            max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False, random_state=SEED,
            min_samples_leaf=max(LEAST_IN_LEAF, round(LEAST_SHARE * len(rows))),
            categorical_features=ground.categories,
        ).fit(ground.matrix(rows), lost)  # fmt: skip
        content = models.dumped(model)
        return cls(
            model=base64.b64encode(content).decode(), sha256=models.digest(content),
            highest=float(lost.max()),
        )  # fmt: skip

    def of(self, ground: Ground, rows: pd.DataFrame) -> Array:
        """Return the expected loss of each row, (n,)."""
        found = self._model.predict(ground.matrix(rows))
        return np.asarray(np.clip(found, 0.0, self.highest))

    @cached_property
    def _model(self) -> Any:
        return models.loaded(base64.b64decode(self.model), self.sha256, "the model of the error")
