"""What ours is called in an MLflow that others use too. Light to import."""

from evergreen.settings import Settings

OURS = {"evergreen": "true"}
"""Tag of the experiments and registered models that we made; no other one is ever touched."""


def named(settings: Settings, use_case: str) -> str:
    """Return what MLflow calls the experiment and the registered model of a use case."""
    return f"{settings.model_prefix}{use_case}"
