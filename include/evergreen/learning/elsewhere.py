"""Loads a model where Evergreen is not installed: MLflow finds this file in the model's `code/`.

    mlflow.pyfunc.load_model(folder).predict(raw)     # label, probabilities or interval of each row

`model.skops` needs classes of ours; they lie beside this file, in `evergreen.zip`. The service does
not come here: it loads the same bytes by themselves.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import pandas as pd

CLASSES = "evergreen.zip"


class Answering:
    """A model that answers as the service does."""

    def __init__(self, pipeline: Any, models: Any) -> None:
        self._pipeline, self._models = pipeline, models

    def predict(self, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002
        """Return `label` and, as the model has them, `probability_<class>` or `low` and `high`."""
        output = self._models.predict(self._pipeline, model_input)
        found = pd.DataFrame({"label": output.labels}, index=model_input.index)
        if output.probabilities is not None:
            for place, name in enumerate(output.classes):
                found[f"probability_{name}"] = output.probabilities[:, place]
        if output.half_width is not None:
            found["low"] = output.labels - output.half_width
            found["high"] = output.labels + output.half_width
        return found


def _load_pyfunc(path: str) -> Answering:
    """Load `model.skops`, as MLflow asks a loader module to."""
    from skops import io  # not above: it imports all of scikit-learn

    models = _ours()
    return Answering(io.load(path, trusted=list(models.TRUSTED)), models)


def _ours() -> Any:
    """Import our classes: those that are installed, else those of the model."""
    try:
        return importlib.import_module("evergreen.learning.models")
    except ImportError:
        sys.path.append(str(Path(__file__).with_name(CLASSES)))
        importlib.invalidate_caches()
        return importlib.import_module("evergreen.learning.models")
