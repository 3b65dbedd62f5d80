"""Model files on local disk, by digest, so that the service starts while MLflow is down.

Usage::

    artifacts = Artifacts(settings.home / "models", from_mlflow(settings))
    model, golden = artifacts.get(ModelRef.of(champion))     # or ModelRefused
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sklearn.pipeline import Pipeline

from evergreen.errors import ModelRefused
from evergreen.learning import models
from evergreen.learning.models import Golden
from evergreen.refs import Json
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import Settings

MODEL, GOLDEN = "model.skops", "golden.json"


Fetch = Callable[[ModelRef, Path], None]
"""Puts `model.skops`, and `golden.json` if there is one, into a folder; raises ModelRefused."""


class Artifacts:
    """The files of each model in a folder called by its digest."""

    def __init__(self, folder: Path, fetch: Fetch) -> None:
        self._folder, self._fetch = folder, fetch

    def get(self, ref: ModelRef) -> tuple[Pipeline, Golden | None]:
        """Return the model and its golden rows; fetched once, and again if the copy is damaged.

        Raises:
            ModelRefused: it cannot be had, or its bytes are not those that were gated.
        """
        place = self._folder / ref.sha256
        try:
            return _load(place, ref)
        except (ModelRefused, FileNotFoundError):
            shutil.rmtree(place, ignore_errors=True)
        self._fill(place, ref)
        return _load(place, ref)

    def _fill(self, place: Path, ref: ModelRef) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(dir=self._folder, prefix=".tmp-"))
        try:
            self._fetch(ref, temporary)
            if not (temporary / MODEL).is_file():
                raise ModelRefused(f"{ref.model_uri} holds no {MODEL}")
            temporary.rename(place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def from_mlflow(settings: Settings) -> Fetch:
    """Return a fetch from the tracking server, or from the artifacts folder of its database."""

    def fetch(ref: ModelRef, folder: Path) -> None:
        from evergreen.learning import tracking  # not above: MLflow is needed for a new model only

        place = tracking.model_place(settings, ref.model_uri)
        tracking._download(settings, f"{place}/{MODEL}", str(folder))
        golden: Json = tracking.fetch_golden(settings, ref.run_id).to_json()
        (folder / GOLDEN).write_text(json.dumps(golden))

    return fetch


def _load(place: Path, ref: ModelRef) -> tuple[Pipeline, Golden | None]:
    model: Any = models.load(place / MODEL, ref.sha256)
    file = place / GOLDEN
    golden = Golden.from_json(json.loads(file.read_text())) if file.is_file() else None
    if golden is not None and models.reproduces(model, golden) > 1e-6:
        raise ModelRefused(f"version {ref.version} does not reproduce its golden predictions")
    return model, golden
