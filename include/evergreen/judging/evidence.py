"""What evaluate found out, as facts without a judgement: the gate reads nothing else.

    evidence = Evidence.from_json(json.loads(path.read_text()))
    evidence.challenger.metrics["roc_auc"]      # 0.741, on the held-out rows
    evidence.against_champion                   # Difference(low=-0.010, high=+0.018, ...), or None

What could not be measured is None (a figure: NaN), and the `problem` beside it says why.
"""

import json
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from evergreen.refs import Json, Ref, Span
from evergreen.spec import METRICS, Kind

FORMAT = 3
"""Raised when the meaning of a field changes; evidence of another format is gathered again."""


def _read_figure(value: object) -> object:
    return math.nan if value is None else value


def _write_figure(value: float) -> float | str | None:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


Figure = Annotated[
    float, BeforeValidator(_read_figure), PlainSerializer(_write_figure, when_used="json")
]
"""A float that survives strict JSON: NaN as null, infinity as text."""


class Role(StrEnum):
    """What a model is in this evaluation."""

    CHALLENGER = "challenger"
    CHAMPION = "champion"
    CANDIDATE = "candidate"
    BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True)
class Subject(Ref):
    """The use case, as far as the gate and the report need it."""

    name: str
    doc: str
    owner: str
    kind: Kind
    metric: str
    """The metric that decides."""
    beside: dict[str, bool] = field(default_factory=dict)
    """Metrics beside those of the kind, and whether more is better."""
    target: str
    slices: tuple[str, ...] = ()
    """Names of the declared slices."""
    sentences: bool = False
    """Sentences are all that is read: no feature is a number or a category, and could be a leak."""
    unit: str = ""
    """Of the business figure that decides; empty: none is declared."""
    interval: float | None = None
    """The share of true values that the prediction intervals shall hold."""

    @property
    def directions(self) -> dict[str, bool]:
        """Return the metrics, and whether more is better."""
        return METRICS[self.kind] | self.beside


@dataclass(frozen=True, kw_only=True)
class Origin(Ref):
    """Where the held-out rows come from: enough to find every byte again."""

    as_of: datetime
    snapshot_uri: str
    snapshot_sha256: str
    features_sha256: str
    split: str
    """The rule in words."""
    notes: tuple[str, ...] = ()
    """What is to be known of the rows: days that were left out, rows in quarantine, late labels."""
    code_commit: str = ""
    """Of the project; empty: unknown."""


@dataclass(frozen=True, kw_only=True)
class Difference(Ref):
    """How much better the challenger is than another model on the same rows."""

    other: str
    """The model that it is compared with."""
    metric: str
    estimate: Figure
    """Challenger − other, in the direction of better: positive is better, whatever the metric."""
    low: Figure
    high: Figure
    confidence: float
    resamples: int
    over: int = 1
    """The interval is simultaneous over so many models that compete."""
    unit: str = "row"
    """What is independent, in words: `row`, `store`, `day, 4 in a row as one`."""
    units: int = 0
    """How many of them there are."""
    effective_rows: Figure | None = None
    """As many independent rows would tell as much; None: the models do not differ."""
    stretch: str = ""
    """Of the judged rows, in words: `the newest 37 of 73 days`; empty: all of them."""
    rows_for_a_point: int | None = None
    """So many rows like these would show a difference of a point (0.01; of errors in the target's
    unit and of log_loss 1 % of the other's) in 80 of 100 cases; None: unknown."""


@dataclass(frozen=True, kw_only=True)
class SliceScore(Ref):
    """The metrics on the rows of one value of a slice."""

    rows: int
    metrics: dict[str, Figure]
    against: dict[str, Difference] | None = None
    """Of the challenger, by metric: how much better it is here than the champion, by the metric
    that decides, or, where there is none, than the floors."""


@dataclass(frozen=True, kw_only=True)
class BlockScore(Ref):
    """The deciding metric on the rows of one block, answered by one fit."""

    start: datetime | None
    """Exclusive; None: a twin answered all rows."""
    end: datetime | None
    rows: int
    trained_rows: int
    trained_until: datetime | None
    value: Figure


@dataclass(frozen=True, kw_only=True)
class Interval(Ref):
    """The prediction intervals of a model on the held-out rows."""

    coverage: Figure
    """The share of true values that they hold."""
    half_width: Figure
    """In the target's unit."""


@dataclass(frozen=True, kw_only=True)
class ScoredModel(Ref):
    """One recipe on the judged rows, answered by fits that had not seen them."""

    name: str
    role: Role
    run_id: str
    recipe: str
    """Digest of the recipe; empty: it could not be walked."""
    version: int | None = None
    """Of the champion that the recipe in charge serves by."""
    window: timedelta | None = None
    """Its training window; None: as far as the use case allows."""
    parameters: Json = field(default_factory=dict)
    cv: dict[str, Figure] | None = None
    """Mean of each metric over the folds that its parameters were chosen on; None: no choice."""
    blocks: tuple["BlockScore", ...] = ()
    """The judged rows, block by block."""
    metrics: dict[str, Figure]
    macro: dict[str, Figure] = field(default_factory=dict)
    """Mean over the entities of a panel of each metric that the gate names; empty: no panel."""
    slices: dict[str, dict[str, SliceScore]]
    """Slice name → value → score."""
    calibration_error: Figure | None = None
    """None: no probabilities."""
    interval: Interval | None = None
    """None: it gives no intervals."""
    business: dict[str, Figure] | None = None
    """What its answers are worth, the figure that decides first; None: no measure is declared."""
    threshold: Figure | None = None
    """Probability from which on it says positive; None: the more probable class."""
    problem: str = ""
    """Why it could not be scored; its metrics are then empty."""


