"""Model files on local disk, by digest, so that the service starts while MLflow is down.

Usage::

    artifacts = Artifacts(settings.home / "models", from_mlflow(settings))
    model = artifacts.get(ref)               # or ModelRefused
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from sklearn.pipeline import Pipeline

from evergreen.errors import ModelRefused
from evergreen.learning import models
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import Settings

MODEL = "model.skops"


Fetch = Callable[[ModelRef, Path], None]
"""Puts `model.skops` into a folder; raises ModelRefused."""


class Artifacts:
    """The file of each model in a folder called by its digest."""

    def __init__(self, folder: Path, fetch: Fetch) -> None:
        self._folder, self._fetch = folder, fetch

    def get(self, ref: ModelRef) -> Pipeline:
        """Return the model; fetched once, and again if the copy is damaged.

        Raises:
            ModelRefused: it cannot be had, or its bytes are not those that were gated.
        """
        place = self._folder / ref.sha256
        try:
            return models.load(place / MODEL, ref.sha256)
        except (ModelRefused, FileNotFoundError):
            shutil.rmtree(place, ignore_errors=True)
        self._fill(place, ref)
        return models.load(place / MODEL, ref.sha256)

    def holds(self, ref: ModelRef) -> bool:
        """Tell whether the file is here, as it was gated: if it fails, then for want of what is
        installed here."""
        file = self._folder / ref.sha256 / MODEL
        return file.is_file() and models.digest(file.read_bytes()) == ref.sha256

    def _fill(self, place: Path, ref: ModelRef) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(dir=self._folder, prefix=".tmp-"))
        try:
            self._fetch(ref, temporary)
            if not (temporary / MODEL).is_file():
                raise ModelRefused(f"{ref.model_uri} holds no {MODEL}")
            _place(temporary, place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _place(folder: Path, place: Path) -> None:
    """Give a folder its name; one that somebody else has put there meanwhile is as good."""
    try:
        folder.rename(place)
    except OSError:
        if not place.is_dir():
            raise


def from_mlflow(settings: Settings) -> Fetch:
    """Return a fetch from the tracking server, or from the artifacts folder of its database."""

    def fetch(ref: ModelRef, folder: Path) -> None:
        from evergreen.learning import tracking  # not above: MLflow is needed for a new model only

        tracking.download_model(settings, ref.model_uri, str(folder))

    return fetch
