"""Prove that a model is still what it was: the same bytes, the same answers."""

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from evergreen.errors import ModelRefused
from evergreen.settings import Settings

if TYPE_CHECKING:
    from evergreen.learning.models import Golden

Prove = Callable[[Settings, str, str, str, str | None], str]
"""The type of `prove`, for those who are given one."""


def prove(
    settings: Settings, run_id: str, model_uri: str, sha256: str, golden_sha256: str | None = None
) -> str:
    """Load a model by its digest, let it reproduce its golden predictions; return their digest.

    Raises:
        ModelRefused: the bytes or the golden predictions are others than on record, or the model
            does not reproduce them within 1e-6.
    """
    from evergreen.learning import (
        models,  # not above: they load scikit-learn
        tracking,  # not above: they load scikit-learn
    )

    model = tracking.fetch_model(settings, model_uri, sha256)
    golden = tracking.fetch_golden(settings, run_id)
    digest = golden_digest(golden)
    if golden_sha256 not in {None, digest}:
        raise ModelRefused(f"the golden predictions of run {run_id} are not those on record")
    if golden.rows.empty:
        raise ModelRefused(f"the golden rows of run {run_id} were all forgotten: nothing proves it")
    off = models.reproduces(model, golden)
    if not off <= models.TOLERANCE:
        raise ModelRefused(
            f"{model_uri} is off its golden predictions by {off:.2g};"
            f" allowed: {models.TOLERANCE:.0e}"
        )
    return digest


def golden_digest(golden: "Golden") -> str:
    """Return the sha256 of golden rows and predictions, as canonical JSON."""
    return hashlib.sha256(json.dumps(golden.to_json(), sort_keys=True).encode()).hexdigest()