@dataclass(frozen=True, kw_only=True)
class EntityScore(Ref):
    """The metric that decides on the rows of one entity of a panel."""

    name: str
    """Empty: it is personal."""
    rows: int
    value: Figure
    """Of the challenger."""
    champion: Figure | None = None
    """Of the recipe in charge on the same rows; None: there is none."""


@dataclass(frozen=True, kw_only=True)
class Entities(Ref):
    """The entities of a panel among the judged rows."""

    by: tuple[str, ...]
    """The columns that say whose a row is."""
    count: int
    few: int
    """So many have fewer rows than `gate.min_slice_rows`: they count in the means alone."""
    worst: tuple[EntityScore, ...]
    """Of the others, those that the challenger answers worst, the worst first."""


@dataclass(frozen=True, kw_only=True)
class ModelTest(Ref):
    """One test of the challenger's behaviour."""

    name: str
    passed: bool | None
    """None: the test itself could not be done."""
    detail: str


@dataclass(frozen=True, kw_only=True)
class Schema(Ref):
    """The raw columns that the challenger takes, beside those of the snapshot."""

    takes: dict[str, str]
    """Column → type when the model was trained."""
    offered: dict[str, str]
    """Column → type in the snapshot."""


@dataclass(frozen=True, kw_only=True)
class Overlap(Ref):
    """How many judged rows the fits that answered them had seen."""

    model: Role
    rows: int | None
    """None: unknown."""
    how: str
    """How it was found out, or why it could not be."""


@dataclass(frozen=True, kw_only=True)
class SingleFeature(Ref):
    """The feature that alone tells the labels of the judged rows best."""

    feature: str
    metric: str
    """`roc_auc`, `f1` of several classes, or `r2` of a regression."""
    score: Figure


@dataclass(frozen=True, kw_only=True)
class Fit(Ref):
    """The newest fit of the recipe in charge, of all mature rows: what is to serve."""

    kind: str
    """`change` of the recipe in charge, or `refresh`."""
    name: str
    """Of the recipe."""
    sha256: str
    training: Span
    """The rows that it learned from; nobody has judged it on rows yet."""
    before: Span | None = None
    """Those of the fit that serves now; None: none does."""
    disagreement: Figure | None = None
    """Mean difference of its answers to the newest rows from those of the fit that serves: of
    probabilities, or of values in standard deviations of the target; None: none serves."""
    usual: tuple[Figure, ...] = ()
    """The disagreement of the refreshes before it, newest first."""
    label: Figure | None = None
    """Mean label of the newest rows, as long a stretch as a block; None: not divided by time."""
    label_error: Figure | None = None
    """Standard error of that mean, were its rows independent; None: one row has none."""
    labels: tuple[Figure, ...] = ()
    """Mean label of each such stretch before that has rows enough."""


@dataclass(frozen=True, kw_only=True)
class Evidence(Ref):
    """Everything that the gate judges, and the report shows.

    What follows `fit` is about the bytes that are to serve, which no unseen label has judged.
    """

    format: int = FORMAT
    inputs: str = ""
    """Digest of what was evaluated and how: the same inputs are not measured twice."""
    report_id: str
    subject: Subject
    origin: Origin
    training: Span
    holdout: Span
    models: tuple[ScoredModel, ...]
    """Challenger first, then champion, candidates, baselines."""
    champion_version: int | None
    """Version that is champion now; None: there is none."""
    against_champion: Difference | None = None
    against_baseline: Difference | None = None
    others: tuple[Difference, ...] = ()
    """The other recipes against the one in charge, each in the same simultaneous interval."""
    overlap: tuple[Overlap, ...] = ()
    single: SingleFeature | None = None
    """The feature that alone tells most; None: unknown."""
    entities: Entities | None = None
    """Of a panel; None: the rows are none."""
    constants: dict[str, Figure] | None = None
    """What it is worth to answer the same for all, by class; None: no business figure decides."""
    fit: "Fit | None" = None
    """The fit that is to serve; None: no recipe has been fitted yet."""
    golden_difference: Figure | None = None
    """Largest difference between the reloaded challenger and its recorded golden predictions."""
    golden_problem: str = ""
    """Why there are no golden predictions to compare with."""
    model_tests: tuple[ModelTest, ...] = ()
    latency_ms: Figure | None = None
    """Median of one answer."""
    size_bytes: int | None = None
    schema: Schema | None = None

    @property
    def challenger(self) -> ScoredModel:
        """The model that wants to become champion."""
        return next(model for model in self.models if model.role is Role.CHALLENGER)

    @property
    def champion(self) -> ScoredModel | None:
        """The present champion; with a `problem` if it could not be scored."""
        return next((model for model in self.models if model.role is Role.CHAMPION), None)

    @property
    def baselines(self) -> tuple[ScoredModel, ...]:
        """The models that must be beaten."""
        return tuple(model for model in self.models if model.role is Role.BASELINE)

    @property
    def complete(self) -> bool:
        """Tell whether every recipe could be measured."""
        return not any(model.problem for model in self.models) and all(
            overlap.rows is not None for overlap in self.overlap
        )

    def to_text(self) -> str:
        """Return what `evidence.json` holds."""
        document = self.to_json()
        return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
