"""What was estimated of a window without its labels, as facts without a judgement."""

from dataclasses import dataclass

from evergreen.refs import Band, Ref
from evergreen.watching.estimating import Estimate
from evergreen.watching.ground import Outside


@dataclass(frozen=True, kw_only=True)
class EstimatedMetric(Ref):
    """A metric as it probably is."""

    name: str
    more_is_better: bool
    floor: float | None
    estimate: Estimate
    outside: Outside | None = None
    """How much of the rows lies outside what it was learned on."""

    @property
    def band(self) -> Band:
        """The estimate, and the band around it."""
        low, high = self.estimate.band
        outside = self.outside.share if self.outside and self.extrapolated else 0.0
        return Band(value=self.estimate.value, low=low, high=high, outside=outside)

    @property
    def extrapolated(self) -> bool:
        """Tell whether it is of rows that its band does not speak of."""
        return self.outside is not None and self.outside.extrapolated

    def is_beyond(self, alpha: float) -> bool:
        """Tell whether it surely is beyond the gate's floor, but for a chance of alpha."""
        if self.floor is None or not alpha or self.extrapolated:
            return False
        sign = 1 if self.more_is_better else -1
        return sign * (self.estimate.value - self.floor) + self.estimate.room(alpha) < 0


@dataclass(frozen=True, kw_only=True)
class EstimateFacts(Ref):
    """The metrics of a window as they probably are."""

    rows: int = 0
    """Answers of the champion in the window's sample."""
    learned_rows: int = 0
    """Rows of the walk forward that tell how far its answers are right."""
    metrics: tuple[EstimatedMetric, ...] = ()
    labelled: tuple[EstimatedMetric, ...] = ()
    """The same of the answers whose labels have come: what the live metric is held against."""
    problem: str = ""
    """Why nothing was estimated."""

    @property
    def outside(self) -> Outside | None:
        """What of the window lies outside what was learned on; None: nothing out of the usual."""
        return next((each.outside for each in self.metrics if each.extrapolated), None)

    def of_labelled(self, name: str) -> EstimatedMetric | None:
        """Return what was estimated of the labelled answers."""
        return next((metric for metric in self.labelled if metric.name == name), None)
