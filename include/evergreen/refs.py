"""The small references that steps hand each other: addresses, digests and counts, never frames.

Each is a frozen dataclass that survives JSON, because Airflow keeps it in XCom::

    SnapshotRef.from_json(snapshot.to_json()) == snapshot
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import TypeAdapter

from evergreen.errors import DeclarationError

Json = dict[str, Any]

CHANGE, REFRESH, FORCED = "change", "refresh", "forced"
PAPER = "paper"
"""Kind of a fit that answers those who ask for what is unproven, as nothing has passed yet."""
UNGATED = frozenset({FORCED, PAPER})
"""Kinds of what answers although the gate did not let its recipe take over."""


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(of: type) -> TypeAdapter[Any]:
    """Return what reads and writes a class: to make one takes milliseconds, to use it none."""
    return _adapters.get(of) or _adapters.setdefault(of, TypeAdapter(of))


class Ref:
    """Base of the references: to and from plain JSON."""

    def to_json(self) -> Json:
        """Return a document of plain JSON types."""
        document: Json = _adapter(type(self)).dump_python(self, mode="json")
        return document

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Build the reference again from what `to_json` returned."""
        ref: Self = _adapter(cls).validate_python(document)
        return ref


@dataclass(frozen=True, kw_only=True)
class Landing(Ref):
    """What became of a file, or of a day or an hour of an API."""

    use_case: str
    item: str
    sha256: str
    rows: int
    """So many rows of the table are as the item has them."""
    known: bool = False
    """It is in the table, and nothing came after it: nothing was done."""
    notes: tuple[str, ...] = ()
    """How it was read: what was found out, and what was made NULL."""
    relation: str = ""
    """The table that took it, as PostgreSQL knows it: another one after a restore."""
    read_as: str = ""
    """What was declared of how it is written."""
    delivered_at: datetime | None = None
    """When the file was written, or just before the API was asked."""
    landed_at: datetime | None = None
    number: int = 0
    """The later landing has the greater one."""

    @property
    def sentence(self) -> str:
        """What happened, in one sentence."""
        if self.known:
            return f"{self.item} was landed before."
        how = f": {', '.join(self.notes)}" if self.notes else ""
        return f"Landed {self.rows:,} rows of {self.item}{how}."


@dataclass(frozen=True, kw_only=True)
class Counts(Ref):
    """What extract saw in the source at `as_of`, before and after its rules."""

    taken: int
    """Rows in the snapshot."""
    immature: int = 0
    """Left out: their label is not due yet at `as_of`."""
    unlabelled: int = 0
    """Left out: their label is due, and has not come."""
    later: int = 0
    """Left out: between `as_of` and the moment of asking (a backfill looks back)."""
    future: int = 0
    """Kept for validation to refuse: their event time lies after the moment of asking."""
    duplicates: int = 0
    """Kept for validation to refuse: rows whose key another row has too."""
    excluded: int = 0
    """Left out: of days that are declared to be bad."""
    quarantined: int = 0
    """Left out: they broke an expectation about rows, and lie in `evergreen.quarantine`."""
    late: int = 0
    """Taken now, although older than the newest row of the snapshot before: they came late, or
    their label did."""


@dataclass(frozen=True, kw_only=True)
class SnapshotRef(Ref):
    """Immutable rows: a manifest, and the Parquet chunks that it names."""

    use_case: str
    uri: str
    """Folder that holds `manifest.json`."""
    sha256: str
    """Of the columns and of the digests of the chunks."""
    rows: int
    as_of: datetime
    counts: Counts
    notes: tuple[str, ...] = ()
    """What a reader should know: labels that are late, a target that could not be computed."""
    declaration: str = ""
    """Digest of the declaration that the run began with; later steps refuse another one."""


@dataclass(frozen=True, kw_only=True)
class FailedExpectation(Ref):
    """One expectation that the data did not meet."""

    expectation: str
    """Its GX type, such as `expect_column_values_to_be_between`."""
    column: str | None
    reason: str
    """One sentence with the figure: `temp_max: 3 of 1460 values (0.2 %) are above 50`."""
    rows: tuple[Json, ...] = ()
    """A sample of the failing rows: the key, and the value that failed."""


@dataclass(frozen=True, kw_only=True)
class ValidationRef(Ref):
    """What Great Expectations said of a snapshot."""

    snapshot: SnapshotRef
    passed: bool
    checked: int
    """How many expectations were checked."""
    failed: tuple[FailedExpectation, ...] = ()
    docs: str = ""
    """Path of this run's page below the Data Docs folder."""


