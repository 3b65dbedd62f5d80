"""What a use case declares. Light to import: no pandas, no scikit-learn.

Usage::

    USE_CASE = UseCase(
        name="iris",
        doc="Which of three irises is it?",
        owner="data-science",
        kind=Kind.MULTICLASS,
        source=Source(table="iris", key=("id",), target="species"),
        windows=Windows(holdout=0.3),
        features=Features(numeric=("sepal_length", "sepal_width")),
        candidates=(Candidate(name="logistic", build=logistic), ...),
        baselines=(Candidate(name="majority", build=majority),),
        gate=Gate(metric="f1", floors={"accuracy": 0.9, "f1": 0.88}),
    )
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from evergreen.errors import DeclarationError, did_you_mean
from evergreen.options import Api as Api
from evergreen.options import Between as Between
from evergreen.options import Business as Business
from evergreen.options import Fairness as Fairness
from evergreen.options import Files as Files
from evergreen.options import Ingest as Ingest
from evergreen.options import Release as Release

if TYPE_CHECKING:
    import pandas as pd

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
TABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?")


class Kind(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


METRICS: dict[Kind, dict[str, bool]] = {
    Kind.BINARY: {
        "accuracy": True,
        "precision": True,
        "recall": True,
        "f1": True,
        "roc_auc": True,
        "log_loss": False,
        "brier": False,
    },
    Kind.MULTICLASS: {
        "accuracy": True,
        "precision": True,
        "recall": True,
        "f1": True,
        "roc_auc": True,
        "log_loss": False,
    },
    Kind.REGRESSION: {"mae": False, "mse": False, "rmse": False, "r2": True, "mape": False},
}
"""The metrics of each kind, and whether more is better. Multiclass averages are macro."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the rows come from, in PostgreSQL.

    Give a `table` (every column of it is read), or a `query` (one SELECT).
    """

    table: str | None = None
    query: str | None = None
    key: tuple[str, ...]
    """Columns that identify a row."""
    timestamp: str | None = None
    """Column with the event time (date, or timestamp in UTC); None: the rows have no time."""
    target: str
    """Column with the label."""
    target_sql: str | None = None
    """SQL expression over the table that computes the target, when no column holds it."""
    label_delay: timedelta = timedelta(0)
    """From the event time of a row until its label is known. Younger rows are left out."""
    max_age: timedelta | None = None
    """The newest row must not be older than this at `as_of`; None: freshness is not checked."""

    def __post_init__(self) -> None:
        if (self.table is None) == (self.query is None):
            raise DeclarationError("source", self, "exactly one of table= and query=")
        if self.table is not None and not TABLE.fullmatch(self.table):
            raise DeclarationError("source.table", self.table, "name or schema.name in [a-z0-9_]")
        if not self.key:
            raise DeclarationError("source.key", self.key, "at least one column")
        if self.timestamp is None and (self.label_delay or self.max_age):
            raise DeclarationError(
                "source.timestamp", None, "a column, because label_delay or max_age is given"
            )


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Which rows train and which are held out.

    A `holdout` of time (temporal split) takes the newest rows; a share (0 < share < 1) takes the
    rows whose hashed key falls into it, so that a row once held out is held out for ever.
    """

    holdout: timedelta | float
    training: timedelta | None = None
    """Length of the training window before the holdout; None: all history."""
    embargo: timedelta = timedelta(0)
    """Rows this close before the holdout are left out, as their labels look into it."""
    group: tuple[str, ...] = ()
    """Columns of the key whose rows stay together (a panel's farm), with a share held out: the
    share is of the groups, and cross-validation keeps them together too."""

    def __post_init__(self) -> None:
        if isinstance(self.holdout, timedelta):
            if self.holdout <= timedelta(0):
                raise DeclarationError("windows.holdout", self.holdout, "more than zero")
        elif not 0 < self.holdout < 1:
            raise DeclarationError("windows.holdout", self.holdout, "a share between 0 and 1")
        if self.group and self.temporal:
            raise DeclarationError("windows.group", self.group, "none, as the holdout is a time")

    @property
    def temporal(self) -> bool:
        """Tell whether the newest rows are held out, rather than a share of the keys."""
        return isinstance(self.holdout, timedelta)


