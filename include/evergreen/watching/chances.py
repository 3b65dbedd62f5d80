"""How likely each class is where a model says 0.8: learned from answers whose labels are known.

    calibrated = Calibrated.fit(truth, output)       # of rows that no fit had seen
    calibrated.of(later)                             # (n, k), each row adds up to 1

Each class by itself, then all of a row divided by their sum (Zadrozny & Elkan, KDD 2002): by
isotonic regression, or, of fewer than `ISOTONIC_FROM` rows, which it would learn by heart, by a
logistic curve over the log odds (Platt, Advances in Large Margin Classifiers, 1999).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from evergreen.learning.models import Array, Output
from evergreen.refs import Ref

ISOTONIC_FROM = 1_000
POINTS = 101
"""Of a curve, at most."""
_EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class Calibrated(Ref):
    """The curve of each class."""

    given: tuple[tuple[float, ...], ...]
    """Of each curve: probabilities that the model gives, rising."""
    true: tuple[tuple[float, ...], ...]
    """How often that comes true."""

    @classmethod
    def fit(cls, truth: Array, output: Output) -> Self:
        """Learn the curves from n answers with probabilities, and their labels."""
        assert output.probabilities is not None, "answers with probabilities"  # noqa: S101
        assert output.classes is not None, "of classes"  # noqa: S101
        first = 1 if len(output.classes) == 2 else 0
        curves = [
            _curve(output.probabilities[:, j], truth == output.classes[j])
            for j in range(first, len(output.classes))
        ]
        given, true = zip(*curves, strict=True)
        return cls(given=given, true=true)

    def of(self, output: Output) -> Array:
        """Return the chance of each class, (n, k)."""
        assert output.probabilities is not None, "answers with probabilities"  # noqa: S101
        first = output.probabilities.shape[1] - len(self.given)
        columns = [
            np.interp(output.probabilities[:, first + j], given, true)
            for j, (given, true) in enumerate(zip(self.given, self.true, strict=True))
        ]
        if first:
            return np.column_stack([1 - columns[0], columns[0]])
        table = np.column_stack(columns)
        total = table.sum(axis=1, keepdims=True)
        return np.where(total > 0, table / np.where(total > 0, total, 1), 1 / table.shape[1])


def _curve(given: Array, came_true: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    at = np.unique(np.quantile(given, np.linspace(0, 1, POINTS)))
    if came_true.all() or not came_true.any():
        return (0.0, 1.0), (float(came_true[0]),) * 2
    if len(given) >= ISOTONIC_FROM:
        model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(given, came_true)
        found = model.predict(at)
    else:
        odds = LogisticRegression(C=1e6).fit(_odds(given)[:, None], came_true)
        found = odds.predict_proba(_odds(at)[:, None])[:, 1]
    return tuple(at.tolist()), tuple(found.tolist())


def _odds(given: Array) -> Array:
    inside = np.clip(given, _EPSILON, 1 - _EPSILON)
    return np.asarray(np.log(inside / (1 - inside)))
