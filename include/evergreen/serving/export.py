"""The champion as a file that other programs can load.

Usage::

    done = export(use_case, "onnx", Path("iris.onnx"), settings)
    done.difference        # largest to scikit-learn's answers, on the golden rows

ONNX holds the preparation and the estimator, with one input per feature (n × 1; float32, or text
where "" is missing): the numeric ones, then the categorical ones, each in the declared order. ONNX
writes their names its own way, so go by position. What a use case's feature function computes must
be computed before. Intervals are not in it, and what decides by a threshold of its own has no form.
"""

import copy
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from evergreen import dossier
from evergreen.errors import DeclarationError, EvergreenError
from evergreen.learning import models
from evergreen.learning.models import Golden
from evergreen.records import Records
from evergreen.serving.artifacts import MODEL, Artifacts, from_mlflow
from evergreen.serving.engine import TOLERANCE, splits_by_category
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import Settings
from evergreen.spec import UseCase

OURS = ("codes", "dates", "hashes", "words")
"""Parts of a preparation that are no scikit-learn's own."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file that was written."""

    file: str
    format: str
    use_case: str
    version: int
    model_sha256: str
    """Of the gated model that it was made from."""
    difference: float
    """Largest to the gated model's answers on its golden rows."""


def export(
    use_case: UseCase, format: str, to: Path, *, records: Records, settings: Settings
) -> Exported:
    """Write the champion of a use case as onnx, skops or joblib.

    Raises:
        DeclarationError: there is no such format.
        EvergreenError: there is no champion, or the file would not answer as the champion does.
        ModelRefused: the champion's bytes are not those that were gated.
    """
    if format not in FORMATS:
        raise DeclarationError("--format", format, ", ".join(FORMATS))
    champion = records.promotions.champion(use_case.name)
    if champion is None:
        raise EvergreenError(f"{use_case.name} has no champion to export")
    found = dossier.read(records.dossiers, use_case.name, champion.version)
    ref, golden = ModelRef.of(found), Golden.from_json(found.golden)
    model = Artifacts(settings.home / "models", from_mlflow(settings)).get(ref)
    place = settings.home / "models" / ref.sha256 / MODEL
    content, difference = FORMATS[format](model, golden, place)
    to.write_bytes(content)
    return Exported(
        file=str(to), format=format, use_case=use_case.name, version=ref.version,
        model_sha256=ref.sha256, difference=difference,
    )  # fmt: skip


def _skops(_: Pipeline, __: Golden, place: Path) -> tuple[bytes, float]:
    return place.read_bytes(), 0.0


def _joblib(model: Pipeline, _: Golden, __: Path) -> tuple[bytes, float]:
    stream = io.BytesIO()
    joblib.dump(model, stream)
    return stream.getvalue(), 0.0


def _onnx(model: Pipeline, golden: Golden, _: Path) -> tuple[bytes, float]:
    try:
        content = to_onnx(model)
    except (NotImplementedError, RuntimeError, ValueError) as error:  # what skl2onnx says
        raise EvergreenError(f"the champion has no ONNX form: {error}") from error
    difference = _disagreement(content, model, golden)
    if not difference <= TOLERANCE:  # NaN is neither
        raise EvergreenError(
            f"as ONNX the champion answers differently, by up to {difference:.2g}; export it as"
            " skops (trees split on float32 there)"
        )
    return content, difference


FORMATS: dict[str, Callable[[Pipeline, Golden, Path], tuple[bytes, float]]] = {
    "onnx": _onnx,
    "skops": _skops,
    "joblib": _joblib,
}


def to_onnx(model: Pipeline) -> bytes:
    """Return the ONNX document of a model behind its features."""
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    features = model.named_steps["features"]
    estimator = models.bare(model[-1])
    threshold = getattr(model[-1], "threshold", None) if estimator is not model[-1] else None
    if threshold is not None:
        raise NotImplementedError(
            f"it decides from {threshold:g} on, and ONNX for the likelier class; export it as skops"
        )
    if splits_by_category(estimator):
        raise NotImplementedError("it splits by category, which skl2onnx takes for numbers")
    if strange := [name for name in _parts_of(model) if name in OURS]:
        raise NotImplementedError(f"what is made of {strange[0]} is not ONNX's")
    behind = Pipeline([("prepare", _convertible(model.named_steps["prepare"])),
                       ("estimator", estimator)])  # fmt: skip
    inputs = [
        (c, (StringTensorType if c in features.categorical else FloatTensorType)([None, 1]))
        for c in _used(model)
    ]
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    document = skl2onnx.convert_sklearn(behind, initial_types=inputs, options=options)
    content: bytes = document.SerializeToString()
    return content


def _used(model: Pipeline) -> list[str]:
    """Return the features that the estimator gets, in the order of the inputs."""
    features, fitted = model.named_steps["features"], model.named_steps["prepare"]
    used = {c for _, _, columns in fitted.transformers_ for c in columns}
    return [c for c in (*features.numeric, *features.categorical) if c in used]


def _parts_of(model: Pipeline) -> list[str]:
    parts = model.named_steps["prepare"].transformers_
    return [name for name, _, columns in parts if len(columns)]


def _convertible(preparation: Any) -> Any:
    """Return a copy in which a missing text is "", as ONNX knows no NaN among texts."""
    made = copy.deepcopy(preparation)
    for name, step, _ in made.transformers_:
        if name == "categorical" and hasattr(step, "categories_"):
            step.categories_ = [np.where(pd.isna(c), "", c) for c in step.categories_]
        elif name == "categorical":  # of a model from before
            step.named_steps["impute"].missing_values = ""
    return made


def _disagreement(content: bytes, model: Pipeline, golden: Golden) -> float:
    import onnxruntime

    features = model.named_steps["features"]
    frame = features.transform(golden.rows)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    feed = {
        given.name: frame[[name]].fillna("").astype(str).to_numpy(dtype=object)
        if name in features.categorical
        else frame[[name]].to_numpy(dtype=np.float32)
        for name, given in zip(_used(model), session.get_inputs(), strict=True)
    }
    there = models.predict(model, golden.rows)
    answers = session.run(None, feed)
    if there.probabilities is None:
        scale = max(1.0, float(np.abs(there.labels).max()))
        return float(np.abs(answers[0].ravel() - there.labels).max()) / scale
    return float(np.abs(answers[1] - there.probabilities).max())