@dataclass(frozen=True, kw_only=True)
class Span(Ref):
    """The rows of one part of the split."""

    rows: int
    start: datetime | None = None
    """Event time of the first row; None: the rows have no time."""
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FeaturesRef(Ref):
    """The features of a validated snapshot, with their split; a Parquet snapshot of its own."""

    snapshot: SnapshotRef
    uri: str
    sha256: str
    training: Span
    holdout: Span
    split: str
    """The rule in words, such as `time, holdout from 2026-08-24, embargo 2 days`."""


@dataclass(frozen=True, kw_only=True)
class RecipeRef(Ref):
    """What makes fits: a candidate with its parameters, training window, features and code."""

    name: str
    """Of the contender, such as `forest` or `forest_60d`."""
    digest: str
    window: timedelta | None = None
    """How far back a fit learns; None: as far as the use case allows."""
    half_life: timedelta | None = None
    """A row so much older than the newest counts half in a fit; None: as much."""
    num_workers: int = 1
    """Processes that make each fit."""
    parameters: Json = field(default_factory=dict)
    """What a search chose."""

    @property
    def told(self) -> Json:
        """Return its parameters as reports and cards tell them: with the workers, if several."""
        return self.parameters | ({"num_workers": self.num_workers} if self.num_workers > 1 else {})


@dataclass(frozen=True, kw_only=True)
class BlockRef(Ref):
    """A stretch of judged rows, and the fit that answered them."""

    start: datetime | None
    """Exclusive; None: the rows have no time, and a twin answered them."""
    end: datetime | None
    rows: int
    trained_rows: int
    trained_until: datetime | None
    """Event time of the newest row that the fit had seen."""
    fit: str
    """Digest of recipe, training rows and package versions."""


@dataclass(frozen=True, kw_only=True)
class Effort(Ref):
    """What fits cost that were made to answer rows."""

    fits: int = 0
    """That were made."""
    kept: int = 0
    """That were known from before."""
    rows: int = 0
    """That the fits which were made learned from, in sum."""
    seconds: float = 0.0
    """That they took, in sum, wherever they were made."""

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(
            fits=self.fits + other.fits,
            kept=self.kept + other.kept,
            rows=self.rows + other.rows,
            seconds=self.seconds + other.seconds,
        )


@dataclass(frozen=True, kw_only=True)
class ChampionRef(Ref):
    """The champion, as the ledger has it."""

    use_case: str
    version: int
    run_id: str
    model_uri: str
    sha256: str
    snapshot_sha256: str
    training: Span
    promotion_id: int
    promoted_at: datetime

    @property
    def knowledge_until(self) -> datetime | None:
        """Event time of the newest row that it has learned from; None: the rows have no time."""
        return self.training.end


@dataclass(frozen=True, kw_only=True)
class CandidateRef(Ref):
    """A recipe that was walked over the judged rows: its MLflow run, and what it answered.

    Once it is to serve, it is fitted on all mature rows too: `model_uri` and `sha256` then name it.
    """

    name: str
    run_id: str
    model_uri: str = ""
    """Folder of the logged model, `models:/m-…` or `runs:/…`; empty: not fitted to serve."""
    sha256: str = ""
    """Of `model.skops`, the bytes that the service loads; empty: not fitted to serve."""
    cv: dict[str, float]
    """Mean of each metric over the folds that its parameters were chosen on; empty: no choice."""
    metrics: dict[str, float]
    """Each metric on the judged rows, by fits that had not seen them."""
    seconds: float
    reused: bool = False
    """The same training had been done before; its run was taken."""
    recipe: RecipeRef | None = None
    blocks: tuple[BlockRef, ...] = ()
    answers_uri: str = ""
    """Its answers to the judged rows, a Parquet snapshot."""
    answers_sha256: str = ""
    held: Json = field(default_factory=dict)
    """What the model that serves holds: `threshold` and `positive`, or `half_width`."""
    fitted: int = 0
    """How many fits its walk took; the others were known."""
    effort: Effort | None = None
    """Of its walk and of its search; None: it is of before this was on record."""
    problem: str = ""
    """Why it could not be walked; there are no answers then."""
    champion: ChampionRef | None = None
    """Of the recipe in charge: the champion that it was walked for."""


