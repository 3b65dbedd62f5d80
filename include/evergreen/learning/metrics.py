"""The metrics of `spec.METRICS`, computed once and for all here, so that every figure agrees.

    score(Kind.BINARY, truth, models.predict(model, rows))
    {'accuracy': 0.71, 'precision': 0.64, ...}

A metric that is not defined for these rows (ROC AUC of rows of one class, anything of no rows, a
probability metric of a model without probabilities) is left out: nothing measured, nothing claimed.
The positive class of a binary problem is the last of the sorted classes (1, or True).
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from evergreen.learning.models import Output
from evergreen.spec import Kind, Metric, Scale
from evergreen.spec.kinds import PINBALL

Array = NDArray[Any]
Scorer = Callable[[Array, Output], float | None]

BINS = 10


def score(
    measured: Kind | Scale, truth: Array, output: Output, names: Iterable[str] | None = None
) -> dict[str, float]:
    """Return the metrics (all of the kind or the scale, or those named) of n predictions.

    Args:
        measured: what is predicted, or what it is measured by.
        truth: n true labels (or values), of the type of `output.labels`.
        output: n predictions.
        names: of the metrics; None: all. One of their own that the scale lacks is left out.

    Raises:
        ValueError: truth and output differ in length.
    """
    if len(truth) != len(output.labels):
        raise ValueError(f"{len(truth)} true labels for {len(output.labels)} predictions")
    if len(truth) == 0:
        return {}
    scale = Scale.of(measured)
    found = {n: _figure(scale, n, np.asarray(truth), output) for n in names or scale.directions}
    return {n: float(value) for n, value in found.items() if value is not None}


def _figure(scale: Scale, name: str, truth: Array, output: Output) -> float | None:
    if name in SCORERS[scale.kind]:
        return SCORERS[scale.kind][name](truth, output)
    if name in PINBALL:
        return pinball(truth, output, quantile_of(name))
    metric = scale.metric(name)
    return None if metric is None else _own(metric, truth, output)


def _own(metric: Metric, truth: Array, output: Output) -> float | None:
    said: Array | None = output.labels
    if metric.reads == "probabilities":
        said = output.probabilities
        if said is not None and said.shape[1] == 2:
            said = output.positive
    found = None if said is None else metric.function(truth, said)
    return None if found is None or not np.isfinite(found) else float(found)


def score_slice(measured: Kind | Scale, truth: Array, output: Output) -> dict[str, float]:
    """Return the metrics of some of the rows, with the share that is called positive.

    A rate that has nothing to be a share of (recall and F1 of rows without positives, the precision
    of rows of which none is called positive) is left out: groups are compared by it.
    """
    kind = Scale.of(measured).kind
    found = score(measured, truth, output)
    if output.classes is None:
        return found
    chosen, positive = output.labels == output.classes[-1], truth == output.classes[-1]
    found["selection_rate"] = float(chosen.mean())
    if kind is Kind.BINARY:
        none = not positive.any()
        undefined = {"recall": none, "f1": none, "precision": not chosen.any()}
        found = {name: value for name, value in found.items() if not undefined.get(name)}
    return found


def calibration_error(truth: Array, output: Output, bins: int = BINS) -> float:
    """Return the expected calibration error, 0 (perfect) to 1.

    Σ_b n_b/n · |share that came true in b − mean probability in b|, over bins of equal mass.
    Two classes: the probability of the positive one. More: that of the predicted (top) label.
    NaN without probabilities or without rows.

    Source: Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
    Binning", AAAI 2015; equal mass: Nguyen & O'Connor, EMNLP 2015;
    top label: Guo et al., ICML 2017.
    """
    if output.probabilities is None or output.classes is None or len(truth) == 0:
        return float("nan")
    if len(output.classes) == 2:
        sure, came_true = output.positive, np.asarray(truth) == output.classes[1]
    else:
        sure, came_true = output.probabilities.max(axis=1), np.asarray(truth) == output.labels
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [len(part) * abs(came_true[part].mean() - sure[part].mean()) for part in parts]
    return float(sum(gaps) / len(order))


def accuracy(truth: Array, output: Output) -> float:
    """Return the share of labels that are right."""
    return float(np.mean(truth == output.labels))


def precision(truth: Array, output: Output) -> float:
    """Return TP / (TP + FP); 0 when nothing was predicted. Multiclass: macro average."""
    _, hit, said, _ = hits(truth, output)
    return _ratio(hit, said)


def recall(truth: Array, output: Output) -> float:
    """Return TP / (TP + FN); 0 when there is nothing to find. Multiclass: macro average."""
    _, hit, _, true = hits(truth, output)
    return _ratio(hit, true)


def balanced_accuracy(truth: Array, output: Output) -> float | None:
    """Return the mean recall of all classes; None when one is missing from the rows.

    Source: Brodersen, Ong, Stephan, Buhmann, "The Balanced Accuracy and Its Posterior
    Distribution", ICPR 2010.
    """
    classes = np.unique(truth) if output.classes is None else output.classes
    each = [(output.labels == one)[truth == one] for one in classes]
    return float(np.mean([found.mean() for found in each])) if all(map(len, each)) else None


def average_precision(truth: Array, output: Output) -> float | None:
    """Return the mean, over the positives, of the precision among all rows no less probable.

    Source: Buckley & Voorhees, SIGIR 2000; as scikit-learn. None without probabilities or
    positives.
    """
    if output.probabilities is None or output.classes is None or len(output.classes) != 2:
        return None
    positive = truth == output.classes[1]
    if not positive.any():
        return None
    above, hits = at_least(output.positive, positive)
    return float((hits[positive] / above[positive]).mean())


def at_least(chance: Array, positive: Array) -> tuple[Array, Array]:
    """Return, for each row, how many rows are no less probable, and how many of them positive."""
    values, places = np.unique(-chance, return_inverse=True)
    rows = np.cumsum(np.bincount(places, minlength=len(values)))
    hits = np.cumsum(np.bincount(places, positive, minlength=len(values)))
    return rows[places], hits[places]


def f1(truth: Array, output: Output) -> float:
    """Return the harmonic mean of precision and recall, 2TP / (2TP + FP + FN). Macro likewise."""
    _, hit, said, true = hits(truth, output)
    return _ratio(2 * hit, said + true)


def roc_auc(truth: Array, output: Output) -> float | None:
    """Return the area under the ROC curve; multiclass: macro average of one against the rest.

    The Mann-Whitney statistic: (R⁺ − n⁺(n⁺+1)/2) / (n⁺n⁻) with R⁺ the rank sum of the positives.
    Source: Hanley & McNeil, Radiology 143 (1982). None when a class is missing from the rows.
    """
    if output.probabilities is None or output.classes is None:
        return None
    if len(output.classes) == 2:
        return _area(truth == output.classes[1], output.positive)
    columns = enumerate(output.classes)
    areas = [_area(truth == name, output.probabilities[:, j]) for j, name in columns]
    return None if None in areas else float(np.mean([a for a in areas if a is not None]))


def log_loss(truth: Array, output: Output) -> float | None:
    """Return the mean of −log(probability of the true class), clipped at the float's epsilon.

    A true class that the model has never seen has probability 0, and is clipped likewise.
    Source: Good, "Rational Decisions", JRSS B 14 (1952).
    """
    if output.probabilities is None or output.classes is None:
        return None
    hit = truth[:, None] == output.classes[None, :]
    probability = np.where(hit, output.probabilities, 0).sum(axis=1)
    epsilon = np.finfo(float).eps
    return float(-np.log(np.clip(probability, epsilon, 1 - epsilon)).mean())


def brier(truth: Array, output: Output) -> float | None:
    """Return the mean of (probability of the positive class − outcome)².

    Source: Brier, Monthly Weather Review 78 (1950), in its binary form.
    """
    if output.probabilities is None or output.classes is None or len(output.classes) != 2:
        return None
    return float(np.mean((output.positive - (truth == output.classes[1])) ** 2))


def mae(truth: Array, output: Output) -> float:
    """Return the mean of |truth − prediction|, in the target's unit."""
    return float(np.abs(truth - output.labels).mean())


