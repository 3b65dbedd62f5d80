"""From validated raw rows to predictions, the same as `models.predict` but faster.

A model's preparation is compiled to a few numpy operations (`preparation`), its estimator to ONNX,
which has no splits by category. Both are kept only if they agree with scikit-learn on the golden
rows and on rows mixed from them; else scikit-learn answers, and `Engine.name` says so.
"""

import copy
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from evergreen.learning import models
from evergreen.learning.feature_code import FeatureCode
from evergreen.learning.models import Array, Golden, Output
from evergreen.serving.preparation import Columns, Preparation

log = logging.getLogger(__name__)
TOLERANCE = 1e-4
"""Largest absolute difference to scikit-learn's probabilities (for values: relative to the
largest). Where trees fall on the other side of a threshold in float32, more is seen: refused."""
MIXED_ROWS = 256


@dataclass(frozen=True)
class Scored:
    """Predictions of n rows, and what the model took otherwise than as it was."""

    output: Output
    unseen: Mapping[str, int] = field(default_factory=dict)
    """Categories that it has never seen, counted by feature."""
    imputed: Mapping[str, int] = field(default_factory=dict)
    """Missing numbers that it has put something in the place of, counted by feature."""


class Engine(Protocol):
    """What computes predictions."""

    @property
    def name(self) -> str:
        """Who computes: onnx or sklearn."""

    @property
    def model(self) -> Pipeline:
        """The pipeline as it was trained."""

    def columns(self, values: Columns) -> Scored:
        """Predict rows of plain columns: no feature function stands before."""

    def features_of(self, values: Columns) -> Scored:
        """Predict rows whose features are known already."""

    def frame(self, raw: pd.DataFrame, wanted: Array) -> Scored:
        """Predict the rows at the positions `wanted`; the others are what features look back at."""


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
        matrix, noticed = self.preparation.matrix(values)
        output = _output(self.estimate(matrix), self.model)
        return Scored(output, noticed.unseen, noticed.imputed)

    def features_of(self, values: Columns) -> Scored:
        """Predict rows whose features are known already."""
        return self.columns(values)

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

    def features_of(self, values: Columns) -> Scored:
        """Predict rows whose features are known already."""
        return Scored(models.predict(self.model[1:], pd.DataFrame(dict(values))))

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
    mixed = _mixed(model.named_steps["features"].transform(golden.rows))
    columns = {str(name): mixed[name].to_numpy() for name in mixed}
    pairs = [
        (_figures(here), _figures(there)),
        (_figures(found.columns(columns).output), _figures(models.predict(model[1:], mixed))),
    ]
    scale = 1.0 if there.classes is not None else max(1.0, float(np.abs(pairs[0][1]).max()))
    return max(float(np.abs(a - b).max()) for a, b in pairs) / scale


def _mixed(rows: pd.DataFrame) -> pd.DataFrame:
    """Draw each feature on its own, so that trees are taken down other branches; then what is
    missing, and a category that was never seen."""
    generator = np.random.default_rng(0)
    drawn = pd.DataFrame({n: generator.choice(rows[n].to_numpy(), MIXED_ROWS) for n in rows})
    texts = [name for name in drawn if drawn[name].dtype == object]
    drawn.loc[0] = np.nan
    drawn.loc[1, texts] = "\0never seen"
    return drawn


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
    preparation = Preparation.of(model.named_steps["prepare"])
    name, estimate = build(model, preparation.width)
    return Compiled(name, model.named_steps["features"], preparation, estimate, model)


def _estimator(model: Pipeline, width: int) -> tuple[str, Callable[[Array], Array]]:  # noqa: ARG001
    estimator = _of_arrays(models.bare(model[-1]))
    found: Callable[[Array], Array] = getattr(estimator, "predict_proba", estimator.predict)
    return "sklearn", found


def _of_arrays(estimator: Any) -> Any:
    """Return an estimator that takes the matrix instead of a DataFrame with category columns.

    HistGradientBoosting numbers them again: as they are, they come first and from 0 on.
    """
    if not hasattr(estimator, "feature_names_in_"):
        return estimator
    made = copy.copy(estimator)
    del made.feature_names_in_
    if getattr(made, "_preprocessor", None) is not None:
        made._preprocessor = None
    return made


def splits_by_category(estimator: Any) -> bool:
    """Tell whether it was fitted on categories as they are; skl2onnx takes them for numbers."""
    return getattr(estimator, "is_categorical_", None) is not None


def _onnx(model: Pipeline, width: int) -> tuple[str, Callable[[Array], Array]]:
    """Convert the estimator: linear models in float64, trees in float32 as scikit-learn's own.

    HistGradientBoosting splits in float64, which ONNX's trees of classes do not: it stays here.
    """
    import onnxruntime
    import skl2onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    estimator = models.bare(model[-1])
    if splits_by_category(estimator):
        raise NotImplementedError("ONNX has no splits by category")
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
