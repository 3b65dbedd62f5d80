"""A model as the folder that MLflow expects: MLmodel, requirements, example and `model.skops`."""

import warnings
from pathlib import Path
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from evergreen.learning import models
from evergreen.learning.provenance import PACKAGES, environment
from evergreen.learning.tracking import MODEL_FILE

with warnings.catch_warnings():  # mlflow warns of its own type hints
    warnings.simplefilter("ignore", UserWarning)
    import mlflow.pyfunc  # noqa: F401 (save_model would import it in every task)


def write(
    folder: Path,
    model: Pipeline,
    example: pd.DataFrame,
    labels: NDArray[Any],
    run_id: str,
    model_id: str,
) -> str:
    """Write the folder, and return the sha256 of its `model.skops`.

    MLflow builds the folder around an unfitted clone, which costs milliseconds; then the bytes of
    the fitted model, always the same for the same model, take the clone's place.

    Args:
        folder: does not exist yet.
        model: fitted.
        example: a few raw rows, the columns that the model reads.
        labels: predictions, for their type.
        run_id: of MLflow.
        model_id: of MLflow.
    """
    described = Model(run_id=run_id, model_id=model_id, model_uuid=model_id)
    mlflow.sklearn.save_model(
        clone(model),
        folder,
        mlflow_model=described,
        serialization_format="skops",
        skops_trusted_types=list(models.TRUSTED),
        pip_requirements=[f"{name}=={environment()[name]}" for name in PACKAGES],
        signature=ModelSignature(schema(example), schema(pd.DataFrame({"label": labels}))),
        input_example=example,
    )
    digest = models.save(model, folder / MODEL_FILE)
    described.model_size_bytes = sum(f.stat().st_size for f in folder.iterdir())
    described.save(folder / "MLmodel")
    return digest


def schema(frame: pd.DataFrame) -> Schema:
    """Return the MLflow types of the columns."""
    return Schema([ColSpec(_type(frame[name].to_numpy()), str(name)) for name in frame])


def _type(values: NDArray[Any]) -> str:
    kinds = {"b": "boolean", "i": "long", "u": "long", "f": "double", "M": "datetime"}
    return kinds.get(np.asarray(values).dtype.kind, "string")
