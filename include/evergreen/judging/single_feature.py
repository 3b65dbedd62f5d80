"""What the label can be told by from one feature alone: so well that it may be the label itself.

found = strongest(use_case, Picked(store, built.uri, built.sha256))
found.feature, found.score      # "cancelled_on", 1.0: it is filled in when the customer has left

Each feature alone is learned from the training rows by a shallow decision tree (a regression's
numbers by a straight line as well, which goes on beyond what was seen), and scored on the judged
rows: by the area under the ROC curve, of several classes by F1 (a single flower's petal ranks the
species almost without error, and is no leak), or by R². A category is read as the mean label of
its training rows, a missing value as a value. A feature that all the training rows looked at lack
tells nothing. Sentences (`Features.text`) are not looked at.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from evergreen.data.picking import Picked
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.judging.evidence import SingleFeature
from evergreen.learning import metrics
from evergreen.learning.features import PART
from evergreen.learning.models import Output
from evergreen.spec import Features, Kind, UseCase

Array = NDArray[Any]
Column = pd.Series

METRIC = {Kind.BINARY: "roc_auc", Kind.MULTICLASS: "f1", Kind.REGRESSION: "r2"}
SHAPE = {"max_depth": 8, "min_samples_leaf": 5, "random_state": 0}
ROWS = 100_000
"""So many training rows are enough to learn one feature."""
LARGEST = float(np.finfo(np.float32).max)


def strongest(use_case: UseCase, rows: Picked) -> SingleFeature | None:
    """Return the feature that alone tells the label best; None: no score is defined.

    Args:
        use_case: the declaration.
        rows: the stored features, of which those are read that are looked at.
    """
    features, target = use_case.features, use_case.source.target
    known = rows.only([PART, target])
    wanted = [*features.numeric, *features.categorical, *features.dates, target]
    some = replace(rows, columns=tuple(dict.fromkeys(wanted)))
    taught, judged = _chosen(known[PART], known[target])
    parts = (_as_objects(some.take(np.sort(taught))).loc[taught], _as_objects(some.take(judged)))
    found = _scores(use_case.kind, target, features, *parts)
    return max(found, key=lambda one: one.score, default=None)


def scores(kind: Kind, target: str, features: Features, frame: pd.DataFrame) -> list[SingleFeature]:
    """Return how well each feature alone tells the label, where a score is defined.

    Args:
        kind: what is predicted.
        target: name of the label, which rows that train may lack.
        features: the declared ones.
        frame: features, target and part of every row, as `features.load` gives them.
    """
    taught, judged = _chosen(frame[PART], frame[target])
    return _scores(kind, target, features, frame.iloc[taught], frame.iloc[judged])


def _chosen(part: Column, target: Column) -> tuple[Array, Array]:
    """Return the positions of the rows that teach, drawn from those with a label, and of those
    that are judged."""
    known = pd.Series(np.flatnonzero((part == TRAINING) & target.notna()))
    drawn = known.sample(min(ROWS, len(known)), random_state=0)
    return drawn.to_numpy(), np.flatnonzero(part == HOLDOUT)


def _as_objects(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.astype(dict.fromkeys(rows.select_dtypes("str").columns, "object"))


def _scores(
    kind: Kind, target: str, features: Features, training: pd.DataFrame, judged: pd.DataFrame
) -> list[SingleFeature]:
    truth, asked = training[target].to_numpy(), judged[target].to_numpy()
    metric, found = METRIC[kind], []
    for name in (*features.numeric, *features.categorical, *features.dates):
        known, new = training[name], judged[name]
        if known.isna().all():
            continue
        if name in features.categorical:
            known, new = _by_label(kind, known, truth, new)
        values = (_ranked(column) for column in (known, new))
        for answer in _answers(kind, truth, *values):
            told = metrics.score(kind, asked, answer, [metric]).items()
            found += [SingleFeature(feature=name, metric=m, score=score) for m, score in told]
    return found


def _ranked(column: Column) -> Array:
    """Return a column of numbers; those that are too large for a tree are its largest."""
    return column.to_numpy(dtype=float).clip(-LARGEST, LARGEST).reshape(-1, 1)


def _by_label(kind: Kind, known: Column, truth: Array, new: Column) -> tuple[Column, Column]:
    """Read each category as the mean label (of classes: their number) of its training rows."""
    known, new = known.astype(str), new.astype(str)
    labels = truth if kind is Kind.REGRESSION else np.unique(truth, return_inverse=True)[1]
    means = pd.Series(labels, index=known.index).groupby(known).mean()
    return known.map(means), new.map(means)


def _answers(kind: Kind, truth: Array, known: Array, new: Array) -> list[Output]:
    return _values(known, truth, new) if kind is Kind.REGRESSION else _classes(known, truth, new)


def _classes(known: Array, truth: Array, new: Array) -> list[Output]:
    tree = DecisionTreeClassifier(**SHAPE).fit(known, truth)
    told = tree.predict_proba(new)
    return [Output(tree.classes_[told.argmax(axis=1)], told, tree.classes_)]


def _values(known: Array, truth: Array, new: Array) -> list[Output]:
    tree = DecisionTreeRegressor(**SHAPE).fit(known, truth)
    middle = float(np.nanmean(known))
    line = LinearRegression().fit(np.nan_to_num(known, nan=middle), truth)
    return [
        Output(tree.predict(new)), Output(line.predict(np.nan_to_num(new, nan=middle)))
    ]  # fmt: skip
