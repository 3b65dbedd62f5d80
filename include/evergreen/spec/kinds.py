"""What is predicted, and what it is measured by."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from evergreen.errors import DeclarationError
from evergreen.spec.names import check_name


class Kind(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


_CLASSES = {
    "accuracy": True,
    "balanced_accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "roc_auc": True,
    "log_loss": False,
}
METRICS: dict[Kind, dict[str, bool]] = {
    Kind.BINARY: {**_CLASSES, "average_precision": True, "brier": False},
    Kind.MULTICLASS: _CLASSES,
    Kind.REGRESSION: {"mae": False, "mse": False, "rmse": False, "r2": True, "mape": False},
}
"""The metrics of each kind, and whether more is better. Multiclass averages are macro."""
PINBALL = {f"pinball_{percent:02d}": False for percent in range(1, 100)}
"""Of a regression, measured if the gate names them: the loss of the quantile of so many %."""
SHARES = {*_CLASSES, "average_precision", "brier"} - {"log_loss"}
"""Metrics from 0 to 1."""
ERRORS = {"log_loss", "mae", "mse", "rmse", "mape", *PINBALL}
"""Metrics from 0 on."""
READS = ("labels", "probabilities")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of your own, which the gate may name."""

    name: str
    """As the gate and reports call it."""
    function: "Callable[[Any, Any], float | None]"
    """True labels and the model's, both (rows,), to a figure; None: not defined for these rows."""
    more_is_better: bool
    """Its direction: true of a score, false of an error."""
    reads: str = "labels"
    """What of the model's answers it is given: `labels` (values), or `probabilities`: of two
    classes that of the positive one, (rows,), of more (rows, classes), the classes sorted."""

    def __post_init__(self) -> None:
        check_name("metric.name", self.name)
        if self.reads not in READS:
            raise DeclarationError("metric.reads", self.reads, ", ".join(READS))


@dataclass(frozen=True)
class Scale:
    """Everything that answers are measured by."""

    kind: Kind
    own: tuple[Metric, ...] = ()
    asked: tuple[str, ...] = ()
    """Metrics that are measured only if somebody asks for them."""

    @classmethod
    def of(cls, measured: "Kind | Scale") -> "Scale":
        """Return the scale, of a kind that of all its metrics."""
        return measured if isinstance(measured, Scale) else cls(measured)

    @property
    def directions(self) -> Mapping[str, bool]:
        """Return each metric that is measured, and whether more is better."""
        return METRICS[self.kind] | self.beside

    @property
    def beside(self) -> dict[str, bool]:
        """Return those beside the ones of the kind."""
        asked = {name: PINBALL[name] for name in self.asked if name in PINBALL}
        return asked | {metric.name: metric.more_is_better for metric in self.own}

    def metric(self, name: str) -> Metric | None:
        """Return the metric of one's own that has the name."""
        return next((metric for metric in self.own if metric.name == name), None)


def attainable(metric: str) -> tuple[float, float]:
    """Return the least and the most that a metric can be; of one's own, nothing is known."""
    least = 0.0 if metric in SHARES | ERRORS else -math.inf
    return least, 1.0 if metric in SHARES | {"r2"} else math.inf


def bound(more_is_better: bool) -> str:
    """Return what people call the worst value that passes: `floor` or `ceiling`."""
    return "floor" if more_is_better else "ceiling"


def is_worse(value: float, limit: float, *, more_is_better: bool) -> bool:
    """Tell whether a metric is on the wrong side of a limit; on the limit it is not."""
    return value < limit if more_is_better else value > limit