@dataclass(frozen=True, kw_only=True)
class Features:
    """What the model sees: columns of the raw rows, or of what `function` makes of them."""

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    function: "Callable[[pd.DataFrame], pd.DataFrame] | None" = None
    """Raw rows in time order to features: same rows, same index, never looking ahead. It may use
    its own module, pandas and numpy; its source travels inside the model."""
    inputs: tuple[str, ...] = ()
    """Raw columns that `function` reads. Without a function they are numeric + categorical."""
    lookback: timedelta = timedelta(0)
    """How far before a row `function` reads."""

    def __post_init__(self) -> None:
        if not self.columns:
            raise DeclarationError("features", self, "at least one numeric or categorical column")
        if self.function is not None and not self.inputs:
            raise DeclarationError("features.inputs", (), "the raw columns that function reads")
        if self.function is None and self.inputs:
            raise DeclarationError("features.inputs", self.inputs, "nothing without a function")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the estimator's preprocessing reads."""
        return self.numeric + self.categorical

    @property
    def raw(self) -> tuple[str, ...]:
        """The raw columns that the whole model reads."""
        return self.inputs or self.columns


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An estimator that competes (or, as a baseline, must be beaten)."""

    name: str
    build: Callable[[], Any]
    """Returns a new scikit-learn estimator; it imports scikit-learn inside."""
    columns: tuple[str, ...] | None = None
    """The features it sees; None: all of them."""
    search: Mapping[str, "Sequence[Any] | Between"] = field(default_factory=dict)
    """Parameters of the estimator to search, each with its values or its range."""
    trials: int = 8
    """How many points of the search space are tried (all, if there are fewer)."""
    budget: timedelta | None = None
    """No trial begins once the search has taken this long. It cuts the same trials short."""

    def __post_init__(self) -> None:
        check_name("candidate.name", self.name)
        if self.trials < 1:
            raise DeclarationError("candidate.trials", self.trials, "1 or more")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a challenger must prove on the holdout before it may become champion."""

    metric: str
    """The metric that decides: picks the challenger by cross-validation, compares champions."""
    floors: Mapping[str, float]
    """Per metric the worst value that passes (a ceiling where less is better)."""
    min_improvement: float = 0.0
    """The confidence interval of challenger − champion (in the direction of better) must lie
    above this. Negative: a challenger that may be slightly worse still replaces the champion."""
    confidence: float = 0.95
    resamples: int = 1000
    """Paired bootstrap resamples."""
    min_rows: int = 50
    """Fewer held-out rows prove nothing."""
    slice_tolerance: float = 0.15
    """How much worse than the champion (or, without one, than the floor) a slice may be."""
    min_slice_rows: int = 30
    """Smaller slices are shown, not judged."""
    max_calibration_error: float | None = None
    """Largest expected calibration error (0..1); None: not checked (regression)."""
    max_latency_ms: float = 100.0
    """Of the processor for one row, median."""
    max_size_mb: float = 100.0
    beat_baseline_surely: bool = False
    """The confidence interval against the best baseline must lie above 0, not the estimate alone:
    where luck looks like skill."""
    fairness: tuple[Fairness, ...] = ()
    """Rates that may differ between groups by no more than so much."""
    min_business: float | None = None
    """The worst first figure of `business` that passes; None: it is shown, not judged."""
    coverage_tolerance: float = 0.05
    """How much smaller than `interval` the share of held-out values inside it may be."""

    def __post_init__(self) -> None:
        if not self.floors:
            raise DeclarationError("gate.floors", {}, "at least one threshold")
        if not 0.5 < self.confidence < 1:
            raise DeclarationError("gate.confidence", self.confidence, "between 0.5 and 1")


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A way to cut the rows; each value's rows are scored on their own."""

    name: str
    by: "str | Callable[[pd.DataFrame], pd.Series]"
    """A raw column, or a function of the raw rows that returns each row's slice."""


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """How the champion is watched in service: which window, and what makes an alarm of it."""

    schedule: str | None = "@hourly"
    """Cron expression or preset of the monitoring DAG; None: only by hand."""
    window: timedelta = timedelta(hours=1)
    """Length of a window of logged predictions."""
    min_rows: int = 50
    """Fewer logged predictions prove nothing: the window is unknown."""
    sample: int = 10_000
    """At most so many rows of the window, and of the reference, are compared."""
    false_alarms: float = 0.05
    """Share of windows without any change that may alarm, all tests of a window together."""
    min_effect: float = 0.1
    """A smaller distance (Kolmogorov-Smirnov, Cramér's V; 0 to 1) is no drift, however sure."""
    critical_share: float = 0.3
    """More drifted columns than this share of them are critical."""
    min_confidence: float | None = 0.7
    """A mean top probability below this alarms; None: not checked."""
    max_nulls: float = 0.05
    """Nulls of a column may rise by this share of the rows."""
    max_unseen: float = 0.01
    """Share of the rows that may hold a category that the champion never saw."""
    volume_factor: float | None = 10.0
    """So many times more or fewer rows than in the windows before alarm; None: not checked."""
    labels_window: timedelta = timedelta(days=30)
    """The live metric rests on the labels of predictions this old (plus the label's delay)."""
    min_labels: int = 50
    """Fewer labels prove nothing: the live metric is unknown."""

    def __post_init__(self) -> None:
        for name in ("window", "labels_window"):
            if getattr(self, name) <= timedelta(0):
                raise DeclarationError(f"monitoring.{name}", getattr(self, name), "more than zero")
        for name, least in (("min_rows", 5), ("min_labels", 5), ("sample", 100)):
            if getattr(self, name) < least:
                raise DeclarationError(
                    f"monitoring.{name}", getattr(self, name), f"{least} or more"
                )
        for name in ("false_alarms", "min_effect", "critical_share", "min_confidence"):
            share = getattr(self, name)
            if share is not None and not 0 < share < 1:
                raise DeclarationError(f"monitoring.{name}", share, "between 0 and 1")
        for name in ("max_nulls", "max_unseen"):
            if not 0 <= getattr(self, name) < 1:
                raise DeclarationError(f"monitoring.{name}", getattr(self, name), "0 or more, < 1")
        if self.volume_factor is not None and self.volume_factor <= 1:
            raise DeclarationError("monitoring.volume_factor", self.volume_factor, "more than 1")


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """When a champion is trained anew, besides the schedule and a person's wish."""

    alarming: int = 2
    """Retrain when so many of the last `of_windows` windows drift critically, or have a live
    metric beyond the gate's floor: one odd hour is no reason."""
    of_windows: int = 3
    new_rows: int | None = None
    """Retrain when so many labelled rows have come since the champion's snapshot; None: never."""
    cooldown: timedelta = timedelta(hours=6)
    """From one retraining until the next may start."""
    budget: int = 7
    """Retrainings in any seven days."""
    backoff: float = 2.0
    """Each candidate that is refused in a row makes the cooldown this many times longer."""
    max_wait: timedelta = timedelta(days=7)
    """The longest that refused candidates can make the cooldown."""
    stale_after: timedelta | None = timedelta(days=30)
    """Alert when no challenger has reached the gate for so long; None: never."""

    def __post_init__(self) -> None:
        if not 1 <= self.alarming <= self.of_windows:
            raise DeclarationError(
                "retraining.alarming", self.alarming, f"1 to of_windows ({self.of_windows})"
            )
        if self.new_rows is not None and self.new_rows < 1:
            raise DeclarationError("retraining.new_rows", self.new_rows, "1 or more, or None")
        if self.budget < 0:
            raise DeclarationError("retraining.budget", self.budget, "0 (never) or more")
        if self.backoff < 1:
            raise DeclarationError("retraining.backoff", self.backoff, "1 (none) or more")
        if self.cooldown < timedelta(0):
            raise DeclarationError("retraining.cooldown", self.cooldown, "zero or more")
        if self.max_wait < self.cooldown:
            raise DeclarationError("retraining.max_wait", self.max_wait, f"{self.cooldown} or more")
        if self.stale_after is not None and self.stale_after <= timedelta(0):
            raise DeclarationError("retraining.stale_after", self.stale_after, "more than zero")


