"""What a metric is expected to be, of answers whose labels nobody knows yet.

    chances = calibrated.of(output)                   # how likely each class is, (n, k)
    expected("f1", chances, output)                   # 0.71; None: it cannot be estimated

Every row stands for each class with its chance: the expected confusion matrix, from which the
metrics follow as if it had been counted (CBPE: confidence-based performance estimation, as in
NannyML). For the areas under curves the rows' chances are their weights as positives and negatives.
"""

from collections.abc import Callable

import numpy as np

from evergreen.learning.metrics import at_least
from evergreen.learning.models import Array, Output

_EPSILON = float(np.finfo(float).eps)
Estimator = Callable[[Array, Output], float | None]


def expected(metric: str, chances: Array, output: Output) -> float | None:
    """Return what is expected of a metric; None: it cannot be estimated.

    Args:
        metric: by its name.
        chances: of each class, calibrated, (n, k); each row adds up to 1.
        output: the answers, with their probabilities as the model gave them.
    """
    if metric not in ESTIMATORS or output.classes is None or not len(output):
        return None
    value = ESTIMATORS[metric](chances, output)
    return None if value is None or not np.isfinite(value) else float(value)


def accuracy(chances: Array, output: Output) -> float:
    """Return the mean chance of what was said."""
    return float((chances * _said(output)).sum(axis=1).mean())


def precision(chances: Array, output: Output) -> float:
    """Return the expected TP / (TP + FP); several classes: their mean."""
    hit, said, _ = _confusion(chances, output)
    return _ratio(hit, said)


def recall(chances: Array, output: Output) -> float:
    """Return the expected TP / (TP + FN)."""
    hit, _, true = _confusion(chances, output)
    return _ratio(hit, true)


def f1(chances: Array, output: Output) -> float:
    """Return 2 TP / (2 TP + FP + FN), of expected counts."""
    hit, said, true = _confusion(chances, output)
    return _ratio(2 * hit, said + true)


def balanced_accuracy(chances: Array, output: Output) -> float | None:
    """Return the mean recall of all classes."""
    hits, true = (chances * _said(output)).sum(axis=0), chances.sum(axis=0)
    return float((hits / true).mean()) if true.all() else None


def log_loss(chances: Array, output: Output) -> float | None:
    """Return the mean of −log(the model's probability), each class by its chance."""
    if output.probabilities is None:
        return None
    losses = -np.log(np.clip(output.probabilities, _EPSILON, 1 - _EPSILON))
    return float((chances * losses).sum(axis=1).mean())


def brier(chances: Array, output: Output) -> float | None:
    """Return the mean of (probability − outcome)², each outcome by its chance."""
    if output.probabilities is None or chances.shape[1] != 2:
        return None
    given, chance = output.positive, chances[:, -1]
    return float((chance * (given - 1) ** 2 + (1 - chance) * given**2).mean())


def roc_auc(chances: Array, output: Output) -> float | None:
    """Return the expected area under the ROC curve; several classes: each against the rest."""
    if output.probabilities is None:
        return None
    first = 1 if chances.shape[1] == 2 else 0
    each = [
        _area(chances[:, j], output.probabilities[:, j]) for j in range(first, chances.shape[1])
    ]
    return None if None in each else float(np.mean([area for area in each if area is not None]))


def average_precision(chances: Array, output: Output) -> float | None:
    """Return the mean precision at the positives, each row by its chance to be one."""
    if output.probabilities is None or chances.shape[1] != 2:
        return None
    chance = chances[:, -1]
    above, hits = at_least(output.positive, chance)
    total = chance.sum()
    return float((chance * hits / above).sum() / total) if total else None


ESTIMATORS: dict[str, Estimator] = {
    "accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "precision": precision,
    "recall": recall, "f1": f1, "roc_auc": roc_auc, "log_loss": log_loss,
    "average_precision": average_precision, "brier": brier,
}  # fmt: skip
"""The metrics that can be estimated, and how."""


def _said(output: Output) -> Array:
    """Return which class was said of each row, (n, k)."""
    assert output.classes is not None, "asked for classes only"  # noqa: S101
    return np.asarray(output.labels[:, None] == output.classes)


def _confusion(chances: Array, output: Output) -> tuple[Array, Array, Array]:
    """Return expected hits, what was said, and what is expected to be true, of the classes that
    count: of two, the positive one."""
    first = 1 if chances.shape[1] == 2 else 0
    said = _said(output)[:, first:]
    true = chances[:, first:]
    return (true * said).sum(axis=0), said.sum(axis=0), true.sum(axis=0)


def _area(chance: Array, given: Array) -> float | None:
    """Return the chance that a positive row is given more than a negative one; ties count half.

    Of the pairs of a row with itself, which are none, nothing is counted.
    """
    values, places = np.unique(given, return_inverse=True)
    positive = np.bincount(places, chance, minlength=len(values))
    negative = np.bincount(places, 1 - chance, minlength=len(values))
    below = np.cumsum(negative) - negative
    itself = float((chance * (1 - chance)).sum())
    pairs = float(positive.sum() * negative.sum()) - itself
    won = float((positive * (below + negative / 2)).sum()) - itself / 2
    return won / pairs if pairs > 0 else None


def _ratio(part: Array, whole: Array) -> float:
    return float(np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0).mean())
