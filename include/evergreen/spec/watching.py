"""How the champion is watched in service, and when it is trained anew."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from evergreen.errors import DeclarationError
from evergreen.spec.lengths import spelled
from evergreen.spec.numbers import check_numbers
from evergreen.spec.pace import check_schedule


class Usual(StrEnum):
    """What tells which distances are usual."""

    HISTORY = "history"
    """How far windows as long lay from what came before them, in the use case's own history."""
    INDEPENDENT = "independent"
    """The two-sample test of rows that have nothing to do with one another."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How one column is watched; what is None is as `Monitoring` has it for all."""

    usual: Usual | None = None
    """What tells which distances are usual."""
    min_effect: float | None = None
    """A smaller distance is no drift, 0 to 1."""

    def __post_init__(self) -> None:
        check_numbers("monitoring.columns: ", self)
        if self.min_effect is not None and not 0 < self.min_effect < 1:
            raise DeclarationError("monitoring.columns", self.min_effect, "between 0 and 1")


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
    min_effect: float = 0.05
    """A smaller distance (Kolmogorov-Smirnov, half of Cohen's w; 0 to 1) is none, however sure."""
    usual: Usual = Usual.HISTORY
    """What tells which distances are usual; without a time, or with a short history, it is
    `INDEPENDENT`, and the verdict says so."""
    columns: Mapping[str, Watched | None] = field(default_factory=dict)
    """Raw columns that are watched otherwise; None: the column is not watched."""
    pairs: bool = True
    """Two columns that go apart only together count as drifted, too."""
    critical_share: float = 0.3
    """More drifted columns than this share of them are critical."""
    min_confidence: float | None = 0.7
    """A mean top probability below this, and surely below the usual, alarms; None: not checked."""
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
    trust_estimate: bool = False
    """Take the estimate of a metric (without labels) for the metric: surely beyond its floor it is
    critical and a cause to retrain; unknown or extrapolated it is unknown."""
    silent_after: timedelta = timedelta(days=3)
    """Alert when for so long (or three pauses of the schedule, if they are longer) nothing could
    be measured or no live metric was known, though there had been some, or no window was calm."""

    def __post_init__(self) -> None:
        check_numbers("monitoring.", self)
        check_schedule("monitoring.schedule", self.schedule)
        for name in ("window", "labels_window", "silent_after"):
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

    def watched(self, column: str) -> Watched:
        """Return how a raw column is watched, with nothing left open."""
        own = self.columns.get(column) or Watched()
        return Watched(usual=own.usual or self.usual, min_effect=own.min_effect or self.min_effect)

    def leaves_out(self, column: str) -> bool:
        """Tell whether a raw column is not watched."""
        return column in self.columns and self.columns[column] is None


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """When a champion is trained anew, besides the schedule and a person's wish."""

    alarming: int = 2
    """Retrain when so many of the last `of_windows` windows drift critically, or have a live
    metric that surely is beyond its floor or worse than in the walk forward: one odd hour is no
    reason."""
    of_windows: int = 3
    """Of so many windows, the newest."""
    new_rows: int | None = None
    """Retrain when so many labelled rows have come since the champion's snapshot; None: never."""
    cooldown: timedelta = timedelta(hours=6)
    """From one retraining until the next may start."""
    budget: int = 7
    """Retrainings in any seven days."""
    backoff: float = 2.0
    """Each retraining in a row that changes no recipe (refused, failed, or with a refresh alone)
    makes the cooldown this many times longer."""
    max_wait: timedelta = timedelta(days=7)
    """The longest that these can make the cooldown."""
    roll_back: bool = True
    """Go back by itself when live quality is poor, and the fit that served before surely would have
    answered better on the labels that came since; a person is told, and it is pinned. A champion
    that a person has pinned stays."""
    stale_after: timedelta | None = timedelta(days=30)
    """Alert when no challenger has reached the gate for so long; None: never."""

    def __post_init__(self) -> None:
        check_numbers("retraining.", self)
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
            raise DeclarationError(
                "retraining.max_wait", self.max_wait, f"{spelled(self.cooldown)} or more"
            )
        if self.stale_after is not None and self.stale_after <= timedelta(0):
            raise DeclarationError("retraining.stale_after", self.stale_after, "more than zero")
