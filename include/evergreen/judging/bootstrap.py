"""Is the challenger better than the champion, or just lucky? A paired bootstrap on the same rows.

    paired_difference(kind, "roc_auc", truth, challenger, champion, seed=0)
    # low=-0.010, estimate=+0.004, high=+0.018: it may as well be worse

Rows are drawn with replacement, the same ones for both models, and the interval is the percentile
interval of the differences (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).
A resample is a vector of counts, one per row; so each metric but one is a function of a few
weighted sums, and all resamples are a few matrix products. The area under the ROC curve sums over
the counts in the order of the scores.

Above `EXACT_ROWS` rows two documented approximations keep it near a second, with one thread: rows
are resampled in 5,000 random groups (Wolter, Introduction to Variance Estimation, 2007, ch. 2), and
the area becomes the mean of its structural components (DeLong et al., Biometrics 44, 1988), which
leaves out a remainder of the order of 1/rows.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from evergreen.judging.evidence import Difference
from evergreen.learning.models import Output
from evergreen.spec import METRICS, Kind

EXACT_ROWS = 5_000
CHUNK = 100
"""Resamples at a time: 4 MB of counts."""
MIN_DEFINED = 0.8
"""The share of resamples in which the metric must have a value, for an interval to be given."""

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Resampled = Callable[[Floats], Floats]
"""Counts, (resamples, groups), to the metric of each resample, (resamples,); NaN: undefined."""


def paired_difference(
    kind: Kind,
    metric: str,
    truth: Array,
    challenger: Output,
    other: Output,
    *,
    name: str = "champion",
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Difference:
    """Estimate how much better the challenger is, with its percentile interval.

    Args:
        kind: what is predicted.
        metric: one of `spec.METRICS[kind]`.
        truth: the labels, (rows,).
        challenger: its answers on those rows.
        other: the other model's answers on the same rows.
        name: of the other model.
        confidence: of the interval, such as 0.95.
        resamples: how many bootstrap resamples.
        seed: the same seed gives the same interval.
    """
    generator = np.random.default_rng(seed)
    rows = Rows(len(truth), generator)
    sign = 1.0 if METRICS[kind][metric] else -1.0
    ours = metric_of(kind, metric, truth, challenger, rows)
    theirs = metric_of(kind, metric, truth, other, rows)
    estimate, *_ = sign * (ours(rows.once) - theirs(rows.once))
    drawn = np.concatenate(
        [sign * (ours(counts) - theirs(counts)) for counts in rows.draw(resamples)]
    )
    low, high = _percentiles(drawn, confidence)
    return Difference(
        other=name,
        metric=metric,
        estimate=float(estimate),
        low=low,
        high=high,
        confidence=confidence,
        resamples=resamples,
        undefined=int(np.isnan(drawn).sum()),
    )


class Rows:
    """The rows that are resampled: each on its own, or in random groups if they are many."""

    def __init__(self, rows: int, generator: np.random.Generator) -> None:
        self.groups = min(rows, EXACT_ROWS)
        self.exact = rows == self.groups
        self._group = np.arange(rows) if self.exact else generator.permutation(rows) % self.groups
        self._generator = generator

    @property
    def once(self) -> Floats:
        """The counts of the sample itself: every row once."""
        return np.ones((1, self.groups))

    def draw(self, resamples: int) -> Iterator[Floats]:
        """Yield the counts of the resamples, some at a time."""
        for start in range(0, resamples, CHUNK):
            size = min(CHUNK, resamples - start)
            drawn = self._generator.integers(0, self.groups, size=(size, self.groups))
            drawn += np.arange(size)[:, None] * self.groups
            counts = np.bincount(drawn.ravel(), minlength=size * self.groups)
            yield counts.reshape(size, self.groups).astype(float)

    def sums(self, columns: Floats) -> Callable[[Floats], Floats]:
        """Return the function from counts to the weighted sums of the columns, (rows, k)."""
        by_group = columns
        if not self.exact:
            summed = [np.bincount(self._group, column, self.groups) for column in columns.T]
            by_group = np.stack(summed, axis=1)
        return lambda counts: counts @ by_group


def metric_of(kind: Kind, metric: str, truth: Array, output: Output, rows: Rows) -> Resampled:
    """Return the function from counts to the metric, by the same rules as `metrics.score`."""
    if kind is Kind.REGRESSION:
        return _regression(metric, truth.astype(float), output.labels.astype(float), rows)
    if metric == "accuracy":
        return _mean(truth == output.labels, rows)
    if metric in {"precision", "recall", "f1"}:
        return _confusion(metric, truth, output, rows)
    if output.probabilities is None or output.classes is None:
        return _undefined
    hit = truth[:, None] == output.classes
    if metric == "roc_auc":
        return _roc_auc(hit, output.probabilities, rows)
    if metric == "brier":
        return _mean((output.positive - hit[:, -1]) ** 2, rows)
    epsilon = np.finfo(float).eps
    given = (output.probabilities * hit).sum(axis=1)
    return _mean(-np.log(np.clip(given, epsilon, 1 - epsilon)), rows)


def _undefined(counts: Floats) -> Floats:
    return np.full(len(counts), np.nan)


def _mean(values: Array, rows: Rows) -> Resampled:
    sums = rows.sums(np.stack([values.astype(float), np.ones(len(values))], axis=1))

    def mean(counts: Floats) -> Floats:
        total, weight = sums(counts).T
        return _ratio(total, weight)

    return mean


def _confusion(metric: str, truth: Array, output: Output, rows: Rows) -> Resampled:
    """Return precision, recall or F1: of the positive class, or the mean of the classes present."""
    classes: Array = np.array([]) if output.classes is None else output.classes
    binary = len(classes) == 2
    labels = classes[1:] if binary else np.union1d(truth, output.labels)
    true, said = truth[:, None] == labels, output.labels[:, None] == labels
    sums = rows.sums(np.hstack([true & said, true, said]).astype(float))

    def of(counts: Floats) -> Floats:
        hits, true, said = np.split(sums(counts), 3, axis=1)
        below = {"precision": said, "recall": true, "f1": (true + said) / 2}[metric]
        each = np.divide(hits, below, out=np.zeros_like(hits), where=below > 0)
        present = np.ones_like(hits) if binary else (true + said) > 0
        return _ratio((each * present).sum(axis=1), present.sum(axis=1))

    return of


def _roc_auc(hit: npt.NDArray[np.bool_], probabilities: Floats, rows: Rows) -> Resampled:
    """Return the area under the curve; of several classes the mean of one against the rest."""
    area = _exact_area if rows.exact else _component_area
    classes = hit.shape[1]
    columns = range(1 if classes == 2 else 0, classes)
    areas = [area(hit[:, k], probabilities[:, k], rows) for k in columns]
    return lambda counts: np.asarray(np.mean([each(counts) for each in areas], axis=0))


def _exact_area(positive: npt.NDArray[np.bool_], score: Floats, _rows: Rows) -> Resampled:
    order = np.argsort(score, kind="stable")
    positive, score = positive[order], score[order]
    ties = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])

    def area(counts: Floats) -> Floats:
        counts = counts[:, order]
        above = np.add.reduceat(counts * positive, ties, axis=1)
        below = np.add.reduceat(counts * ~positive, ties, axis=1)
        won = above * (np.cumsum(below, axis=1) - below / 2)
        return _ratio(won.sum(axis=1), above.sum(axis=1) * below.sum(axis=1))

    return area


def _component_area(positive: npt.NDArray[np.bool_], score: Floats, rows: Rows) -> Resampled:
    """Return the mean share of negatives below a positive plus that of positives above a negative.

    Less their mean in the whole sample, so that the sample itself has its very area.
    """
    ranks, columns = rankdata(score), np.zeros((len(score), 4))
    for first, mine in ((0, positive), (2, ~positive)):
        below = (ranks[mine] - rankdata(score[mine])) / max(int((~mine).sum()), 1)
        columns[mine, first] = below if first == 0 else 1 - below
        columns[mine, first + 1] = 1
    sums = rows.sums(columns)
    whole = float(columns[positive, 0].mean()) if positive.any() else np.nan

    def area(counts: Floats) -> Floats:
        won, above, over, below = sums(counts).T
        return _ratio(won, above) + _ratio(over, below) - whole

    return area


def _regression(metric: str, truth: Floats, predicted: Floats, rows: Rows) -> Resampled:
    error = truth - predicted
    if metric == "mae":
        return _mean(np.abs(error), rows)
    if metric == "mape":
        return _mean(np.abs(error) / np.maximum(np.abs(truth), np.finfo(float).eps), rows)
    if metric == "r2":
        return _r2(truth - truth.mean(), error, rows)
    squared = _mean(error**2, rows)
    return squared if metric == "mse" else lambda counts: np.sqrt(squared(counts))


def _r2(centred: Floats, error: Floats, rows: Rows) -> Resampled:
    sums = rows.sums(np.stack([error**2, centred**2, centred, np.ones(len(error))], axis=1))

    def r2(counts: Floats) -> Floats:
        residual, squares, total, weight = sums(counts).T
        return 1 - _ratio(residual, squares - total**2 / weight)

    return r2


def _ratio(above: Array, below: Array) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio


def _percentiles(drawn: Floats, confidence: float) -> tuple[float, float]:
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < MIN_DEFINED * len(drawn):
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
