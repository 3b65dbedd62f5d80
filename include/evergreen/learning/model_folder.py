"""A model as the folder that MLflow expects: MLmodel, requirements, example and `model.skops`.

Whoever has MLflow and the packages of its `requirements.txt` can load it: the classes of ours that
it needs are in its `code/` (see `learning.elsewhere`).
"""

import shutil
import warnings
import zipfile
from functools import cache
from io import BytesIO
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

import evergreen
from evergreen.learning import boosted, elsewhere, models
from evergreen.learning.provenance import PACKAGES, environment
from evergreen.learning.tracking import MODEL_FILE

with warnings.catch_warnings():  # mlflow warns of its own type hints
    warnings.simplefilter("ignore", UserWarning)
    import mlflow.pyfunc

ROOT = Path(evergreen.__file__).parent
CLASSES = (
    *("__init__.py", "errors.py", "refs.py", "spec/*.py", "learning/__init__.py"),
    *(f"learning/{name}.py" for name in ("boosted", "canonical", "dates", "feature_code")),
    *(f"learning/{name}.py" for name in ("hashing", "intervals", "models", "preparing")),
    *("learning/source_code.py", "learning/streaming.py"),
)
"""What `learning.models` and the classes of a model import of ours."""
LOADER = "evergreen_elsewhere"


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
        pip_requirements=requirements(model),
        signature=ModelSignature(schema(example), schema(_answer(model, example, labels))),
        input_example=example,
    )
    digest = models.save(model, folder / MODEL_FILE)
    _carry_code(folder, described)
    described.model_size_bytes = sum(f.stat().st_size for f in folder.iterdir())
    described.save(folder / "MLmodel")
    return digest


def requirements(model: Pipeline) -> list[str]:
    """Return what a model needs of PyPI, in the versions that are here."""
    needed = {name: environment()[name] for name in PACKAGES} | boosted.versions(model)
    return [f"{name}=={version}" for name, version in needed.items()]


def _answer(model: Pipeline, example: pd.DataFrame, labels: NDArray[Any]) -> pd.DataFrame:
    """Return what the model answers; its labels as a whole training has them."""
    return elsewhere.Answering(model, models).predict(example).astype({"label": labels.dtype})


def _carry_code(folder: Path, described: Model) -> None:
    """Put the loader and our classes into the folder, and let MLflow's `pyfunc` go by them."""
    code = folder / "code"
    code.mkdir()
    shutil.copy(elsewhere.__file__, code / f"{LOADER}.py")
    (code / elsewhere.CLASSES).write_bytes(_classes())
    described.flavors.pop("python_function")
    mlflow.pyfunc.add_to_model(
        described, loader_module=LOADER, data=MODEL_FILE, code="code",
        conda_env="conda.yaml", python_env="python_env.yaml",
    )  # fmt: skip


@cache
def _classes() -> bytes:
    """Return the archive of our classes; always the same bytes for the same code."""
    content = BytesIO()
    files = sorted({file for pattern in CLASSES for file in ROOT.glob(pattern)})
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(ROOT.parent).as_posix())
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def schema(frame: pd.DataFrame) -> Schema:
    """Return the MLflow types of the columns."""
    return Schema([ColSpec(_type(frame[name].to_numpy()), str(name)) for name in frame])


def _type(values: NDArray[Any]) -> str:
    kinds = {"b": "boolean", "i": "long", "u": "long", "f": "double", "M": "datetime"}
    return kinds.get(np.asarray(values).dtype.kind, "string")
