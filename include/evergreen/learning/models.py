"""Models: raw rows in, predictions out; kept as skops files, never as pickle.

    model = pipeline(use_case, use_case.candidate("logistic"))
    sha256 = save(model, Path("model.skops"))
    predict(load(Path("model.skops"), sha256), raw).probabilities

A model is a scikit-learn Pipeline of three steps: `features` (the use case's own code, as text),
`prepare` (what the estimator needs: see `preparing`) and `estimator`, which may be wrapped: with a
decision threshold (`FixedThresholdClassifier`) or with the half width of intervals
(`ConformalRegressor`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline

from evergreen.errors import ModelRefused
from evergreen.learning import boosted, preparing
from evergreen.learning.canonical import canonical
from evergreen.learning.intervals import ConformalRegressor
from evergreen.refs import Json
from evergreen.spec import Candidate, UseCase

Array = NDArray[Any]

TRUSTED = (
    "evergreen.learning.boosted.BoostedClassifier",
    "evergreen.learning.boosted.BoostedRegressor",
    "evergreen.learning.dates.DateParts",
    "evergreen.learning.dates.Moments",
    "evergreen.learning.feature_code.EntityCode",
    "evergreen.learning.feature_code.FeatureCode",
    "evergreen.learning.hashing.Hashed",
    "evergreen.learning.intervals.ConformalRegressor",
    "evergreen.learning.preparing.AsTheyAre",
    "evergreen.learning.preparing.Cardinality",
    "evergreen.learning.preparing.Codes",
    "evergreen.learning.preparing.Words",
    "functools.partial",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
)
"""The types that a model may hold besides those that skops trusts by itself. Ours, never the list
of a model's own MLmodel file. (What a `partial` calls is looked for in the list as well.)"""


TOLERANCE = 1e-6
"""Two answers that are off by less are the same: far above what another order of summation does,
far below what another model does."""


@dataclass(frozen=True)
class Output:
    """Predictions of n rows."""

    labels: Array
    """n labels (classification) or values (regression)."""
    probabilities: Array | None = None
    """n × k, the columns in the order of `classes`; None: regression, or no `predict_proba`."""
    classes: Array | None = None
    """The k classes, sorted; None: regression. Of two, the last is the positive one."""
    half_width: float | Array | None = None
    """Regression: the interval is value ± this (of all rows, or of each); None: no intervals."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positive(self) -> Array:
        """Probability of the positive (last) class, of each row.

        Raises:
            ValueError: there are no probabilities.
        """
        if self.probabilities is None:
            raise ValueError("the model gives no probabilities")
        positive: Array = self.probabilities[:, -1]
        return positive

    def take(self, rows: Array) -> "Output":
        """Return the predictions of some rows: a mask or positions."""
        chosen = None if self.probabilities is None else self.probabilities[rows]
        width = self.half_width
        if isinstance(width, np.ndarray):
            width = width[rows]
        return Output(self.labels[rows], chosen, self.classes, width)

    def over(self, classes: Array) -> "Output":
        """Return the predictions with a column for each of the classes, sorted.

        One that the model has not met has probability 0; one of the model's that is not among them
        is left out. Values, and labels of a model that names no classes, are as they were.
        """
        if self.classes is None or np.array_equal(self.classes, classes):
            return self
        if self.probabilities is None:
            return replace(self, classes=classes)
        kept = np.isin(self.classes, classes)
        spread = np.zeros((len(self), len(classes)))
        spread[:, np.searchsorted(classes, self.classes[kept])] = self.probabilities[:, kept]
        return replace(self, probabilities=spread, classes=classes)


def pipeline(
    use_case: UseCase, candidate: Candidate, parameters: Mapping[str, Any] | None = None
) -> Pipeline:
    """Return the candidate's unfitted model; `parameters` override the estimator's.

    Every `random_state` that the estimator leaves open is the seed of the use case. Parameters of
    a Pipeline's steps are named as scikit-learn does: `step__name`.
    """
    from evergreen.learning import features  # not above: whoever only loads needs no snapshots

    estimator = candidate.build().set_params(**(parameters or {}))
    open_seeds = [
        name
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "random_state" and value is None
    ]
    estimator = boosted.within(estimator.set_params(**dict.fromkeys(open_seeds, use_case.seed)))
    return Pipeline(
        [
            ("features", features.code(use_case)),
            ("prepare", preparing.preparation(use_case, candidate, estimator)),
            ("estimator", estimator),
        ]
    )


def wrapped(
    estimator: Any,
    threshold: float | None = None,
    positive: Any = None,
    half_width: float | None = None,
) -> Any:
    """Return the estimator with a decision threshold or with the half width of its intervals."""
    if threshold is not None:
        return FixedThresholdClassifier(
            estimator, threshold=threshold, pos_label=positive, response_method="predict_proba"
        )
    if half_width is not None:
        return ConformalRegressor(estimator, half_width)
    return estimator


def bare(estimator: Any) -> Any:
    """Return the estimator without the wrapper that holds a threshold or a half width."""
    return getattr(estimator, "estimator_", estimator) if is_wrapper(estimator) else estimator


def is_wrapper(estimator: Any) -> bool:
    """Tell whether it holds the estimator, with a threshold or a half width."""
    return isinstance(estimator, FixedThresholdClassifier) or hasattr(estimator, "half_width")


def predict(model: Pipeline, raw: pd.DataFrame) -> Output:
    """Predict every row of `raw`, which holds the history that the features look back at.

    The label is the class of the highest probability, where the model has probabilities; with a
    decision threshold, the positive class from that probability on.
    """
    classes = getattr(model, "classes_", None)
    if classes is None:
        half_width = getattr(_last(model), "half_width", None)
        return Output(np.asarray(model.predict(raw), dtype=float), half_width=half_width)
    if not hasattr(model, "predict_proba"):
        return Output(np.asarray(model.predict(raw)), None, classes)
    probabilities = np.asarray(model.predict_proba(raw), dtype=float)
    return Output(decide(model, probabilities), probabilities, classes)


def _last(model: Any) -> Any:
    return model[-1] if isinstance(model, Pipeline) else model


def decide(model: Pipeline, probabilities: Array) -> Array:
    """Return the label of each row of n × k probabilities, as the model itself decides."""
    last = _last(model)
    if isinstance(last, FixedThresholdClassifier):
        places = (probabilities[:, -1] >= last.threshold).astype(int)
    else:
        places = probabilities.argmax(axis=1)
    labels: Array = model.classes_[places]
    return labels


def save(model: Pipeline, file: Path) -> str:
    """Write the model as skops, and return the sha256 of the file.

    The same model gives the same bytes: addresses in memory (which skops uses as names) are
    numbered, and the archive carries no times.

    Raises:
        ModelRefused: it holds a type that `load` would not trust.
    """
    content = dumped(model, file.name)
    file.write_bytes(content)
    return digest(content)


def dumped(model: Any, name: str = "the model") -> bytes:
    """Return the bytes of a model as skops; see `save`."""
    from skops import io  # not above: it imports all of scikit-learn

    content = canonical(io.dumps(model))
    _check_types(content, name)
    return content


def load(file: Path, sha256: str) -> Pipeline:
    """Load a model whose bytes are those that were gated.

    The digest is checked first: a model carries the source of its features, which runs.

    Raises:
        ModelRefused: other bytes, or types that are not in `TRUSTED`.
    """
    return loaded(file.read_bytes(), sha256, file.name)


def loaded(content: bytes, sha256: str, name: str) -> Any:
    """Return the model of some bytes; see `load`."""
    found = digest(content)
    if found != sha256:
        raise ModelRefused(f"{name} has sha256 {found}, the model that was gated {sha256}")
    _check_types(content, name)
    from skops import io

    return io.loads(content, trusted=list(TRUSTED))


def digest(content: bytes) -> str:
    """Return the sha256 of a model file's bytes."""
    return hashlib.sha256(content).hexdigest()


