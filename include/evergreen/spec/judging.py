"""What a challenger must prove, and how it then comes to its users."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evergreen.errors import DeclarationError, did_you_mean
from evergreen.spec.numbers import check_numbers

if TYPE_CHECKING:
    import pandas as pd

FAIRNESS_RATES = ("recall", "precision", "accuracy", "selection_rate")
RELEASES = ("direct", "shadow", "canary", "ab")
LEAST = {
    "resamples": 1, "min_rows": 0, "min_slice_rows": 0, "slice_tolerance": 0,
    "coverage_tolerance": 0,
}  # fmt: skip
"""The smallest numbers of a gate that mean something."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A way to cut the rows; each value's rows are scored on their own."""

    name: str
    """As reports and `Fairness` call it."""
    by: "str | Callable[[pd.DataFrame], pd.Series]"
    """A raw column, or a function of the raw rows that returns each row's slice."""


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """How much a rate may differ between the groups of a slice.

    `recall` asks for equal opportunity (Hardt, Price, Srebro, NIPS 2016), `selection_rate` for
    demographic parity: the share of rows that the model calls positive.
    """

    slice: str
    """Name of a declared slice; its groups below `gate.min_slice_rows` are not compared."""
    rate: str = "recall"
    """`recall`, `precision`, `accuracy` or `selection_rate`."""
    most: float
    """Largest difference between the highest and the lowest rate, 0 to 1."""

    def __post_init__(self) -> None:
        check_numbers("fairness.", self)
        if self.rate not in FAIRNESS_RATES:
            hint = did_you_mean(self.rate, FAIRNESS_RATES)
            raise DeclarationError("fairness.rate", self.rate, ", ".join(FAIRNESS_RATES) + hint)
        if not 0 <= self.most <= 1:
            raise DeclarationError("fairness.most", self.most, "0 to 1")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a challenger must prove on the holdout before it may become champion."""

    metric: str
    """The metric that decides: chooses parameters, finds the challenger, compares recipes."""
    floors: Mapping[str, float]
    """Per metric the worst value that passes (a ceiling where less is better)."""
    min_improvement: float = 0.0
    """The confidence interval of challenger − champion (in the direction of better) must lie
    above this. Negative: a challenger that may be slightly worse still replaces the champion."""
    confidence: float = 0.95
    """Of the intervals that decide, between 0.5 and 1."""
    resamples: int = 1000
    """Simulated draws, where the intervals of several challengers must hold at once."""
    min_rows: int = 50
    """Fewer held-out rows prove nothing."""
    slice_tolerance: float = 0.15
    """How much worse than the champion (or, without one, than the floor) a slice may be; refused
    when the whole interval of the difference is worse."""
    min_slice_rows: int = 30
    """Smaller slices are shown, not judged."""
    max_calibration_error: float | None = None
    """Largest expected calibration error (0..1); None: not checked (regression)."""
    max_latency_ms: float = 100.0
    """Of the processor for one row, median."""
    max_size_mb: float = 100.0
    """Of the model file."""
    beat_baseline_surely: bool = True
    """The confidence interval against the best baseline must lie above 0; False: the estimate
    alone, for a first model on few rows."""
    fairness: tuple[Fairness, ...] = ()
    """Rates that may differ between groups by no more than so much."""
    min_business: float | None = None
    """The worst first figure of `business` that passes, if it is also no less than that of the best
    baseline and of the same answer for all; None: it is shown, not judged."""
    max_disagreement: float | None = 0.1
    """How far a refresh may answer the newest rows otherwise than the fit that serves: the mean
    difference of probabilities, or of values in standard deviations of the target. None: any."""
    max_label_shift: float | None = 1.0
    """How far the mean label of the newest stretch (two weeks, or a block of the walk if that is
    shorter) may lie beyond those of the stretches before, as a multiple of their range; by two of
    its standard errors it always may. None: any."""
    max_single_feature: float | None = 0.99
    """How well one feature alone may tell the judged labels (area under the ROC curve; F1 of
    several classes; R² of a regression): better, and it is taken for the label in disguise. None:
    as well as it may."""
    coverage_tolerance: float = 0.05
    """How much smaller than `interval` the share of held-out values inside it may be."""

    checks: "tuple[Callable[[Any], tuple[bool, str]], ...]" = ()
    """Checks of your own: what evaluate found out (`judging.evidence.Evidence`) to whether it
    passes, and the reason in words. One that raises has not passed."""

    def __post_init__(self) -> None:
        check_numbers("gate.", self)
        if not self.floors:
            raise DeclarationError("gate.floors", {}, "at least one threshold")
        given = self.checks if isinstance(self.checks, tuple) else (None,)
        names = [getattr(check, "__name__", "") for check in given]
        if not all(name.isidentifier() for name in names) or len(set(names)) < len(names):
            raise DeclarationError("gate.checks", names, "a tuple of functions whose names differ")
        if not 0.5 < self.confidence < 1:
            raise DeclarationError("gate.confidence", self.confidence, "between 0.5 and 1")
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise DeclarationError(f"gate.{name}", getattr(self, name), f"{least} or more")


@dataclass(frozen=True, kw_only=True)
class Business:
    """What the answers are worth, in the owner's terms."""

    measure: "Callable[[pd.DataFrame, Any, Any], Mapping[str, float]]"
    """Raw rows in time order, their true labels and the model's, to figures by name. More of the
    first is better: it decides; the others are shown beside it."""
    unit: str
    """Of the first figure: `USD per customer`."""
    choose_threshold: bool = False
    """Binary: call positive from the probability on at which the first figure is best, over
    answers to rows that no fit had seen (the walk's; without a time, cross-validation's); the
    threshold stays inside the model."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """How a challenger that passed the gate comes to its users."""

    strategy: str = "direct"
    """`direct` (it answers everybody), `shadow`, `canary` or `ab`."""
    share: float = 0.1
    """Of the requests that the challenger answers while it is on trial."""
    by_hand: bool = False
    """A trial runs until a person ends it; else it ends by itself, when the labels surely tell
    which is better, or after 56 days of them."""
    on_paper: bool = False
    """While there is no champion, the newest challenger that the gate refused answers those who ask
    for it (`?on_paper=true`); its answers are marked as unproven, and go on record."""
    approval: bool = False
    """A person must approve before another recipe, or the first one, takes over. The recipe in
    charge goes on being fitted anew without."""
    approval_within: timedelta = timedelta(days=7)
    """How long the challenger waits for a person's word; then it is withdrawn."""

    def __post_init__(self) -> None:
        check_numbers("release.", self)
        if self.strategy not in RELEASES:
            hint = did_you_mean(self.strategy, RELEASES)
            raise DeclarationError("release.strategy", self.strategy, ", ".join(RELEASES) + hint)
        if not 0 < self.share <= 1:
            raise DeclarationError("release.share", self.share, "more than 0, up to 1")
        if self.approval and self.strategy != "direct":
            allowed = "False with a trial: a person's word ends it anyway (evergreen release)"
            raise DeclarationError("release.approval", True, allowed)
        if self.approval_within <= timedelta(0):
            raise DeclarationError("release.approval_within", self.approval_within, "more than 0")
