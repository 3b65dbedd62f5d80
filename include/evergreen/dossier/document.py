"""The document: plain JSON types, light to import."""

import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evergreen.refs import FeaturesRef, Json, Ref
from evergreen.spec import METRICS, Kind

FORMAT, LARGEST = 1, sys.float_info.max
Label = bool | int | str | float
TIMES = {"date32[day]": "ms", "date64[ms]": "ms"}
FRACTIONS = {"halffloat": "float16", "float": "float32", "double": "float64"}
"""Arrow's names and NumPy's."""


@dataclass(frozen=True, kw_only=True)
class RawColumn(Ref):
    """A raw column, as the snapshot's own schema (Arrow) has it."""

    name: str
    type: str
    """Arrow's name: bool, int64, double, string, date32[day], timestamp[us] …"""
    nullable: bool
    """A request may leave it null: it is a number with a fraction or a text, or was null before."""

    @property
    def dtype(self) -> str:
        """What pandas made of the column in training, so that a request is read alike."""
        if self.type == "string":
            return "str"
        if self.is_time:
            return f"datetime64[{TIMES.get(self.type) or self.type[10:-1].replace('tz=', '')}]"
        if self.nullable and self.is_whole:
            return "float64"
        if self.type == "bool":
            return "object" if self.nullable else "bool"
        return FRACTIONS.get(self.type, self.type)

    @property
    def told(self) -> str:
        """Type and nullability for a person: `bool or null`."""
        return f"{self.type} or null" if self.nullable else self.type

    @property
    def family(self) -> str:
        """What JSON makes of it: time, number, bool or text."""
        if self.is_time:
            return "time"
        if self.is_number:
            return "number"
        return "bool" if self.type == "bool" else "text"

    @property
    def is_time(self) -> bool:
        """Tell whether it holds dates or moments."""
        return self.type.startswith(("date", "timestamp"))

    @property
    def is_number(self) -> bool:
        """Tell whether it holds numbers, whole or not."""
        return self.is_whole or self.is_fraction

    @property
    def is_whole(self) -> bool:
        """Tell whether it holds whole numbers."""
        return self.type.startswith(("int", "uint"))

    @property
    def is_fraction(self) -> bool:
        """Tell whether it holds numbers with a fraction."""
        return self.type.startswith(("double", "float", "halffloat", "decimal"))


@dataclass(frozen=True, kw_only=True)
class ModelFile(Ref):
    """The bytes that answer."""

    uri: str
    """Folder of the logged model, `models:/m-…` or `runs:/…`."""
    sha256: str
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Proof(Ref):
    """Why it may answer."""

    decision_id: str
    """Of the gate, in the records."""
    report_id: str
    report: str
    """Path of the HTML report below the reports folder."""
    sentence: str
    metric: str
    """The metric that decided."""
    figures: dict[str, float]
    """Each metric on the judged rows, by fits that had not seen them."""
    answers_uri: str = ""
    """The recipe's answers to the judged rows, which none of its fits had seen."""
    answers_sha256: str = ""
    beside: dict[str, bool] = field(default_factory=dict)
    """Metrics beside those of the kind, and whether more is better."""
    floors: dict[str, float]
    """Per metric the worst value that passed (a ceiling where less is better)."""


