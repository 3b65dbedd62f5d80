"""What is about to be landed: columns, and rows as text, whatever the file or the API had.

Text is what every source can give without losing a digit; what it becomes is up to the table.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from evergreen.errors import DataRefused
from evergreen.spec import Dialect

BATCH = 50_000
"""Rows that are in memory at once."""
LONGEST_NAME = 63
"""Bytes of a column's name in PostgreSQL."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One file, or one day of an API."""

    item: str
    columns: Mapping[str, tuple[str, ...]]
    """By name, the types that a new table may have for it: the first that holds every value."""
    batches: Iterable[pa.RecordBatch]
    """Of text, read as they are asked for."""
    dialect: Dialect = field(default_factory=Dialect)
    notes: tuple[str, ...] = ()
    """What was found out about how it is written."""


@dataclass(kw_only=True)
class Cleaned:
    """The batches of a delivery with its NULLs; counts what it saw on the way."""

    delivery: Delivery
    rows: int = 0
    nulls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(column, text): how often the text was read as NULL, because the dialect says so."""
    blanks: Counter[str] = field(default_factory=Counter)
    """How many empty texts of a column were left."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        names = list(self.delivery.columns)
        for batch in self.delivery.batches:
            arrays = [self._clean(n, a) for n, a in zip(names, batch.columns, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names)
            self.rows += batch.num_rows

    def _clean(self, name: str, values: pa.Array) -> pa.Array:
        self._refuse_nul(name, values)
        if words := self.delivery.dialect.null:
            trimmed = pc.utf8_trim_whitespace(values)
            is_null = pc.is_in(trimmed, pa.array(sorted({word.strip() for word in words})))
            for found in pc.value_counts(trimmed.filter(is_null)).to_pylist():
                self.nulls[name, found["values"]] += found["counts"]
            values = pc.if_else(is_null, None, values)
        self.blanks[name] += pc.sum(pc.equal(values, "")).as_py() or 0
        return values

    def _refuse_nul(self, name: str, values: pa.Array) -> None:
        row = pc.index(pc.match_substring(values, "\0"), True).as_py()
        if row >= 0:
            raise DataRefused([
                f"{self.delivery.item}, row {self.rows + row + 1}: {name} holds a NUL character,"
                " which PostgreSQL has no place for; is the file text?"
            ])  # fmt: skip


def check_names(item: str, names: Iterable[str]) -> None:
    """Refuse columns that a table cannot have: without a name, twice, or longer than PostgreSQL's.

    Raises:
        DataRefused: with all that is wrong.
    """
    names = list(names)
    bare = [n for n, name in enumerate(names, 1) if not name.strip() or "\0" in name]
    wrong = [f"column {n} has no name{_index(n)}" for n in bare]
    wrong += [
        f"the name {name!r} is there {count} times"
        for name, count in Counter(names).items()
        if count > 1 and name.strip()
    ]
    wrong += [
        f"the name {name[:20]!r}… is longer than {LONGEST_NAME} bytes"
        for name in names
        if len(name.encode()) > LONGEST_NAME
    ]
    if wrong:
        raise DataRefused([f"{item}: {', '.join(wrong)}; each column needs a name of its own"])


def _index(number: int) -> str:
    return " (pandas writes its index so: to_csv(index=False) leaves it out)" if number == 1 else ""
