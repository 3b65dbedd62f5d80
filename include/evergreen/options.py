"""What a use case may declare besides the essentials; `evergreen.spec` offers all of it.

Usage::

    Candidate(name="logistic", build=logistic, search={"C": Between(1e-3, 10, log=True)})
    Gate(..., fairness=(Fairness(slice="gender", most=0.1),), min_business=0.0)
    UseCase(..., business=Business(unit="USD per customer", measure=worth), interval=0.9)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, kw_only=True)
class Files:
    """Files that arrive in a folder; a new or changed one is landed, once."""

    url: str
    """Pattern of paths or of any fsspec URL: `/data/orders/*.csv`, `s3://bucket/orders/*.parquet`.
    What it ends with (`.csv`, `.csv.gz` or `.parquet`) says how it is read."""

    def __post_init__(self) -> None:
        if not self.url.endswith((".csv", ".csv.gz", ".parquet")):
            raise DeclarationError("ingest.url", self.url, "a pattern of .csv, .csv.gz or .parquet")


@dataclass(frozen=True, kw_only=True)
class Api:
    """An HTTP API that answers with JSON, asked once for each day."""

    url: str
    """With `{day}` where the ISO date belongs: `https://example.org/readings?day={day}`."""
    records: str = ""
    """Where the list of rows is in the answer, as `data.items`; empty: the answer is the list."""
    next: str = ""
    """Where the address of the next page is, as `links.next`; empty: there is one page, or
    `page` counts them."""
    page: str = ""
    """Name of the query parameter that counts pages from 1; an empty page ends them."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers, each with the name of the environment variable that holds its value."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")) or "{day}" not in self.url:
            raise DeclarationError("ingest.url", self.url, "http(s)://… with {day} in it")
        if self.next and self.page:
            raise DeclarationError("ingest.page", self.page, "either next= or page=")


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """How rows come into the table of the source; from there, one path follows."""

    source: Files | Api
    schedule: str | None = "@daily"
    """Cron expression or preset of the ingest DAG."""