def mse(truth: Array, output: Output) -> float:
    """Return the mean of (truth − prediction)²."""
    return float(((truth - output.labels) ** 2).mean())


def rmse(truth: Array, output: Output) -> float:
    """Return the root of the mean squared error, in the target's unit."""
    return float(np.sqrt(mse(truth, output)))


def r2(truth: Array, output: Output) -> float | None:
    """Return 1 − Σ(truth − prediction)² / Σ(truth − mean)²; None when truth hardly varies."""
    missed, spread = ((truth - output.labels) ** 2).sum(), ((truth - truth.mean()) ** 2).sum()
    if hardly_varies(truth, spread):
        return None
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        value = float(1 - missed / spread)
    return value if np.isfinite(value) else None


def hardly_varies(truth: Array, spread: float) -> bool:
    """Tell whether Σ(truth − mean)² is no more than what a mean of their size is rounded by."""
    rounded = 8 * np.finfo(float).eps * np.abs(truth).max(initial=0.0)
    return bool(spread <= len(truth) * rounded**2)


def mape(truth: Array, output: Output) -> float:
    """Return the mean of |truth − prediction| / |truth|, a share; truth is at least epsilon."""
    return float((np.abs(truth - output.labels) / np.maximum(np.abs(truth), _TINY)).mean())