def strange_types(content: bytes) -> list[str]:
    """Return the types in a skops file that are not trusted."""
    from skops import io

    return sorted(set(io.get_untrusted_types(data=content)) - set(TRUSTED))


def _check_types(content: bytes, name: str) -> None:
    if strange := strange_types(content):
        raise ModelRefused(
            f"{name} holds {', '.join(strange)}; trusted besides skops' own:"
            f" {', '.join(TRUSTED)} (evergreen.learning.models.TRUSTED)"
        )


@dataclass(frozen=True)
class Golden:
    """Raw rows and what the model said of them on the day it was trained."""

    rows: pd.DataFrame
    output: Output

    def to_json(self) -> Json:
        """Return a document of plain JSON types."""
        return {
            "rows": {str(name): _column(self.rows[name]) for name in self.rows},
            "labels": self.output.labels.tolist(),
            "probabilities": _listed(self.output.probabilities),
            "classes": _listed(self.output.classes),
        }

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Build the golden rows again from what `to_json` returned."""
        rows = pd.DataFrame({name: _series(c) for name, c in document["rows"].items()})
        parts = (document["probabilities"], document["classes"])
        arrays = [None if part is None else np.asarray(part) for part in parts]
        probabilities, classes = arrays
        return cls(rows, Output(np.asarray(document["labels"]), probabilities, classes))


def golden(model: Pipeline, raw: pd.DataFrame) -> Golden:
    """Keep a few raw rows (with their history) and the model's answers."""
    rows = raw.reset_index(drop=True)
    return Golden(rows, predict(model, rows))


def reproduces(model: Pipeline, golden: Golden) -> float:
    """Return how far the model is off its golden answers; see `off`."""
    return off(predict(model, golden.rows), golden.output)


def off(found: Output, expected: Output) -> float:
    """Return the largest absolute difference of probabilities, or of values.

    Values above 1,000 have rounding errors in proportion: the difference is divided by a thousandth
    of the largest. Infinite when the classes differ, or the labels without probabilities.
    """
    if (found.classes is None) != (expected.classes is None):
        return float("inf")
    if found.classes is None or expected.classes is None:
        scale = max(1.0, float(np.abs(expected.labels).max(initial=0.0)) / 1000)
        return float(np.abs(found.labels - expected.labels).max() / scale)
    if not np.array_equal(found.classes, expected.classes):
        return float("inf")
    if found.probabilities is None or expected.probabilities is None:
        return 0.0 if np.array_equal(found.labels, expected.labels) else float("inf")
    return float(np.abs(found.probabilities - expected.probabilities).max())


def _listed(array: Array | None) -> list[Any] | None:
    return None if array is None else array.tolist()


def _column(values: "pd.Series[Any]") -> Json:
    present = values.dropna()
    dates = values.dtype == object and all(type(v) is date for v in present)
    kind = "date" if dates and len(present) else str(values.dtype)
    if kind == "date" or values.dtype.kind == "M":
        plain = [None if pd.isna(v) else v.isoformat() for v in values]
    else:
        plain = [None if pd.isna(v) else v for v in values.tolist()]
    return {"type": kind, "values": plain}


def _series(column: Json) -> "pd.Series[Any]":
    kind, values = column["type"], column["values"]
    if kind == "date":
        return pd.Series([v and date.fromisoformat(v) for v in values], dtype=object)
    if kind.startswith("datetime64"):
        return pd.to_datetime(pd.Series(values), format="ISO8601").astype(kind)
    return pd.Series(values, dtype=kind)
