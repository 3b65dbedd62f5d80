"""From validated raw rows to predictions, the same as `models.predict` but faster.

A model's preparation (imputing, scaling, one-hot) is compiled to a few numpy operations, its
estimator to ONNX. Both are kept only if they agree with scikit-learn on the golden rows and on
rows mixed from them; else scikit-learn answers, and `Engine.name` says so.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from evergreen.learning import models
from evergreen.learning.feature_code import FeatureCode
from evergreen.learning.models import Array, Golden, Output

log = logging.getLogger(__name__)
Columns = Mapping[str, Sequence[Any] | Array]
TOLERANCE = 1e-4
"""Largest absolute difference to scikit-learn's probabilities (for values: relative to the
largest). Where trees fall on the other side of a threshold in float32, more is seen: refused."""
MIXED_ROWS = 256


@dataclass(frozen=True)
class Scored:
    """Predictions of n rows, and the categories that the model has never seen."""

    output: Output
    unseen: Mapping[str, int] = field(default_factory=dict)


class Engine(Protocol):
    """What computes predictions."""

    @property
    def name(self) -> str:
        """Who computes: onnx or sklearn."""

    def columns(self, values: Columns) -> Scored:
        """Predict rows of plain columns: no feature function stands before."""

    def frame(self, raw: pd.DataFrame, wanted: Array) -> Scored:
        """Predict the rows at the positions `wanted`; the others are what features look back at."""


@dataclass(frozen=True)
class Preparation:
    """A fitted `prepare` step, as arrays."""

    numeric: tuple[str, ...]
    medians: Array
    means: Array
    scales: Array
    categorical: tuple[str, ...]
    fillers: tuple[Any, ...]
    positions: tuple[Mapping[str, int], ...]
    """Of each categorical column: text of the category to its place among its one-hot columns."""

    @classmethod
    def of(cls, fitted: ColumnTransformer) -> "Preparation":
        """Take the numbers from a fitted preparation."""
        parts = {name: (step, tuple(cols)) for name, step, cols in fitted.transformers_}
        numbers, numeric = parts.get("numeric", (None, ()))
        names, categorical = parts.get("categorical", (None, ()))
        empty = np.empty(0)
        return cls(
            numeric,
            numbers["impute"].statistics_.astype(float) if numbers else empty,
            numbers["scale"].mean_ if numbers else empty,
            numbers["scale"].scale_ if numbers else empty,
            categorical,
            tuple(names["impute"].statistics_) if names else (),
            tuple(
                {category: place for place, category in enumerate(categories)}
                for categories in (names["encode"].categories_ if names else ())
            ),
        )

    def matrix(self, values: Columns) -> tuple[Array, dict[str, int]]:
        """Return n × width numbers for the estimator, and the unseen categories counted."""
        parts, unseen = [self._numbers(values)] if self.numeric else [], {}
        for name, filler, places in zip(
            self.categorical, self.fillers, self.positions, strict=True
        ):
            found = [places.get(_text(value, filler), -1) for value in values[name]]
            hot = np.zeros((len(found), len(places)))
            rows = np.flatnonzero(np.asarray(found) >= 0)
            hot[rows, np.asarray(found)[rows]] = 1.0
            if len(rows) < len(found):
                unseen[name] = len(found) - len(rows)
            parts.append(hot)
        return (parts[0] if len(parts) == 1 else np.hstack(parts)), unseen

    def _numbers(self, values: Columns) -> Array:
        raw: Array = np.array([values[name] for name in self.numeric], dtype=float).T
        filled = np.where(np.isnan(raw), self.medians, raw)
        scaled: Array = (filled - self.means) / self.scales
        return scaled


def _text(value: Any, filler: Any) -> Any:
    if value is None or value != value:  # NaN differs from itself
        return filler
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


@dataclass(frozen=True)
class Compiled:
    """The compiled preparation, before ONNX or before scikit-learn's estimator alone."""

    name: str
    features: FeatureCode
    preparation: Preparation
    estimate: Callable[[Array], Array]
    """n × width to n × k probabilities, or n values."""
    model: Pipeline
    """What knows the classes, the decision threshold, the half width of the intervals."""

    def columns(self, values: Columns) -> Scored:
        """Predict rows of plain columns."""
        matrix, unseen = self.preparation.matrix(values)
        return Scored(_output(self.estimate(matrix), self.model), unseen)

    def frame(self, raw: pd.DataFrame, wanted: Array) -> Scored:
        """Predict raw rows with their history."""
        found = self.features.transform(raw)
        return self.columns({str(name): found[name].to_numpy()[wanted] for name in found})