def quantile_of(name: str) -> float:
    """Return the quantile that `pinball_90` is of: 0.9."""
    return int(name.rpartition("_")[2]) / 100


def pinball(truth: Array, output: Output, quantile: float) -> float:
    """Return the mean of q·e where the error e = truth − prediction is above 0, else (q − 1)·e.

    Source: Koenker & Bassett, Econometrica 46 (1978).
    """
    return float(pinball_losses(truth, output.labels, quantile).mean())


def pinball_losses(truth: Array, values: Array, quantile: float) -> Array:
    """Return the loss of each row."""
    error = truth - values
    losses: Array = np.maximum(quantile * error, (quantile - 1) * error)
    return losses


def hits(truth: Array, output: Output) -> tuple[Array, Array, Array, Array]:
    """Return the classes that count (of two, the positive one), and of each class how many rows
    were hits (true and said), said, and true.
    """
    if output.classes is not None and len(output.classes) == 2:
        labels = output.classes[1:]
    else:
        labels = np.union1d(truth, output.labels)
    true, said = truth[:, None] == labels, output.labels[:, None] == labels
    return labels, (true & said).sum(axis=0), said.sum(axis=0), true.sum(axis=0)


_TINY = float(np.finfo(np.float64).eps)

_CLASSIFICATION: dict[str, Scorer] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "roc_auc": roc_auc,
    "log_loss": log_loss,
}

SCORERS: dict[Kind, dict[str, Scorer]] = {
    Kind.BINARY: {**_CLASSIFICATION, "average_precision": average_precision, "brier": brier},
    Kind.MULTICLASS: _CLASSIFICATION,
    Kind.REGRESSION: {"mae": mae, "mse": mse, "rmse": rmse, "r2": r2, "mape": mape},
}


def _area(positive: Array, chance: Array) -> float | None:
    many, few = int((~positive).sum()), int(positive.sum())
    if not many or not few:
        return None
    ranks = rankdata(chance)[positive].sum()
    return float((ranks - few * (few + 1) / 2) / (few * many))


def _ratio(part: Array, whole: Array) -> float:
    return float(np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0).mean())


def coverage(truth: Array, output: Output) -> float:
    """Return the share of true values inside their intervals; NaN without intervals or rows."""
    if output.half_width is None or not len(truth):
        return math.nan
    return float((np.abs(truth - output.labels) <= output.half_width).mean())
