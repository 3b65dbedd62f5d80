"""Prediction intervals that hold a declared share of the true values: split conformal.

    half_width(errors, coverage=0.9)     # from errors on rows that the model did not see
    metrics.coverage(truth, output)      # what the intervals are worth on other rows

The interval is prediction ± half width. If the rows to come are exchangeable with those that the
errors are of, it holds the true value with at least that probability; rows that drift may be
covered less, which is why the gate counts.
"""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone

Array = NDArray[Any]


class ConformalRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor with the half width of its intervals.

    Args:
        estimator: answers.
        half_width: of the interval around each answer, in the target's unit.
    """

    def __init__(self, estimator: BaseEstimator, half_width: float = 0.0) -> None:
        self.estimator = estimator
        self.half_width = half_width

    def fit(self, rows: Array, truth: Array) -> Self:
        """Fit a clone of the estimator."""
        self.estimator_ = clone(self.estimator).fit(rows, truth)
        return self

    def predict(self, rows: Array) -> Array:
        """Return the middle of the interval of each row."""
        middle: Array = self.estimator_.predict(rows)
        return middle


def half_width(errors: Array, coverage: float) -> float:
    """Return the ⌈(n + 1) · coverage⌉-th smallest of n absolute errors (the largest, if too few).

    Source: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, "Distribution-Free Predictive Inference for
    Regression", JASA 113 (2018), algorithm 2; errors of all folds: Vovk, "Cross-conformal
    predictors", AMAI 74 (2015).
    """
    ordered = np.sort(np.abs(errors))
    rank = min(len(ordered), math.ceil((len(ordered) + 1) * coverage))
    return float(ordered[rank - 1])
