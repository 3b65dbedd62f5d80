"""What a use case may declare besides the essentials; `evergreen.spec` offers all of it.

Usage::

    Candidate(name="logistic", build=logistic, search={"C": Between(1e-3, 10, log=True)})
    Gate(..., fairness=(Fairness(slice="gender", most=0.1),), min_business=0.0)
    UseCase(..., business=Business(unit="USD per customer", measure=worth), interval=0.9)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evergreen.errors import DeclarationError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

FAIRNESS_RATES = ("recall", "precision", "accuracy", "selection_rate")
RELEASES = ("direct", "shadow", "canary", "ab")


@dataclass(frozen=True)
class Between:
    """A range of a parameter that is searched; whole numbers when both ends are."""

    low: float
    high: float
    log: bool = False
    """Search the magnitudes evenly; the ends must then be positive."""

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise DeclarationError("search", self, "low < high, and both positive with log=True")

    @property
    def whole(self) -> bool:
        """Tell whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """How much a rate may differ between the groups of a slice.

    `recall` asks for equal opportunity (Hardt, Price, Srebro, NIPS 2016), `selection_rate` for
    demographic parity: the share of rows that the model calls positive.
    """

    slice: str
    """Name of a declared slice; its groups below `gate.min_slice_rows` are not compared."""
    rate: str = "recall"
    most: float
    """Largest difference between the highest and the lowest rate, 0 to 1."""

    def __post_init__(self) -> None:
        if self.rate not in FAIRNESS_RATES:
            hint = did_you_mean(self.rate, FAIRNESS_RATES)
            raise DeclarationError("fairness.rate", self.rate, ", ".join(FAIRNESS_RATES) + hint)
        if not 0 <= self.most <= 1:
            raise DeclarationError("fairness.most", self.most, "0 to 1")


@dataclass(frozen=True, kw_only=True)
class Business:
    """What the answers are worth, in the owner's terms."""

    measure: "Callable[[pd.DataFrame, Any, Any], Mapping[str, float]]"
    """Raw rows in time order, their true labels and the model's, to figures by name. More of the
    first is better: it decides; the others are shown beside it."""
    unit: str
    """Of the first figure: `USD per customer`."""
    choose_threshold: bool = False
    """Binary: call positive from the probability on at which the first figure is best, over the
    cross-validated predictions of the training rows; the threshold stays inside the model."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """How a challenger that passed the gate comes to its users."""

    strategy: str = "direct"
    """`direct` (it answers everybody), `shadow`, `canary` or `ab`."""
    share: float = 0.1
    """Of the requests that the challenger answers while it is on trial."""

    def __post_init__(self) -> None:
        if self.strategy not in RELEASES:
            hint = did_you_mean(self.strategy, RELEASES)
            raise DeclarationError("release.strategy", self.strategy, ", ".join(RELEASES) + hint)
        if not 0 < self.share <= 1:
            raise DeclarationError("release.share", self.share, "more than 0, up to 1")
