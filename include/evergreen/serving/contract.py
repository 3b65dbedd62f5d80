"""What a request holds: models made from the champion's own columns, and refusals by field.

Usage::

    contract = Contract.of(dossier, settings.expectations_dir / "iris.json")
    order = contract.one(b'{"row": {"sepal_length": 5.1, …}}')      # or Refused
    order.values["sepal_length"]                                    # [5.1]

Three forms: `row` (plain columns), `history` (raw rows in time order that end with the row to
predict) and `key` (the service reads the rows from the source, where features look back, or one
newest row, where that is declared). Batches: `rows`, `history` with `last`, `keys`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NotRequired

import pandas as pd
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from evergreen.dossier import Dossier, Inputs, RawColumn
from evergreen.learning.models import Golden
from evergreen.serving.described import descriptions
from evergreen.spec.lengths import spelled

EXACT = ("int", "uint")
MAX_ROWS, MAX_HISTORY, LONGEST_TEXT, LONGEST_SENTENCES = 1_000, 5_000, 1_000, 20_000
TEXT = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
SENTENCES = Annotated[str, StringConstraints(max_length=LONGEST_SENTENCES, pattern=r"^[^\x00]*$")]
NUMBER = Annotated[float, Field(allow_inf_nan=False)]
WHOLE = Annotated[int, Field(ge=-(2**63), lt=2**63)]
DATED = re.compile(r"\d{4}-\d\d-\d\d")
NO_MOMENT = "a date is written as 2026-01-31, a moment as 2026-01-31T12:00:00Z"
NO_KEY = "this model takes none (`serving=Serving(key=…)` declares one): give the whole row"
Row = dict[str, Any]
_WRITTEN: TypeAdapter[date | datetime] = TypeAdapter(date | datetime)


def _moment(value: Any) -> date | datetime:
    """Read a date or a moment as it is written: digits alone would be seconds since 1970."""
    if not isinstance(value, str) or not DATED.match(value):
        raise PydanticCustomError("moment", NO_MOMENT)
    try:
        found = _WRITTEN.validate_strings(value, strict=True)
        utc(found)
    except ValidationError:
        raise PydanticCustomError("moment", NO_MOMENT) from None
    except OverflowError:
        raise PydanticCustomError("moment", "is out of range") from None
    return found


MOMENT = Annotated[date | datetime, BeforeValidator(_moment)]


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
class Contract:
    """The requests that one champion understands."""

    inputs: Inputs
    single: TypeAdapter[Any]
    many: TypeAdapter[Any]
    examples: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, dossier: Dossier, suite: Path) -> "Contract":
        """Build the models from the columns that the champion reads, and the suite's ranges."""
        rows, inputs = Golden.from_json(dossier.golden).rows, dossier.inputs
        about = descriptions(suite)
        title = "".join(part.title() for part in dossier.use_case.split("_"))
        kinds = {c.name: _annotation(c, inputs.text) for c in inputs.columns}
        row = _typed(f"{title}Row", {n: _described(n, k, rows, about) for n, k in kinds.items()})
        single, many = _forms(inputs, title, row)
        return cls(inputs, TypeAdapter(single), TypeAdapter(many), _examples(inputs, rows))

    @property
    def looks_back(self) -> bool:
        """Tell whether the features of a row read the rows before it."""
        return self.inputs.looks_back

    @property
    def takes_keys(self) -> bool:
        """Tell whether a request may name rows of the source by their key."""
        return self.looks_back or bool(self.inputs.lookup)

    def one(self, body: bytes) -> Order:
        """Read the request for one prediction.

        Raises:
            Refused: naming the first field that is wrong.
        """
        found = self._parsed(self.single, body)
        subject = found.get("subject")
        if self.takes_keys:
            _one_of(found, "history" if self.looks_back else "row", "key")
        if "key" in found:
            return Order(keys=[self.key(found["key"])], subject=subject)
        if not self.looks_back:
            return Order(rows=[found["row"]], subject=subject)
        return self._ordered(Order(rows=found["history"], subject=subject))

    def _parsed(self, form: TypeAdapter[Any], body: bytes) -> Any:
        try:
            return parsed(form, body)
        except Refused as refused:
            if refused.field in {"row", "rows"} and not self.takes_keys and b'"key' in body:
                raise Refused("key", NO_KEY) from None
            raise

    def batch(self, body: bytes) -> Order:
        """Read the request for up to 1,000 predictions.

        Raises:
            Refused: naming the first field that is wrong.
        """
        found = self._parsed(self.many, body)
        subject = found.get("subject")
        if self.takes_keys:
            _one_of(found, "history" if self.looks_back else "rows", "keys")
        if "keys" in found:
            return Order(keys=[*map(self.key, found["keys"])], subject=subject, batch=True)
        if not self.looks_back:
            rows = found["rows"]
            return Order(rows=rows, wanted=len(rows), subject=subject, batch=True)
        rows, last = found["history"], found.get("last", 1)
        if last > len(rows):
            raise Refused("last", f"is {last}, but history holds {len(rows)} rows")
        return self._ordered(Order(rows=rows, wanted=last, subject=subject, batch=True))

    def frame(self, rows: Sequence[Row]) -> pd.DataFrame:
        """Return rows as a frame with the types of training."""
        columns = self.inputs.columns
        return pd.DataFrame({c.name: series(c, [row[c.name] for row in rows]) for c in columns})

    def values(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        """Return rows as columns of plain values, categories as training has read them."""
        found = {name: [row[name] for row in rows] for name in self.inputs.names}
        for column in self._odd:
            found[column.name] = series(column, found[column.name]).tolist()
        return found

    @cached_property
    def _odd(self) -> list[RawColumn]:
        """Categories whose values are others in JSON: dates, fractions, whole numbers with gaps."""
        categories = self.inputs.categorical
        return [
            column
            for column in self.inputs.columns
            if column.name in categories
            and (column.is_time or (column.is_number and not column.dtype.startswith(EXACT)))
        ]

    def key(self, given: Row) -> Row:
        """Return what is given of the key as the source has it: labels find it so on record."""
        return {c.name: _of_type(c, given[c.name]) for c in self.inputs.key if c.name in given}

    def short_of_history(self, first: Any, target: Any) -> str:
        """Say what is missing when rows from `first` on do not reach as far as features look."""
        lookback = self.inputs.lookback
        reach = utc(target) - utc(first)
        if reach >= lookback:
            return ""
        return (
            f"history begins {spelled(reach)} before the row; the features look back"
            f" {spelled(lookback)}"
        )

    def _ordered(self, order: Order) -> Order:
        time = self.inputs.timestamp
        if time is None or time not in self.inputs.names:
            return order
        moments = [utc(row[time]) for row in order.rows]
        for place, (before, after) in enumerate(pairwise(moments), start=1):
            if after < before:
                raise Refused(f"history.{place}.{time}", "is before the row above it; sort by time")
        first = len(order.rows) - order.wanted
        bad = [any(one.start <= at < one.end for one in self.inputs.excluded) for at in moments]
        rows = [row for n, row in enumerate(order.rows) if n >= first or not bad[n]]
        return replace(order, rows=rows)


def parsed(adapter: TypeAdapter[Any], body: bytes) -> Any:
    """Validate JSON strictly.

    Raises:
        Refused: naming the first field that is wrong.
    """
    try:
        found = adapter.validate_json(body)
        json.loads(body, object_pairs_hook=_once)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Refused(_printable(place) or "body", _printable(first["msg"])) from None
    return found


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Refuse a field that is given twice: which of the two is meant nobody knows."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise Refused(_printable(name), "is given twice")
        seen.add(name)


def as_rows(frame: pd.DataFrame) -> list[Row]:
    """Return the rows one by one; what is missing, a date as well, is None."""
    plain = frame.astype(object).where(frame.notna(), None)
    names = [str(name) for name in plain]
    return [dict(zip(names, cells, strict=True)) for cells in plain.to_numpy().tolist()]


def series(column: RawColumn, values: Sequence[Any]) -> "pd.Series[Any]":
    """Return the values as the type that the column had in training."""
    if not column.is_time:
        return pd.Series(list(values), dtype=column.dtype)
    zone = column.dtype.partition(", ")[2]
    moments = pd.to_datetime(pd.Series([v and utc(v) for v in values]), utc=True)
    kept: pd.Series[Any] = moments if zone else moments.dt.tz_localize(None)
    return kept.astype(column.dtype)  # type: ignore[call-overload,no-any-return]


def _described(name: str, kind: Any, rows: pd.DataFrame, about: Mapping[str, str]) -> Any:
    present = rows[name].dropna()
    examples = [_plain(present.iloc[-1])] if len(present) else None
    return Annotated[kind, Field(description=about.get(name), examples=examples)]


def _forms(inputs: Inputs, title: str, row: Any) -> tuple[Any, Any]:
    subject = {"subject": NotRequired[Annotated[TEXT, Field(description="Who is asked about")]]}
    named = inputs.lookup or tuple(c.name for c in inputs.key)
    key: Any = _typed(f"{title}Key", {c.name: _kind(c) for c in inputs.key if c.name in named})
    keys = Annotated[list[key], Field(min_length=1, max_length=MAX_ROWS)]
    some = Annotated[list[row], Field(min_length=1, max_length=MAX_ROWS)]
    if not inputs.looks_back and not inputs.lookup:
        return (_typed(f"{title}Request", {"row": row, **subject}),
                _typed(f"{title}Batch", {"rows": some, **subject}))  # fmt: skip
    if not inputs.looks_back:
        told = f"The newest row of the source by {', '.join(inputs.lookup)}. Give this, or the row."
        by_key = NotRequired[Annotated[key, Field(description=told)]]
        return (_typed(f"{title}Request", {"row": NotRequired[row], "key": by_key, **subject}),
                _typed(f"{title}Batch", {"rows": NotRequired[some], "keys": NotRequired[keys],
                                         **subject}))  # fmt: skip
    past = Annotated[list[row], Field(
        min_length=1, max_length=MAX_HISTORY,
        description=f"Raw rows in time order, {spelled(inputs.lookback)} before the row to"
        " predict (the last) and on. Give this, or the key.")]  # fmt: skip
    last = Annotated[int, Field(ge=1, le=MAX_ROWS, description="How many rows to predict")]
    one = {"history": NotRequired[past], "key": NotRequired[key], **subject}
    many = {"history": NotRequired[past], "last": NotRequired[last], "keys": NotRequired[keys]}
    return _typed(f"{title}Request", one), _typed(f"{title}Batch", {**many, **subject})


def _typed(name: str, fields: dict[str, Any]) -> Any:
    made = TypedDict(name, fields)  # type: ignore[misc]
    return with_config(ConfigDict(extra="forbid", strict=True))(made)


def _one_of(found: Row, *names: str) -> None:
    if sum(name in found for name in names) != 1:
        raise Refused("body", f"give either {names[0]} or {names[1]}")


def _annotation(column: RawColumn, text: Sequence[str]) -> Any:
    kind = SENTENCES if column.name in text else _kind(column)
    return kind | None if column.nullable else kind


def _kind(column: RawColumn) -> Any:
    if column.is_time:
        return MOMENT
    if column.type == "bool":
        return bool
    if column.is_whole:
        return WHOLE
    return NUMBER if column.is_fraction else TEXT


def _of_type(column: RawColumn, value: Any) -> Any:
    """Return a date or a moment as its column has it: with a zone in UTC, without one naive."""
    if not column.is_time:
        return value
    moment = utc(value)
    if column.type.startswith("date"):
        return moment.date() if moment == utc(moment.date()) else value
    return moment if ", tz=" in column.type else moment.replace(tzinfo=None)


def _examples(inputs: Inputs, rows: pd.DataFrame) -> dict[str, Any]:
    """Return a real example of each request."""
    plain = [
        {c.name: _example(c, row[c.name]) for c in inputs.columns}
        for _, row in rows.tail(20).iterrows()
    ]
    if not inputs.looks_back:
        return {"single": {"row": plain[-1]}, "many": {"rows": plain[-2:]}}
    return {"single": {"history": plain}, "many": {"history": plain, "last": min(2, len(plain))}}


def _example(column: RawColumn, value: Any) -> Any:
    plain = _plain(value)
    return int(plain) if column.is_whole and plain is not None else plain


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    plain = value.item() if hasattr(value, "item") else value
    return None if plain != plain else plain


def utc(value: Any) -> datetime:
    """Return a date or a moment as a moment in UTC; a naive one is."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _printable(text: str) -> str:
    """Keep what any JSON reader can read, and PostgreSQL hold, and not more than a line of it."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")[:300]