class Status:
    """Outcome of a check. Unknown is not passed."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class InCharge:
    """The champion, and the recipe that its fit was made by."""

    champion: ChampionRef
    recipe: RecipeRef


@dataclass(frozen=True, kw_only=True)
class Check(Ref):
    """One predicate of the gate, with its reason in words."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EvaluationRef(Ref):
    """The evidence that evaluate gathered, as a JSON file."""

    uri: str
    """Path of `evidence.json`, below the reports folder."""
    sha256: str = ""
    """Of `evidence.json`; the gate judges no other bytes."""
    report_id: str
    challenger: CandidateRef
    champion: ChampionRef | None
    features: FeaturesRef
    in_charge: CandidateRef | None = None
    """The champion's recipe, walked over the same rows; None: there is no champion."""


@dataclass(frozen=True, kw_only=True)
class Verdict(Ref):
    """What the gate decided, and why."""

    evaluation: EvaluationRef
    passed: bool
    sentence: str
    """The decision in one sentence that a person understands."""
    checks: tuple[Check, ...]
    report: str
    """Path of the HTML report below the reports folder."""
    kind: str = CHANGE
    """`change` of the recipe in charge, `refresh` (the same recipe, fitted anew), `forced`, or
    `paper` (it answers as unproven)."""
    learned: Span | None = None
    """The rows that the fit which is to serve has learned from; None: the gate's, on recipes."""
    disagreement: float | None = None
    """How far a refresh answers the newest rows otherwise than the fit before it."""
    refresh: "Verdict | None" = None
    """Of a challenger that does not take over yet: the newest fit of the recipe in charge."""


@dataclass(frozen=True, kw_only=True)
class PromotionRef(Ref):
    """What promote did."""

    promoted: bool
    champion: ChampionRef | None
    sentence: str


class Outcome:
    """Outcome of a window of logged predictions. Unknown is not calm."""

    CALM = "calm"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Window(Ref):
    """A stretch of time, `start` (exclusive) to `end` (inclusive), UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise DeclarationError("window.start", self.start.isoformat(), f"before {self.end}")


@dataclass(frozen=True, kw_only=True)
class Band(Ref):
    """A figure that is not known for sure."""

    value: float
    low: float
    high: float
    outside: float = 0.0
    """An estimate that was extrapolated: at least this share of its rows lies outside what it was
    calibrated on, so that it may be further off; 0: it was not."""


@dataclass(frozen=True, kw_only=True)
class WindowRef(Ref):
    """What watching found out about a window; stored once for each window and champion."""

    use_case: str
    start: datetime
    end: datetime
    champion: int
    """Version of the champion that the window was held against; 0: there was none."""
    on_paper: bool = False
    """It was no champion: no gate had passed it."""
    rows: int
    """Logged predictions whose answer was given (shadows apart)."""
    outcome: str
    """calm, warning, critical or unknown (see `Outcome`)."""
    sentence: str
    alarms: tuple[str, ...] = ()
    """Each in a sentence, the worst first."""
    unknowns: tuple[str, ...] = ()
    """What could not be measured, each in a sentence."""
    drifted: tuple[str, ...] = ()
    """Raw columns that drifted by themselves."""
    together: tuple[str, ...] = ()
    """Pairs of columns that drifted only together, such as `spend and visits`."""
    drift_share: float | None = None
    """Drifted (by themselves or together) of all compared columns, 0 to 1; None: not measured."""
    weighted_share: float | None = None
    """The same, each column by its importance to the champion."""
    prediction_drift: bool | None = None
    drift_critical: bool | None = None
    """Columns or answers alone make it critical; None: of a window from before this was kept."""
    confidence: float | None = None
    """Mean top probability; None: regression, or no probabilities."""
    unsure: str = ""
    """That it surely is below what is usual, in words; empty: it is not."""
    metric: str = ""
    """The gate's deciding metric."""
    live: float | None = None
    """The metric on delayed labels; None: too few of them."""
    holdout: float | None = None
    """The metric on the champion's held-out rows, when it was gated."""
    floor: float | None = None
    """The gate's floor of the metric; None: it has none."""
    poor: tuple[str, ...] = ()
    """Live metrics surely beyond a floor of the gate, or worse than the walk forward."""
    estimate: Band | None = None
    """The metric of the window's own answers, as it probably is, without labels; None: unknown."""
    expected: Band | None = None
    """The same of the answers that the live metric rests on."""
    labelled: int = 0
    """Labels that the live metric rests on."""
    coverage: float | None = None
    """Labelled of those predictions whose label is due, 0 to 1; None: none is due."""
    report_id: str = ""
    """Folder of the report in the store: `drift/<use case>/<report id>/`."""