@dataclass(frozen=True, kw_only=True)
class UseCase:
    """One model that is kept fresh: data, features, candidates and gate, declared."""

    name: str
    doc: str
    owner: str
    kind: Kind
    source: Source
    windows: Windows
    features: Features
    candidates: tuple[Candidate, ...]
    baselines: tuple[Candidate, ...]
    gate: Gate
    slices: tuple[Slice, ...] = ()
    ingest: Ingest | None = None
    """Where the rows of the table come from, if they do not come by themselves."""
    monitoring: Monitoring = Monitoring()
    business: Business | None = None
    """What the answers are worth."""
    interval: float | None = None
    """Regression: the share of true values that a prediction interval shall hold, such as 0.9;
    split conformal, from cross-validated errors. None: no intervals."""
    release: Release = field(default_factory=Release)
    """How a challenger that passed the gate comes to its users."""
    schedule: str | None = "@daily"
    """Cron expression or preset of the training DAG; None: only by hand or by request."""
    retraining: Retraining = Retraining()
    seed: int = 0
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("name", self.name)
        if len(self.candidates) < 1:
            raise DeclarationError("candidates", self.candidates, "at least one")
        names = [candidate.name for candidate in self.candidates + self.baselines]
        if len(names) != len(set(names)):
            raise DeclarationError("candidates", names, "names that differ")
        if self.windows.temporal and self.source.timestamp is None:
            raise DeclarationError("source.timestamp", None, "a column, as the holdout is a time")
        if self.source.target in self.features.raw:
            raise DeclarationError("features", self.source.target, "anything but the target")
        self._check_metrics()
        self._check_options()

    def _check_metrics(self) -> None:
        known = METRICS[self.kind]
        for metric in (self.gate.metric, *self.gate.floors):
            if metric not in known:
                hint = did_you_mean(metric, known)
                raise DeclarationError(
                    "gate", metric, f"a metric of {self.kind}: {', '.join(known)}{hint}"
                )

    def _check_options(self) -> None:
        if self.ingest and self.source.table is None:
            raise DeclarationError("ingest", self.ingest, "None, or with source.table=")
        if strange := [name for name in self.windows.group if name not in self.source.key]:
            raise DeclarationError(
                "windows.group", strange, f"columns of the key {self.source.key}"
            )
        if self.interval is not None:
            if self.kind is not Kind.REGRESSION:
                raise DeclarationError("interval", self.interval, f"None, as kind is {self.kind}")
            if not 0.5 <= self.interval < 1:
                raise DeclarationError("interval", self.interval, "at least 0.5, below 1")
        names = [one.name for one in self.slices]
        for fairness in self.gate.fairness:
            if fairness.slice not in names or self.kind is Kind.REGRESSION:
                hint = did_you_mean(fairness.slice, names)
                allowed = f"a slice of a classification: {', '.join(names)}{hint}"
                raise DeclarationError("gate.fairness", fairness.slice, allowed)
        if self.gate.min_business is not None and self.business is None:
            raise DeclarationError("gate.min_business", self.gate.min_business, "with business=")
        if self.business and self.business.choose_threshold and self.kind is not Kind.BINARY:
            raise DeclarationError("business.choose_threshold", True, "with kind BINARY only")

    def candidate(self, name: str) -> Candidate:
        """Return the candidate or baseline of that name."""
        return next(c for c in self.candidates + self.baselines if c.name == name)

    @property
    def more_is_better(self) -> bool:
        """Tell the direction of the gate's deciding metric."""
        return METRICS[self.kind][self.gate.metric]


def check_name(field: str, name: str) -> None:
    """Refuse a name that could not be a table, a DAG, a model and a folder alike.

    Raises:
        DeclarationError: it is not `^[a-z][a-z0-9_]{0,62}$`.
    """
    if not NAME.fullmatch(name):
        raise DeclarationError(field, name, "^[a-z][a-z0-9_]{0,62}$")
