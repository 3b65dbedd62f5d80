"""What a request holds: models made from a use case's columns, and refusals that name the field.

Usage::

    contract = Contract.of(use_case, golden, settings.expectations_dir / "iris.json")
    order = contract.one(b'{"row": {"sepal_length": 5.1, …}}')      # or Refused
    order.values["sepal_length"]                                    # [5.1]

Three forms: `row` (plain columns), `history` (raw rows in time order that end with the row to
predict) and `key` (the service reads the rows from the source). Batches: `rows`, `history` with
`last`, `keys`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NotRequired

import pandas as pd
from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    with_config,
)
from typing_extensions import TypedDict

from evergreen.learning.models import Golden
from evergreen.spec import UseCase

MAX_ROWS, MAX_HISTORY = 1_000, 5_000
TEXT = Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00]*$")]
NUMBER = Annotated[float, Field(allow_inf_nan=False)]
WHOLE = Annotated[int, Field(ge=-(2**63), lt=2**63)]
MOMENT = date | datetime
Row = dict[str, Any]


class Refused(Exception):
    """A request that cannot be answered: which field, why, and the HTTP status."""

    def __init__(self, field: str, reason: str, status: int = 422) -> None:
        self.field, self.reason, self.status = field, reason, status
        super().__init__(f"{field}: {reason}")

    @property
    def document(self) -> dict[str, dict[str, str]]:
        """The body of the answer. It never repeats the input, which may not be JSON at all."""
        return {"error": {"field": self.field, "reason": self.reason}}


@dataclass(frozen=True)
class Order:
    """A validated request."""

    rows: Sequence[Row] = ()
    """Raw rows in time order, or plain rows to predict."""
    wanted: int = 1
    """How many of the last rows are to be predicted."""
    keys: Sequence[Row] = ()
    """Keys of the rows to predict; the rows are to be read."""
    subject: str | None = None
    batch: bool = False

    @property
    def history(self) -> Sequence[Row]:
        """The rows before those to predict."""
        return self.rows[: len(self.rows) - self.wanted]

    @property
    def predicted(self) -> Sequence[Row]:
        """The rows to predict."""
        return self.rows[len(self.rows) - self.wanted :]


@dataclass(frozen=True)
class Column:
    """A raw column of the requests."""

    name: str
    annotation: Any
    dtype: str
    """Of the column in training, as pandas writes it."""
    example: Any = None

    @classmethod
    def of(cls, name: str, series: "pd.Series[Any]", about: str) -> "Column":
        """Take name, type and an example from golden rows."""
        kind: Any = _annotation(series)
        present = series.dropna()
        example = _plain(present.iloc[-1]) if len(present) else None
        described: Any = Annotated[kind, Field(description=about or None, examples=[example])]
        return cls(name, described, str(series.dtype), example)

    def series(self, values: Sequence[Any]) -> "pd.Series[Any]":
        """Return the values as the type that they had in training."""
        if not self.dtype.startswith("datetime64"):
            return pd.Series(list(values), dtype=self.dtype)
        zone = self.dtype.partition(", ")[2].rstrip("]")
        moments = pd.to_datetime(pd.Series([_utc(value) for value in values]), utc=True)
        kept: pd.Series[Any] = moments if zone else moments.dt.tz_localize(None)
        return kept.astype(self.dtype)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True)
class Contract:
    """The requests that one champion understands."""

    use_case: UseCase
    columns: tuple[Column, ...]
    single: TypeAdapter[Any]
    many: TypeAdapter[Any]
    examples: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, use_case: UseCase, golden: Golden | None, suite: Path) -> "Contract":
        """Build the models from the golden rows' types and the suite's ranges."""
        rows = _sample(use_case) if golden is None else golden.rows
        about = descriptions(suite)
        names = use_case.features.raw
        columns = tuple(Column.of(n, rows[n], about.get(n, "")) for n in names)
        title = "".join(part.title() for part in use_case.name.split("_"))
        row = _typed(f"{title}Row", {c.name: c.annotation for c in columns})
        single, many = _forms(use_case, title, row, rows)
        return cls(use_case, columns, TypeAdapter(single), TypeAdapter(many),
                   _examples(use_case, rows))  # fmt: skip

    @property
    def looks_back(self) -> bool:
        """Tell whether the features of a row read the rows before it."""
        return looks_back(self.use_case)

    def one(self, body: bytes) -> Order:
        """Read the request for one prediction.

        Raises:
            Refused: naming the first field that is wrong.
        """
        found = parsed(self.single, body)
        subject = found.get("subject")
        if not self.looks_back:
            return Order(rows=[found["row"]], subject=subject)
        _one_of(found, "history", "key")
        if "key" in found:
            return Order(keys=[found["key"]], subject=subject)
        return self._ordered(Order(rows=found["history"], subject=subject))

    def batch(self, body: bytes) -> Order:
        """Read the request for up to 1,000 predictions.

        Raises:
            Refused: naming the first field that is wrong.
        """
        found = parsed(self.many, body)
        subject = found.get("subject")
        if not self.looks_back:
            rows = found["rows"]
            return Order(rows=rows, wanted=len(rows), subject=subject, batch=True)
        _one_of(found, "history", "keys")
        if "keys" in found:
            return Order(keys=found["keys"], subject=subject, batch=True)
        rows, last = found["history"], found.get("last", 1)
        if last > len(rows):
            raise Refused("last", f"is {last}, but history holds {len(rows)} rows")
        return self._ordered(Order(rows=rows, wanted=last, subject=subject, batch=True))

    def frame(self, rows: Sequence[Row]) -> pd.DataFrame:
        """Return rows as a frame with the types of training."""
        return pd.DataFrame({c.name: c.series([r[c.name] for r in rows]) for c in self.columns})

    def values(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        """Return rows as columns of plain values."""
        return {c.name: [row[c.name] for row in rows] for c in self.columns}

    def short_of_history(self, first: Any, target: Any) -> str:
        """Say what is missing when rows from `first` on do not reach as far as features look."""
        lookback = self.use_case.features.lookback
        reach = _utc(target) - _utc(first)
        if reach >= lookback:
            return ""
        return f"history begins {reach} before the row; the features look back {lookback}"

    def _ordered(self, order: Order) -> Order:
        time = self.use_case.source.timestamp
        if time is None or time not in self.use_case.features.raw:
            return order
        moments = [_utc(row[time]) for row in order.rows]
        for place, (before, after) in enumerate(pairwise(moments), start=1):
            if after < before:
                raise Refused(f"history.{place}.{time}", "is before the row above it; sort by time")
        return order


def parsed(adapter: TypeAdapter[Any], body: bytes) -> Any:
    """Validate JSON strictly.

    Raises:
        Refused: naming the first field that is wrong.
    """
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        member = first["type"].startswith("date")  # the last part names a member of the union
        place = ".".join(str(part) for part in first["loc"][: -1 if member else None])
        raise Refused(_printable(place) or "body", _printable(first["msg"])) from None


def looks_back(use_case: UseCase) -> bool:
    """Tell whether the features of a row read the rows before it."""
    return use_case.features.function is not None and bool(use_case.features.lookback)


def descriptions(suite: Path) -> dict[str, str]:
    """Return what the expectations say of each column, in words: its range and its set."""
    if not suite.is_file():
        return {}
    words: dict[str, list[str]] = {}
    for expectation in json.loads(suite.read_text()).get("expectations", []):
        given = expectation.get("kwargs", {})
        column, note = given.get("column"), _note(expectation.get("type", ""), given)
        if column and note:
            words.setdefault(column, []).append(note)
    return {column: "; ".join(notes) for column, notes in words.items()}


def _note(kind: str, given: Mapping[str, Any]) -> str:
    if kind == "expect_column_values_to_be_between":
        low, high = given.get("min_value"), given.get("max_value")
        return f"expected from {_bound(low)} to {_bound(high)}"
    if kind == "expect_column_values_to_be_in_set":
        return f"expected one of {', '.join(map(str, given.get('value_set', [])[:20]))}"
    return ""


def _bound(value: Any) -> str:
    return "any" if value is None else str(value)


def _forms(use_case: UseCase, title: str, row: Any, rows: pd.DataFrame) -> tuple[Any, Any]:
    subject = {"subject": NotRequired[Annotated[TEXT, Field(description="Who is asked about")]]}
    if not looks_back(use_case):
        some = Annotated[list[row], Field(min_length=1, max_length=MAX_ROWS)]
        return (_typed(f"{title}Request", {"row": row, **subject}),
                _typed(f"{title}Batch", {"rows": some, **subject}))  # fmt: skip
    key: Any = _typed(f"{title}Key", {name: _key(rows, name) for name in use_case.source.key})
    past = Annotated[list[row], Field(
        min_length=1, max_length=MAX_HISTORY,
        description=f"Raw rows in time order, {use_case.features.lookback} before the row to"
        " predict (the last) and on. Give this, or the key.")]  # fmt: skip
    last = Annotated[int, Field(ge=1, le=MAX_ROWS, description="How many rows to predict")]
    keys = Annotated[list[key], Field(min_length=1, max_length=MAX_ROWS)]
    one = {"history": NotRequired[past], "key": NotRequired[key], **subject}
    many = {"history": NotRequired[past], "last": NotRequired[last], "keys": NotRequired[keys]}
    return _typed(f"{title}Request", one), _typed(f"{title}Batch", {**many, **subject})


def _typed(name: str, fields: dict[str, Any]) -> Any:
    made = TypedDict(name, fields)  # type: ignore[misc]
    return with_config(ConfigDict(extra="forbid", strict=True))(made)


def _one_of(found: Row, *names: str) -> None:
    if sum(name in found for name in names) != 1:
        raise Refused("body", f"give either {names[0]} or {names[1]}")


def _annotation(series: "pd.Series[Any]") -> Any:
    kind = series.dtype.kind
    if kind == "M":
        return MOMENT
    if kind == "b":
        return bool
    if kind in "iu":
        return WHOLE
    return NUMBER | None if kind == "f" else TEXT | None


def _key(rows: pd.DataFrame, name: str) -> Any:
    return _annotation(rows[name].dropna()) if name in rows else TEXT | WHOLE | NUMBER


def _examples(use_case: UseCase, rows: pd.DataFrame) -> dict[str, Any]:
    """Return a real example of each request."""
    plain = [
        {n: _plain(row[n]) for n in use_case.features.raw} for _, row in rows.tail(20).iterrows()
    ]
    if not looks_back(use_case):
        return {"single": {"row": plain[-1]}, "many": {"rows": plain[-2:]}}
    return {"single": {"history": plain}, "many": {"history": plain, "last": min(2, len(plain))}}


def _sample(use_case: UseCase) -> pd.DataFrame:
    """Return a row of zeros, for a champion that has no golden rows."""
    declared, time = use_case.features, use_case.source.timestamp
    numbers = set(declared.numeric)
    row: dict[str, Any] = {
        n: [0.0] if n in numbers or n not in declared.categorical else [""] for n in declared.raw
    }
    if time in row:
        row[time] = [pd.Timestamp(0)]
    return pd.DataFrame(row)


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    plain = value.item() if hasattr(value, "item") else value
    return None if plain != plain else plain


def _utc(value: Any) -> datetime:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _printable(text: str) -> str:
    """Keep what any JSON reader can read, and not more than a line of it."""
    return text.encode("utf-8", "backslashreplace").decode()[:300]
