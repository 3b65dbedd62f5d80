"""What the label can be told by from one feature alone: so well that it may be the label itself.

found = strongest(use_case, features.load(built, settings))
found.feature, found.score      # "cancelled_on", 1.0: it is filled in when the customer has left

Each feature alone is learned from the training rows by a shallow decision tree (a regression's
numbers by a straight line as well, which goes on beyond what was seen), and scored on the judged
rows: by the area under the ROC curve, of several classes the mean of one against the rest, or by
R². A category is read as the mean label of its training rows, a missing value as a value.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.judging.evidence import SingleFeature
from evergreen.learning import metrics
from evergreen.learning.features import PART
from evergreen.learning.models import Output
from evergreen.spec import Kind, UseCase

Array = NDArray[Any]

METRIC = {Kind.BINARY: "roc_auc", Kind.MULTICLASS: "roc_auc", Kind.REGRESSION: "r2"}
SHAPE = {"max_depth": 8, "min_samples_leaf": 5, "random_state": 0}
ROWS = 100_000
"""So many training rows are enough to learn one feature."""


def strongest(use_case: UseCase, frame: pd.DataFrame) -> SingleFeature | None:
    """Return the feature that alone tells the label best; None: no score is defined.

    Args:
        use_case: the declaration.
        frame: features, target and part of every row, as `features.load` gives them.
    """
    training, judged = (frame[frame[PART] == part] for part in (TRAINING, HOLDOUT))
    training = training[training[use_case.source.target].notna()]
    training = training.sample(min(ROWS, len(training)), random_state=use_case.seed)
    found = [
        SingleFeature(feature=name, metric=METRIC[use_case.kind], score=score)
        for name in use_case.features.columns
        if (score := _score(use_case, name, training, judged)) is not None
    ]
    return max(found, key=lambda one: one.score, default=None)


def _score(
    use_case: UseCase, name: str, training: pd.DataFrame, judged: pd.DataFrame
) -> float | None:
    target, kind = use_case.source.target, use_case.kind
    truth, asked = training[target].to_numpy(), judged[target].to_numpy()
    known, new = _numbers(use_case, name, training, truth, judged)
    metric = METRIC[kind]
    answers = (
        _values(known, truth, new) if kind is Kind.REGRESSION else [_classes(known, truth, new)]
    )
    scores = [metrics.score(kind, asked, answer, [metric]).get(metric) for answer in answers]
    return max((score for score in scores if score is not None), default=None)


def _numbers(
    use_case: UseCase, name: str, training: pd.DataFrame, truth: Array, judged: pd.DataFrame
) -> tuple[Array, Array]:
    """Return the feature of both as one column of numbers."""
    known, new = training[name], judged[name]
    if name in use_case.features.categorical:
        known, new = known.astype(str), new.astype(str)
        regression = use_case.kind is Kind.REGRESSION
        labels = truth if regression else np.unique(truth, return_inverse=True)[1]
        means = pd.Series(labels, index=known.index).groupby(known).mean()
        known, new = known.map(means), new.map(means)
    return known.to_numpy(dtype=float).reshape(-1, 1), new.to_numpy(dtype=float).reshape(-1, 1)


def _classes(known: Array, truth: Array, new: Array) -> Output:
    tree = DecisionTreeClassifier(**SHAPE).fit(known, truth)
    told = tree.predict_proba(new)
    return Output(tree.classes_[told.argmax(axis=1)], told, tree.classes_)


def _values(known: Array, truth: Array, new: Array) -> list[Output]:
    tree = DecisionTreeRegressor(**SHAPE).fit(known, truth)
    middle = float(np.nanmean(known))
    line = LinearRegression().fit(np.nan_to_num(known, nan=middle), truth)
    return [
        Output(tree.predict(new)), Output(line.predict(np.nan_to_num(new, nan=middle)))
    ]  # fmt: skip
