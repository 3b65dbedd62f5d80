"""What is predicted, and what it is measured by."""

from enum import StrEnum


class Kind(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


_CLASSES = {
    "accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "roc_auc": True,
    "log_loss": False,
}
METRICS: dict[Kind, dict[str, bool]] = {
    Kind.BINARY: {**_CLASSES, "brier": False},
    Kind.MULTICLASS: _CLASSES,
    Kind.REGRESSION: {"mae": False, "mse": False, "rmse": False, "r2": True, "mape": False},
}
"""The metrics of each kind, and whether more is better. Multiclass averages are macro."""


def bound(more_is_better: bool) -> str:
    """Return what people call the worst value that passes: `floor` or `ceiling`."""
    return "floor" if more_is_better else "ceiling"
