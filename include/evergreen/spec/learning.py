"""What the models see, and which of them compete."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evergreen.errors import DeclarationError, did_you_mean
from evergreen.spec.lengths import short
from evergreen.spec.names import check_name
from evergreen.spec.numbers import check_numbers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Features:
    """What the model sees: columns of the raw rows, or of what `function` makes of them."""

    numeric: tuple[str, ...] = ()
    """Columns of numbers; a missing one is missing, or imputed, as the estimator takes it."""
    categorical: tuple[str, ...] = ()
    """Columns of names, of few or of many values; missing is a category of its own."""
    hashed: tuple[str, ...] = ()
    """Those of `categorical` whose values, if they are many, are put into buckets by their hash, in
    the place of being encoded by their targets: new values are welcome, and no label is read."""
    text: tuple[str, ...] = ()
    """Sentences; their frequent words are weighed (TF-IDF)."""
    dates: tuple[str, ...] = ()
    """Dates or moments (UTC), seen by their parts: month, weekday, hour where they have one, and
    days; sine and cosine of what goes round, for estimators that are no trees."""
    since: str | None = None
    """Which of `dates` says when the row is: the days of the others are those before it, as a
    customer's age at that moment. None: they are days since 1970."""
    function: "Callable[[pd.DataFrame], pd.DataFrame] | None" = None
    """Raw rows in time order to features: same rows, same index, never looking ahead. It may use
    its own module, pandas, numpy and the standard library, and nothing else, as its source travels
    inside the model."""
    inputs: tuple[str, ...] = ()
    """Raw columns that `function` reads. Without one they are numeric + categorical + text +
    dates."""
    lookback: timedelta = timedelta(0)
    """How far before a row `function` reads."""
    entity: tuple[str, ...] = ()
    """Of a panel, the columns that say whose a row is, as ("city",): `function` gets the rows of
    one entity at a time, and whoever is asked about a city reads that city alone."""
    stored: bool = False
    """Each training puts the features of every row into PostgreSQL, and a request by key is
    answered by them, as long as they are fresh; otherwise from raw rows, which it says."""

    def __post_init__(self) -> None:
        for name in ("numeric", "categorical", "hashed", "text", "dates", "inputs", "entity"):
            if not isinstance(getattr(self, name), tuple):
                allowed = 'a tuple of columns, as ("city",)'
                raise DeclarationError(f"features.{name}", getattr(self, name), allowed)
        if not self.columns:
            raise DeclarationError(
                "features", self, "at least one numeric, categorical, text or dates column"
            )
        if self.function is not None and not self.inputs:
            raise DeclarationError("features.inputs", (), "the raw columns that function reads")
        if self.function is None and self.inputs:
            raise DeclarationError("features.inputs", self.inputs, "nothing without a function")
        if strange := [name for name in self.hashed if name not in self.categorical]:
            hint = did_you_mean(strange[0], self.categorical)
            allowed = f"columns of features.categorical: {', '.join(self.categorical)}{hint}"
            raise DeclarationError("features.hashed", strange, allowed)
        if self.since is not None and self.since not in self.dates:
            hint = did_you_mean(self.since, self.dates)
            allowed = f"None, or one of features.dates: {', '.join(self.dates)}{hint}"
            raise DeclarationError("features.since", self.since, allowed)
        self._check_entity()

    def _check_entity(self) -> None:
        if self.entity and self.function is None:
            raise DeclarationError("features.entity", self.entity, "nothing without a function")
        if strange := [name for name in self.entity if name not in self.inputs]:
            hint = did_you_mean(strange[0], self.inputs)
            allowed = f"columns of features.inputs: {', '.join(self.inputs)}{hint}"
            raise DeclarationError("features.entity", strange, allowed)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the estimator's preprocessing reads."""
        return self.numeric + self.categorical + self.text + self.dates

    @property
    def raw(self) -> tuple[str, ...]:
        """The raw columns that the whole model reads."""
        return self.inputs or self.columns


@dataclass(frozen=True)
class Between:
    """A range of a parameter that is searched; whole numbers when both ends are."""

    low: float
    """The lowest that is tried."""
    high: float
    """The highest."""
    log: bool = False
    """Search the magnitudes evenly; the ends must then be positive."""

    def __post_init__(self) -> None:
        check_numbers("search: ", self)
        if not self.low < self.high or (self.log and self.low <= 0):
            raise DeclarationError("search", self, "low < high, and both positive with log=True")

    @property
    def whole(self) -> bool:
        """Tell whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An estimator that competes (or, as a baseline, must be beaten)."""

    name: str
    """As reports and MLflow call it: small letters, digits and `_`."""
    build: Callable[[], Any]
    """Returns a new scikit-learn estimator, or a Pipeline with a preparation of its own; it imports
    scikit-learn inside."""
    prepares_itself: bool | None = None
    """It gets the declared columns as a DataFrame, and no preparation of ours; None: if it is a
    Pipeline."""
    columns: tuple[str, ...] | None = None
    """The features it sees; None: all of them."""
    windows: tuple[timedelta | None, ...] = (None,)
    """Training windows; each makes a recipe of its own, which competes (`forest`, `forest_60d`).
    None: `windows.training` of the use case, or all history. A short one learns a new world sooner.
    """
    half_life: timedelta | None = None
    """A row so much older than the newest of a fit counts half in it; None: as much. What judges
    counts every row once."""
    search: Mapping[str, Sequence[Any] | Between] = field(default_factory=dict)
    """Parameters of the estimator to search, each with its values or its range."""
    trials: int = 8
    """How many points of the search space are tried (all, if there are fewer)."""
    budget: timedelta | None = None
    """No trial begins once the search has taken this long. It cuts the same trials short."""
    num_workers: int = 1
    """By so many processes each fit of XGBoost is made, each of which holds its share of the rows:
    those of `EVERGREEN_COMPUTE`. Another number makes other trees, and so is another recipe."""

    def __post_init__(self) -> None:
        check_name("candidate.name", self.name)
        check_numbers("candidate.", self)
        if self.columns is not None and not (isinstance(self.columns, tuple) and self.columns):
            allowed = 'a tuple of features, as ("wind",), or None for all of them'
            raise DeclarationError("candidate.columns", self.columns, allowed)
        if self.trials < 1:
            raise DeclarationError("candidate.trials", self.trials, "1 or more")
        if type(self.num_workers) is not int or self.num_workers < 1:
            allowed = "a whole number, 1 or more"
            raise DeclarationError("candidate.num_workers", self.num_workers, allowed)
        if not self.windows or any(w is not None and w <= timedelta(0) for w in self.windows):
            raise DeclarationError("candidate.windows", self.windows, "None or lengths above zero")

        if self.half_life is not None and self.half_life <= timedelta(0):
            raise DeclarationError("candidate.half_life", self.half_life, "None or above zero")

    @property
    def window(self) -> timedelta | None:
        """The training window of a candidate that has one."""
        (window,) = self.windows
        return window

    def by_window(self) -> "tuple[Candidate, ...]":
        """Return the candidate once for each of its training windows, named after it."""
        return tuple(
            replace(
                self,
                name=f"{self.name}_{short(window)}" if window else self.name,
                windows=(window,),
            )
            for window in self.windows
        )