@dataclass(frozen=True, kw_only=True)
class Stretch(Ref):
    """A stretch of time, `start` (in it) to `end` (not in it), UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Inputs(Ref):
    """What the model reads, and where the rows are found by key."""

    columns: tuple[RawColumn, ...]
    """The raw columns of a request, in the order of the declaration."""
    key: tuple[RawColumn, ...]
    """Columns that identify a row in the source."""
    lookup: tuple[str, ...] = ()
    """Those of them by which a request may name a row, where features do not look back."""
    timestamp: str | None
    """Column with the event time; None: the rows have no time."""
    lookback: timedelta
    """How far before a row its features read."""
    entity: tuple[str, ...] = ()
    """Raw columns that say whose a row is, where its features read that entity's rows alone."""
    excluded: tuple[Stretch, ...] = ()
    """Days whose rows training has not seen: features do not look back at them."""
    quarantined: bool = False
    """Rows may be in quarantine: features do not look back at these either."""
    computed: bool
    """A feature function stands before the estimator; else the columns are its features."""
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    text: tuple[str, ...] = ()
    """Features that are sentences."""
    dates: tuple[str, ...] = ()
    """Features that are dates or moments."""
    code_sha256: str
    """Of the text of the feature function, which the model carries."""
    definition: str = ""
    """Digest of the code and of all that it reads; features stored under it are the model's own.
    Empty: none are stored."""
    table: str | None
    query: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the raw columns."""
        return tuple(column.name for column in self.columns)

    @property
    def whose(self) -> tuple[str, ...]:
        """Columns that say whose a row is: the entity, or else the key without the time."""
        named = self.lookup or self.entity
        return named or tuple(c.name for c in self.key if c.name != self.timestamp)

    @property
    def looks_back(self) -> bool:
        """Tell whether the features of a row read the rows before it."""
        return self.computed and bool(self.lookback)

    def beyond(self, other: "Inputs") -> tuple[str, ...]:
        """Return what the model reads that requests to another do not hold."""
        held = {column.name: column.family for column in other.columns}
        lacking = tuple(c.name for c in self.columns if held.get(c.name) != c.family)
        if self.looks_back > other.looks_back:
            return (*lacking, "the rows before")
        if self.looks_back and other.entity not in {(), self.entity}:
            return (*lacking, f"the rows of others than one {' × '.join(other.entity)}")
        return lacking


@dataclass(frozen=True, kw_only=True)
class Answers(Ref):
    """What the model says."""

    target: str
    kind: Kind
    classes: tuple[Label, ...]
    """Sorted; empty: regression."""
    never: tuple[Label, ...] = ()
    """Classes that its rows have, and the model has not learned: it never says them."""
    positive: Label | None
    """Binary: the class whose probability is meant."""
    unit: str
    """Of the first business figure; empty: none is declared."""
    threshold: float | None
    """Binary: the positive class is said from this probability on; None: the likelier class."""
    half_width: float | None
    """Regression: the interval is value ± this; None: it gives none."""

    @property
    def known(self) -> tuple[Label, ...]:
        """All classes that a label can be, sorted; empty: regression."""
        return tuple(sorted((*self.classes, *self.never)))

    def as_class(self, label: Label) -> Label:
        """Return a label as the class that it equals: true is 1, where that is a class."""
        return next((known for known in self.known if known == label), label)

    def problem_of(self, label: object) -> str:
        """Say why something cannot be a label of these answers; empty: it can."""
        if not self.classes:
            if isinstance(label, int | float) and not isinstance(label, bool):
                return "" if abs(label) <= LARGEST else "must be a finite number"
            return "must be a finite number"
        if any(label == known and type(label) is type(known) for known in self.known):
            return ""
        return f"must be one of {', '.join(map(str, self.known))}"


@dataclass(frozen=True, kw_only=True)
class Dossier(Ref):
    """Everything about one version of a use case's model."""

    format: int = FORMAT
    use_case: str
    version: int
    doc: str
    recipe: str
    """Name of the candidate that it came from."""
    model: ModelFile
    proof: Proof
    inputs: Inputs
    answers: Answers
    learned: FeaturesRef
    """Snapshot and split, as they were stored when it was trained."""
    temporal: bool
    """The held-out rows were the newest, not a share of the keys."""
    golden: Json
    """See `learning.models.Golden`."""
    declaration: str
    """Digest of the declaration (`dossier.declaration`)."""

    @property
    def more_is_better(self) -> bool:
        """Tell the direction of the deciding metric."""
        return self.directions[self.proof.metric]

    @property
    def directions(self) -> dict[str, bool]:
        """Return the metrics, and whether more is better."""
        return METRICS[self.answers.kind] | self.proof.beside
