"""What watching measured in a window, as facts without a judgement: `verdict` reads nothing else.

What could not be measured is None, and the `problem` beside it says why.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from evergreen.judging.evidence import Difference
from evergreen.judging.figures import figure, interval
from evergreen.records import Counted
from evergreen.refs import Ref
from evergreen.watching.estimate_facts import EstimateFacts
from evergreen.watching.pair_facts import PairFacts, TogetherFacts


@dataclass(frozen=True, kw_only=True)
class ColumnFacts(Ref):
    """One raw column of the window's sample beside the reference."""

    name: str
    kind: str
    """numeric, categorical, or why it is not compared by nature: `time`, `key`."""
    rows: int
    """Rows of the sample."""
    absent: int = 0
    """Rows that lack the column altogether."""
    nulls: int = 0
    """Rows without a usable value: null, absent, or not a number in a numeric column."""
    reference_nulls: int = 0
    reference_rows: int = 0
    """All training rows."""
    more_nulls: float = 1.0
    """Chance of so many nulls, were their rate the reference's."""
    infinite: int = 0
    unseen: int = 0
    """Rows with a category that no training row has."""
    unseen_values: tuple[str, ...] = ()
    """A few of them."""
    more_unseen: float = 1.0
    """Chance of so many, judged by how many categories occur once in training."""
    importance: float | None = None
    """The gate's metric that the champion loses when the column is shuffled, at least 0."""
    distance: float | None = None
    threshold: float | None = None
    basis: str = ""
    """Which rows of the reference it was held against, in words."""
    sure: bool = True
    """History is long enough to tell which distance is usual."""
    problem: str = ""
    """Why it should have been compared and was not."""

    @property
    def drifted(self) -> bool:
        """Tell whether its distance is surely beyond the threshold."""
        return self.beyond and self.sure

    @property
    def beyond(self) -> bool:
        """Tell whether the column was compared and its distance is beyond the threshold."""
        return self.distance is not None and self.distance > (self.threshold or 0.0)

    @property
    def compared(self) -> bool:
        """Tell whether the column was compared."""
        return self.distance is not None


@dataclass(frozen=True, kw_only=True)
class OutputFacts(Ref):
    """The champion's answers in the window beside those to the rows of its snapshot."""

    rows: int = 0
    distance: float | None = None
    threshold: float | None = None
    confidence: float | None = None
    """Mean top probability."""
    confidence_error: float = 0.0
    """Its standard error, the reference's included."""
    usual_confidence: float | None = None
    basis: str = ""
    sure: bool = True
    """As of a column."""
    problem: str = ""

    @property
    def drifted(self) -> bool | None:
        """Tell whether the answers drifted; None: they could not be compared, or it is not sure."""
        return self.beyond if self.sure else None

    @property
    def beyond(self) -> bool | None:
        """Tell whether their distance is beyond the threshold; None: they could not be compared."""
        return None if self.distance is None else self.distance > (self.threshold or 0.0)


@dataclass(frozen=True, kw_only=True)
class UsualFacts(Ref):
    """How it was found out which distances are usual."""

    problem: str = ""
    """Why the test for independent rows was used; empty: history was."""
    length: float = 0.0
    """Event time that the rows of the window span, in seconds, rounded."""
    gap: float = 0.0
    """Between the newest row that was learned from and them, rounded."""
    blocks: int = 0
    """Windows of the past that the limits rest on."""
    of_season: int = 0
    """How many of them are of the window's season."""
    needed: int = 0
    enough: bool = True
    """They are no fewer than needed, and know the season: drift may be called so."""


@dataclass(frozen=True, kw_only=True)
class MetricFacts(Ref):
    """A metric on delayed labels beside that of the walk forward and the gate's floor."""

    name: str
    more_is_better: bool
    live: float | None = None
    error: float = 0.0
    """Standard error of `live`, by units of time."""
    freedom: float = 1e9
    """Its degrees of freedom."""
    holdout: float | None = None
    """What the recipe reached on the judged rows, by fits that had not seen them."""
    holdout_error: float = 0.0
    holdout_freedom: float = 1e9
    floor: float | None = None


@dataclass(frozen=True, kw_only=True)
class QualityFacts(Ref):
    """The champion's quality on labels that came since."""

    since: datetime
    due: int
    """Predictions whose label should be known by now."""
    labelled: int
    scored: int = 0
    """Those that were drawn of them to be scored, at most `monitoring.sample`."""
    metrics: tuple[MetricFacts, ...] = ()
    newest: tuple[MetricFacts, ...] = ()
    """The same on the newest half of those, which tell first of a change; empty: too few."""
    problem: str = ""

    @property
    def coverage(self) -> float | None:
        """Labelled of those due; None: none is due."""
        return self.labelled / self.due if self.due else None

    @property
    def told(self) -> str:
        """The labels that were scored, in words."""
        labels = f"{self.labelled:,} labels"
        return labels if self.scored in {0, self.labelled} else f"{self.scored:,} drawn of {labels}"