@dataclass(frozen=True)
class Whole:
    """The scikit-learn pipeline as it was trained."""

    model: Pipeline
    name: str = "sklearn"

    def columns(self, values: Columns) -> Scored:
        """Predict rows of plain columns."""
        raw = pd.DataFrame(dict(values))
        return self.frame(raw, np.arange(len(raw)))

    def frame(self, raw: pd.DataFrame, wanted: Array) -> Scored:
        """Predict raw rows with their history."""
        return Scored(models.predict(self.model, raw).take(wanted))


def engine(model: Pipeline, golden: Golden | None) -> Engine:
    """Return the fastest engine that agrees with the model; without golden rows, the model."""
    if golden is None or (not hasattr(model, "predict_proba") and hasattr(model, "classes_")):
        return Whole(model)
    for build in (_onnx, _estimator):
        try:
            found = _compiled(model, build)
            difference = disagreement(found, model, golden)
        except Exception as error:
            log.info("%s does not serve this model: %s", build.__name__[1:], error)
            continue
        if difference <= TOLERANCE:
            return found
        log.info("%s differs by %.2g from scikit-learn: not used", found.name, difference)
    return Whole(model)


def disagreement(found: Compiled, model: Pipeline, golden: Golden) -> float:
    """Return the largest difference to scikit-learn on the golden rows and on mixtures of them.

    Infinite when a label differs.
    """
    here, there = (
        found.frame(golden.rows, np.arange(len(golden.rows))).output,
        models.predict(model, golden.rows),
    )
    if not np.array_equal(here.labels, there.labels) and there.classes is not None:
        return float("inf")
    prepared = np.asarray(model[:-1].transform(golden.rows), dtype=float)
    mixed = _mix(prepared)
    pairs = [(_figures(here), _figures(there))]
    pairs.append((found.estimate(mixed), _estimate_with(model)(mixed)))
    scale = 1.0 if there.classes is not None else max(1.0, float(np.abs(pairs[0][1]).max()))
    return max(float(np.abs(a - b).max()) for a, b in pairs) / scale


def _mix(rows: Array) -> Array:
    """Draw each column on its own, so that trees are taken down other branches."""
    generator = np.random.default_rng(0)
    drawn = [generator.choice(rows[:, i], MIXED_ROWS) for i in range(rows.shape[1])]
    return np.column_stack(drawn)


def _figures(output: Output) -> Array:
    return output.labels if output.probabilities is None else output.probabilities


def _output(figures: Array, model: Pipeline) -> Output:
    classes = getattr(model, "classes_", None)
    if classes is None:
        half_width = getattr(model[-1], "half_width", None)
        return Output(np.asarray(figures, dtype=float), half_width=half_width)
    return Output(models.decide(model, figures), figures, classes)


def _compiled(
    model: Pipeline, build: Callable[[Pipeline, int], tuple[str, Callable[[Array], Array]]]
) -> Compiled:
    features, fitted = model.named_steps["features"], model.named_steps["prepare"]
    preparation = Preparation.of(fitted)
    width = len(preparation.numeric) + sum(map(len, preparation.positions))
    name, estimate = build(model, width)
    return Compiled(name, features, preparation, estimate, model)


def _estimate_with(model: Pipeline) -> Callable[[Array], Array]:
    estimator = models.bare(model[-1])
    found: Callable[[Array], Array] = getattr(estimator, "predict_proba", estimator.predict)
    return found


def _estimator(model: Pipeline, width: int) -> tuple[str, Callable[[Array], Array]]:  # noqa: ARG001
    return "sklearn", _estimate_with(model)


def _onnx(model: Pipeline, width: int) -> tuple[str, Callable[[Array], Array]]:
    """Convert the estimator: linear models in float64, trees in float32 as scikit-learn's own."""
    import onnxruntime
    import skl2onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    estimator = models.bare(model[-1])
    classifier = hasattr(estimator, "classes_")
    double = not hasattr(estimator, "estimators_") and not hasattr(estimator, "tree_")
    tensor, dtype = (DoubleTensorType, np.float64) if double else (FloatTensorType, np.float32)
    document = skl2onnx.convert_sklearn(
        estimator,
        initial_types=[("rows", tensor([None, width]))],
        options={id(estimator): {"zipmap": False}} if classifier else None,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        document.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_outputs()[1 if classifier else 0].name

    def estimate(matrix: Array) -> Array:
        figures = session.run([name], {"rows": np.ascontiguousarray(matrix, dtype=dtype)})[0]
        found: Array = figures if classifier else figures[:, 0]
        return found

    return "onnx", estimate
