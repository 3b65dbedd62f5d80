"""A fitted `prepare` step as arrays: a row costs microseconds, and no DataFrame.

    prepared = Preparation.of(model["prepare"])
    matrix, noticed = prepared.matrix({"wind": [4.7], "month": ["7"]})    # n × width

Whatever becomes of a category (a one among zeros, a code, the mean of its targets), it is looked up
in a table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from sklearn.compose import ColumnTransformer

from evergreen.learning.dates import DateParts, instant
from evergreen.learning.hashing import bucket
from evergreen.learning.models import Array

Columns = Mapping[str, Sequence[Any] | Array]
MISSING = None
"""Stands for the missing value among the categories."""


@dataclass
class Noticed:
    """What is taken otherwise than as it is, counted by column."""

    unseen: dict[str, int] = field(default_factory=dict)
    """Categories that were never seen."""
    imputed: dict[str, int] = field(default_factory=dict)
    """Missing numbers that something is put in the place of."""


class Part(Protocol):
    """Some columns of the matrix."""

    @property
    def width(self) -> int:
        """How many."""

    def matrix(self, values: Columns, noticed: Noticed) -> Array:
        """Return n × width numbers, and count what is taken otherwise than as it is."""


@dataclass(frozen=True)
class Numbers:
    """Numbers, filled and scaled."""

    names: Sequence[str]
    fillers: Any = np.nan
    means: Any = 0.0
    scales: Any = 1.0

    @property
    def width(self) -> int:
        """One for each."""
        return len(self.names)

    def matrix(self, values: Columns, noticed: Noticed) -> Array:
        """Return n × width numbers."""
        raw: Array = np.array([values[name] for name in self.names], dtype=float).T
        missing = np.isnan(raw)
        if missing.any():
            counts = (missing & ~np.isnan(self.fillers)).sum(axis=0).tolist()
            told = zip(self.names, counts, strict=True)
            noticed.imputed.update({name: count for name, count in told if count})
        filled = np.where(missing, self.fillers, raw)
        scaled: Array = (filled - self.means) / self.scales
        return scaled


@dataclass(frozen=True)
class Calendar:
    """Parts of dates, filled and scaled."""

    names: Sequence[str]
    parts: DateParts
    fillers: Any = np.nan
    means: Any = 0.0
    scales: Any = 1.0

    @property
    def width(self) -> int:
        """So many parts."""
        return len(self.parts.get_feature_names_out())

    def matrix(self, values: Columns, noticed: Noticed) -> Array:
        """Return n × width numbers."""
        moments: Array = np.array([[*map(_moment, values[name])] for name in self.names]).T
        raw = self.parts.of(moments)
        if not np.isnan(self.fillers).all():
            counts = np.isnan(moments).sum(axis=0).tolist()
            told = zip(self.names, counts, strict=True)
            noticed.imputed.update({name: count for name, count in told if count})
        filled = np.where(np.isnan(raw), self.fillers, raw)
        scaled: Array = (filled - self.means) / self.scales
        return scaled


@dataclass(frozen=True)
class Looked:
    """A category, and the numbers that stand for it."""

    name: str
    places: Mapping[Any, int]
    """Text of each category (`MISSING`: of none) to its row of the table."""
    table: Array
    """(categories + 1) × width; the last row is for what was never seen."""

    @property
    def width(self) -> int:
        """Of the table."""
        return int(self.table.shape[1])

    def matrix(self, values: Columns, noticed: Noticed) -> Array:
        """Return n × width numbers."""
        texts = [_text(value) for value in values[self.name]]
        never = len(self.table) - 1
        rows = [self.places.get(text, never) for text in texts]
        strange = sum(row == never and text is not MISSING for row, text in zip(rows, texts))  # noqa: B905
        if strange:
            noticed.unseen[self.name] = strange
        found: Array = self.table[rows]
        return found


@dataclass(frozen=True)
class Hashes:
    """The bucket of a category, and the numbers that stand for it."""

    name: str
    buckets: int
    table: Array
    """buckets × width."""

    @property
    def width(self) -> int:
        """Of the table."""
        return int(self.table.shape[1])

    def matrix(self, values: Columns, noticed: Noticed) -> Array:  # noqa: ARG002
        """Return n × width numbers; nothing is strange to a hash."""
        texts = map(_text, values[self.name])
        rows = [0 if text is MISSING else bucket(text, self.buckets) for text in texts]
        found: Array = self.table[rows]
        return found


@dataclass(frozen=True)
class Preparation:
    """All parts, in the order of the matrix."""

    parts: Sequence[Part]

    @classmethod
    def of(cls, fitted: ColumnTransformer) -> "Preparation":
        """Take the numbers from a fitted preparation.

        Raises:
            NotImplementedError: it has a part that is no table, such as words.
        """
        found: list[Part] = []
        for name, step, columns in fitted.transformers_:
            if name == "remainder" or not len(columns):
                continue
            if name not in READERS:
                raise NotImplementedError(f"the part {name!r} of its preparation is no table")
            found += READERS[name](step, list(columns))
        return cls(found)

    @property
    def width(self) -> int:
        """How many numbers the estimator takes."""
        return sum(part.width for part in self.parts)

    def matrix(self, values: Columns) -> tuple[Array, Noticed]:
        """Return n × width numbers for the estimator, and what was taken otherwise."""
        noticed = Noticed()
        parts = [part.matrix(values, noticed) for part in self.parts]
        return (parts[0] if len(parts) == 1 else np.hstack(parts)), noticed


def _moment(value: Any) -> float:
    """Return seconds since 1970, which a feature is already and a request is not."""
    return value if isinstance(value, float) else instant(value)


def _text(value: Any) -> Any:
    if value is None or value != value:  # NaN differs from itself
        return MISSING
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def _scaled(numbers: Any, columns: list[str]) -> Iterator[Part]:
    impute, scale = numbers["impute"], numbers["scale"]
    yield Numbers(columns, impute.statistics_.astype(float), scale.mean_, scale.scale_)


def _calendar(step: Any, columns: list[str]) -> Iterator[Part]:
    parts, how = step["parts"], step.named_steps
    if "impute" not in how:
        yield Calendar(columns, parts)
        return
    fillers, scale = how["impute"].statistics_.astype(float), how["scale"]
    yield Calendar(columns, parts, fillers, scale.mean_, scale.scale_)


def _as_they_are(_: Any, columns: list[str]) -> Iterator[Part]:
    yield Numbers(columns)


def _hot(step: Any, columns: list[str]) -> Iterator[Part]:
    """Read one-hot columns; of a model from before, with what a missing value is filled by."""
    encode = step if hasattr(step, "categories_") else step["encode"]
    fillers = [None] * len(columns) if encode is step else step["impute"].statistics_
    for name, categories, filler in zip(columns, encode.categories_, fillers, strict=True):
        places = _places(categories)
        if filler is not None:
            places[MISSING] = places[filler]
        yield Looked(name, places, np.eye(len(categories) + 1, len(categories)))


def _codes(step: Any, columns: list[str]) -> Iterator[Part]:
    for name, categories in zip(columns, step.categories_, strict=True):
        codes = np.append(np.arange(len(categories), dtype=float), np.nan)
        yield Looked(name, _places(categories), codes.reshape(-1, 1))


def _hashes(step: Any, columns: list[str]) -> Iterator[Part]:
    """Read buckets as codes, or one-hot; one that no row of the fit had is NaN, or zeros."""
    buckets, coded = step["hash"].buckets, "codes" in step.named_steps
    for name, seen in zip(columns, step[-1].categories_, strict=True):
        hot = np.arange(buckets).reshape(-1, 1) == np.asarray(seen, dtype=int)
        codes = np.where(hot.any(axis=1), hot.argmax(axis=1), np.nan).reshape(-1, 1)
        yield Hashes(name, buckets, codes if coded else hot.astype(float))


def _targets(step: Any, columns: list[str]) -> Iterator[Part]:
    """Read the mean target of each category, of several classes one for each, maybe scaled."""
    encode = step if hasattr(step, "encodings_") else step["encode"]
    overall = np.atleast_1d(encode.target_mean_)
    width = len(overall)
    means, scales = np.zeros(len(encode.encodings_)), np.ones(len(encode.encodings_))
    if encode is not step:
        means, scales = step["scale"].mean_, step["scale"].scale_
    for place, (name, categories) in enumerate(zip(columns, encode.categories_, strict=True)):
        mine = slice(place * width, (place + 1) * width)
        table = np.vstack([np.column_stack(encode.encodings_[mine]), overall])
        yield Looked(name, _places(categories), (table - means[mine]) / scales[mine])


def _places(categories: Any) -> dict[Any, int]:
    return {_text(category): place for place, category in enumerate(categories)}


READERS: Mapping[str, Callable[[Any, list[str]], Iterator[Part]]] = {
    "numeric": _scaled,
    "categorical": _hot,
    "codes": _codes,
    "dates": _calendar,
    "hashes": _hashes,
    "numbers": _as_they_are,
    "targets": _targets,
}
"""The parts of `learning.preparing`, by their names."""