@dataclass(frozen=True, kw_only=True)
class Hindsight(Ref):
    """The fit before beside the answers that were given, on the labels that came since."""

    version: int = 0
    """Of the fit that served before; 0: there is none to go back to."""
    until: datetime | None = None
    """When it was replaced."""
    rows: int = 0
    """Labelled answers since."""
    given: float | None = None
    """The metric that decides, of the answers that were given."""
    before: float | None = None
    """The same, of the answers which the fit before would have given."""
    difference: Difference | None = None
    """How much better those are, with its interval."""
    newest: bool = False
    """It is better on the newest half of those labels too."""
    problem: str = ""
    """Why that is unknown; empty: it is known."""

    @property
    def surely_better(self) -> bool:
        """Tell whether the fit before surely would have answered better, and still would."""
        return self.difference is not None and self.difference.low > 0 and self.newest

    @property
    def sentence(self) -> str:
        """What was found, to stand inside a sentence."""
        if self.problem or self.difference is None:
            return f"whether an earlier fit would have answered better is unknown: {self.problem}"
        figures = f"{self.difference.metric} {figure(self.before)} instead of {figure(self.given)}"
        sure = "surely would" if self.surely_better else "would not surely"
        lately = "" if self.newest or self.difference.low <= 0 else ", and not on the newest half"
        return (
            f"version {self.version}, which served until {self.until:%Y-%m-%d %H:%M} UTC, {sure}"
            f" have answered better: {figures} on {self.rows} labels since"
            f" ({interval(self.difference)}{lately})"
        )


@dataclass(frozen=True, kw_only=True)
class GivenFacts(Ref):
    """What became of the labels that were asked for by query."""

    stored: int = 0
    same: int = 0
    """Known before."""
    conflicts: int = 0
    """Other than the first ones, which stay."""
    unknown: int = 0
    """Of rows without an answer on record."""
    odd: int = 0
    """Of none of the classes, or no finite number."""
    problem: str = ""

    def plus(self, more: Counted, odd: int) -> Self:
        """Return the sums."""
        return replace(
            self, stored=self.stored + more.stored, same=self.same + more.same,
            conflicts=self.conflicts + more.conflicts, unknown=self.unknown + more.unknown,
            odd=self.odd + odd,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Origin(Ref):
    """What the window was held against."""

    version: int
    sha256: str
    snapshot_sha256: str
    snapshot_uri: str
    as_of: datetime
    split: str
    rows: int
    """Training rows."""


@dataclass(frozen=True, kw_only=True)
class Facts(Ref):
    """Everything that was measured."""

    use_case: str
    start: datetime
    end: datetime
    rows: int = 0
    """Answered predictions, whoever answered."""
    champion_rows: int = 0
    """Those that the champion answered."""
    dropped: int = 0
    """Predictions that the service answered and could not log."""
    usual_rows: float | None = None
    """Median of the windows before; None: too few of them."""
    sampled: int = 0
    """Rows that were compared, and of the reference."""
    reference_sampled: int = 0
    seed: int = 0
    origin: Origin | None = None
    alpha: float = 0.0
    """Chance of a false alarm of each test."""
    tests: int = 0
    usual: UsualFacts | None = None
    """None: nothing was compared."""
    columns: tuple[ColumnFacts, ...] = ()
    together: TogetherFacts | None = None
    """None: nothing was compared, or it is declared off."""
    outputs: OutputFacts | None = None
    quality: QualityFacts | None = None
    estimate: EstimateFacts | None = None
    """None: there was nothing to estimate it of."""
    given: GivenFacts | None = None
    """None: no query of labels is declared."""
    problem: str = ""
    """Why nothing was compared at all."""

    @property
    def compared(self) -> tuple[ColumnFacts, ...]:
        """The columns that were compared."""
        return tuple(column for column in self.columns if column.compared)

    @property
    def drifted(self) -> tuple[ColumnFacts, ...]:
        """The columns that drifted, the furthest beyond its threshold first."""
        found = [column for column in self.columns if column.drifted]
        return tuple(sorted(found, key=lambda c: (c.threshold or 0) / (c.distance or 1)))

    @property
    def perhaps(self) -> tuple[str, ...]:
        """What lies beyond its threshold, where history is too short to call it drift."""
        found = [c.name for c in self.columns if c.beyond and not c.sure]
        answers = self.outputs
        told = answers is not None and bool(answers.beyond) and not answers.sure
        pairs = self.together.beyond if self.together and not self.together.sure else ()
        together = [f"how {pair.name} go together" for pair in pairs]
        return (*found, *together, *(["the predictions"] if told else []))

    @property
    def pairs(self) -> tuple[PairFacts, ...]:
        """The pairs of columns that drifted only together."""
        return self.together.drifted if self.together else ()

    @property
    def changed(self) -> tuple[ColumnFacts, ...]:
        """The columns that drifted, by themselves or together with another."""
        names = {name for pair in self.pairs for name in (pair.first, pair.second)}
        return tuple(c for c in self.compared if c.drifted or c.name in names)

    @property
    def drift_share(self) -> float | None:
        """Changed of all compared columns."""
        return len(self.changed) / len(self.compared) if self.compared else None

    @property
    def weighted_share(self) -> float | None:
        """The same, by importance; None: unknown, or no compared column matters."""
        total = sum(column.importance or 0.0 for column in self.compared)
        return sum(c.importance or 0.0 for c in self.changed) / total if total else None
