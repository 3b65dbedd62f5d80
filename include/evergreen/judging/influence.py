"""How much each row moves a metric: its influence values.

    values = influence("roc_auc", ...)          # (rows,), they add up to 0
    metric of other rows ≈ metric + mean of their values

The value of a row is rows × the derivative of the metric by that row's weight (Hampel, JASA 69,
1974; the infinitesimal jackknife of Efron & Tibshirani, An Introduction to the Bootstrap, 1993,
ch. 21). The spread of a metric, whatever it is made of, is then the spread of a mean. For the area
under the ROC curve they are the structural components of DeLong et al., Biometrics 44 (1988), from
ranks as in Sun & Xu, IEEE Signal Processing Letters 21 (2014): n log n, a million rows in a second.

What one positive tells is told by nothing else, so the influences of hardly any positives are too
small, whatever the metric. Of two classes a metric that is a share of one of them (recall, F1 and
average precision of the positives, precision of what is called positive; ROC AUC and balanced
accuracy of either) is known from 8 rows of it on that lie in 8 units, or in all of a slice that
holds fewer (`units.FEWEST`). Of several classes, each is one of many: what has fewer rows than that
counts, and its part of the error is too small. A part of n rows is divided by n - 1, as if it were
looked at without each of them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from evergreen.judging import jackknife
from evergreen.judging.units import FEWEST, Units
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind, Scale
from evergreen.spec.kinds import PINBALL

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

OF_CLASSES = {
    *("precision", "recall", "f1", "balanced_accuracy", "roc_auc", "average_precision"),
}
"""Metrics of which a row counts for more, the fewer rows its class has."""

_EPSILON = float(np.finfo(float).eps)


def influence(
    measured: Kind | Scale, metric: str, truth: Array, output: Output, units: Units | None = None
) -> Floats:
    """Return the influence of each row on the metric, by the same rules as `metrics.score`.

    Args:
        measured: what is predicted, or what it is measured by.
        metric: one of its metrics.
        truth: the labels, (rows,).
        output: a model's answers on those rows.
        units: of the rows; a metric of one's own is looked at without each of them (`jackknife`).

    Returns:
        (rows,), in the metric's unit; all NaN where the metric is not defined, or too few rows of
        a class tell it.
    """
    scale = Scale.of(measured)
    kind, known = scale.kind, metrics.score(scale, truth, output, [metric])
    if metric not in known:
        return np.full(len(truth), np.nan)
    if scale.metric(metric) is not None:
        whole, rows = known[metric], units or Units.of(None, None, len(truth))
        return _own(scale, metric, truth, output, whole, rows)
    if kind is Kind.REGRESSION:
        return _regression(metric, truth.astype(float), output.labels.astype(float))
    if kind is Kind.BINARY and not _is_told(metric, truth, output, units):
        return np.full(len(truth), np.nan)
    if metric in {"precision", "recall", "f1"}:
        return _confusion(metric, truth, output)
    if metric == "accuracy":
        return _mean(truth == output.labels)
    if metric == "balanced_accuracy":
        return _recalls(truth, output)
    if output.probabilities is None or output.classes is None:  # told by metrics.score, above
        return np.full(len(truth), np.nan)
    hit = truth[:, None] == output.classes
    if metric == "roc_auc":
        first = 1 if len(output.classes) == 2 else 0
        each = [
            _area(h, p) for h, p in zip(hit.T[first:], output.probabilities.T[first:], strict=True)
        ]
        return np.asarray(np.mean(each, axis=0))
    if metric == "average_precision":
        return _average_precision(hit[:, -1], output.positive)
    if metric == "brier":
        return _mean((output.positive - hit[:, -1]) ** 2)
    given = np.where(hit, output.probabilities, 0).sum(axis=1)
    return _mean(-np.log(np.clip(given, _EPSILON, 1 - _EPSILON)))


def _own(
    scale: Scale, metric: str, truth: Array, output: Output, whole: float, units: Units
) -> Floats:
    def of(kept: Array) -> float:
        found = metrics.score(scale, truth[kept], output.take(kept), [metric])
        return found.get(metric, np.nan)

    return jackknife.influence(of, whole, units)


def _is_told(metric: str, truth: Array, output: Output, units: Units | None) -> bool:
    """Tell whether each class that the metric is a share of is a sample of its own."""
    if metric not in OF_CLASSES:
        return True
    units = units or Units.of(None, None, len(truth))
    classes = metrics.hits(truth, output)[0]
    if metric in {"roc_auc", "balanced_accuracy"} and output.classes is not None:
        classes = output.classes
    given = output.labels if metric == "precision" else truth
    return all(_is_sample(given == one, units) for one in classes)


def _is_sample(rows: npt.NDArray[np.bool_], units: Units) -> bool:
    several = units.take(rows).count >= min(FEWEST, units.count)
    return bool(rows.sum() >= FEWEST and several)


def _mean(values: Array) -> Floats:
    return np.asarray(values - np.mean(values), dtype=float)


def _regression(metric: str, truth: Floats, predicted: Floats) -> Floats:
    error = truth - predicted
    if metric in PINBALL:
        return _mean(metrics.pinball_losses(truth, predicted, metrics.quantile_of(metric)))
    if metric == "mae":
        return _mean(np.abs(error))
    if metric == "mape":
        return _mean(np.abs(error) / np.maximum(np.abs(truth), _EPSILON))
    if metric == "r2":
        squares = (truth - truth.mean()) ** 2
        unexplained = (error**2).sum() / squares.sum()
        return np.asarray((unexplained * squares - error**2) / squares.mean())
    squared = _mean(error**2)
    root = np.sqrt(np.mean(error**2))
    return squared if metric == "mse" or root == 0 else np.asarray(squared / (2 * root))


def _confusion(metric: str, truth: Array, output: Output) -> Floats:
    """Precision, recall and F1 are ratios: of hits to what was said, to what is true, to both."""
    labels, *_ = metrics.hits(truth, output)
    moved = np.zeros(len(truth))
    for label in labels:
        is_true, is_said = truth == label, output.labels == label
        part = {"precision": is_said, "recall": is_true}.get(metric, (is_true + 1.0 * is_said) / 2)
        if whole := part.sum():
            hit = _not_always(is_true & is_said, part > 0)
            moved += (hit - hit.sum() / whole * part) * len(truth) / max(whole - 1, 1)
    return moved / len(labels)


def _not_always(hit: npt.NDArray[np.bool_], rows: npt.NDArray[np.bool_]) -> Array:
    """Return the hits among the rows: of all or none, one is taken to be otherwise.

    That it is always so is not known from some rows; else the error of their share would be 0.
    """
    if hit[rows].any() and not hit[rows].all():
        return hit
    return np.asarray(hit ^ (np.arange(len(hit)) == np.argmax(rows)))


def _recalls(truth: Array, output: Output) -> Floats:
    """Balanced accuracy is a mean of shares, each of the rows of one class."""
    moved = np.zeros(len(truth))
    classes = np.unique(truth) if output.classes is None else output.classes
    for one in classes:
        mine = truth == one
        hit = _not_always(output.labels == truth, mine)[mine]
        moved[mine] = (hit - hit.mean()) * len(truth) / max(mine.sum() - 1, 1)
    return moved / len(classes)


def _average_precision(positive: npt.NDArray[np.bool_], chance: Floats) -> Floats:
    """A row moves the precision at every positive that is no more probable, a positive its own too.

    With n rows above, t of them positive: the derivative of Σ t/n by the weight of a row.
    """
    above, hits = metrics.at_least(chance, positive)
    order = np.argsort(chance, kind="stable")
    ranks = np.searchsorted(chance[order], chance, side="right")
    each = np.where(positive, 1 / above, 0.0), np.where(positive, hits / above**2, 0.0)
    ones, lost = (np.concatenate([[0.0], np.cumsum(part[order])])[ranks] for part in each)
    precision = hits / above
    mean = precision[positive].mean()
    moved = np.where(positive, precision - mean + ones, 0.0) - lost
    return np.asarray(moved * len(chance) / max(positive.sum() - 1, 1))


def _area(positive: npt.NDArray[np.bool_], score: Floats) -> Floats:
    """A positive moves the area by the share of the negatives below it, a negative likewise."""
    ranks, moved = rankdata(score), np.zeros(len(score))
    for mine, sign in ((positive, 1), (~positive, -1)):
        others = len(score) - mine.sum()
        below = (ranks[mine] - rankdata(score[mine])) / others
        moved[mine] = sign * (below - below.mean()) * len(score) / max(mine.sum() - 1, 1)
    return moved
