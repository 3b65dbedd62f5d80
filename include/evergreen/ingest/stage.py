"""The rows of a delivery as text in a temporary table: judged there, before any of them lands.

Usage::

    stage = Stage(cursor, delivery)
    cleaned = stage.fill()
    stage.check(cells, key)                 # DataRefused: which row, which value, what repeats
    cursor.execute(f"INSERT … SELECT … FROM {STAGE}")
"""

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv

from evergreen.data.warehouse import quoted
from evergreen.errors import DataRefused
from evergreen.ingest.delivery import Cleaned, Delivery
from evergreen.ingest.exactness import Cell
from evergreen.ingest.reading import POINTED, Reading, ways
from evergreen.personal import MASK

STAGE = "pg_temp.evergreen_landing"
ROW = "evergreen_row"
MOST = 1000
"""Expressions in one query."""
SHOWN = 5
"""How many of many wrong rows or keys are told."""
WITHOUT_HEADER = pa.csv.WriteOptions(include_header=False)


@dataclass(frozen=True)
class Stage:
    """The temporary table of one delivery, in the transaction of a cursor."""

    cursor: Any
    delivery: Delivery
    personal: Collection[str] = ()
    """Columns whose values are not told."""
    reading: Reading = POINTED
    """How its numbers are written."""

    def fill(self) -> Cleaned:
        """Copy the delivery, batch by batch; return what was seen on the way."""
        names = list(map(quoted, self.delivery.columns))
        columns = ", ".join(f"{name} text" for name in names)
        self.cursor.execute(
            f"CREATE TEMPORARY TABLE {STAGE} ({ROW} bigint GENERATED ALWAYS AS IDENTITY, {columns})"
            " ON COMMIT DROP"
        )
        cleaned = Cleaned(delivery=self.delivery)
        for batch in cleaned:
            content = io.BytesIO()
            pa.csv.write_csv(batch, content, WITHOUT_HEADER)
            content.seek(0)
            copy = f"COPY {STAGE} ({', '.join(names)}) FROM STDIN (FORMAT csv)"
            self.cursor.copy_expert(copy, content)
        return cleaned

    def check(
        self, cells: Mapping[str, Cell], key: Sequence[str], proven: Collection[str] = ()
    ) -> None:
        """Look whether every value fits, and every row has a key that no other has.

        Of the columns that are `proven`, every value is known to fit.

        Raises:
            DataRefused: with the first rows that are wrong.
        """
        keys = {name: cells[name] for name in key}
        doubtful = {name: cell for name, cell in cells.items() if name not in proven}
        wrong = self._misfits(doubtful) or self._without(keys) or self._repeated(keys)
        if wrong:
            raise DataRefused([f"{self.delivery.item}, {each}" for each in wrong])

    def cell(self, name: str, kind: str) -> Cell:
        """Return a column as one of a type; its numbers are written as in the file, save
        those that had a type before (of Parquet)."""
        typed = len(self.delivery.columns[name]) == 1
        return Cell(column=quoted(name), type=kind, reading=POINTED if typed else self.reading)

    def totals(self, expressions: Sequence[str], where: str = "") -> list[Any]:
        """Return aggregates over the rows, however many: PostgreSQL takes 1,664 at once."""
        found: list[Any] = []
        for n in range(0, len(expressions), MOST):
            some = ", ".join(expressions[n : n + MOST])
            found += self.ask(f"SELECT {some} FROM {STAGE} {where}")[0]
        return found

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        self.cursor.execute(sql)
        rows: list[tuple[Any, ...]] = self.cursor.fetchall()
        return rows

    def _misfits(self, cells: Mapping[str, Cell]) -> list[str]:
        found = self._where({name: f"NOT {cell.holds}" for name, cell in cells.items()})
        return [
            f"row {row:,}: {name} is {value!r}, which {cells[name].type} does not hold exactly"
            f"{_more(count)}{_hint(cells[name], value)}"
            for name, row, value, count in found
        ]

    def _without(self, keys: Mapping[str, Cell]) -> list[str]:
        found = self._where({name: f"{cell.value} IS NULL" for name, cell in keys.items()})
        return [
            f"row {row:,}: the key {name} is null{_more(count)}" for name, row, _, count in found
        ]

    def _where(self, conditions: Mapping[str, str]) -> list[tuple[str, int, str, int]]:
        """Return column, first row, its value and the number of rows where a condition holds."""
        found = self.totals([f"count(*) FILTER (WHERE {each})" for each in conditions.values()])
        return [
            (name, *self._first(name, condition), count)
            for (name, condition), count in zip(conditions.items(), found, strict=True)
            if count
        ]

    def _first(self, name: str, condition: str) -> tuple[int, str]:
        [(row, value)] = self.ask(
            f"SELECT {ROW}, {quoted(name)} FROM {STAGE} WHERE {condition} ORDER BY 1 LIMIT 1"
        )
        return row, value

    def _repeated(self, keys: Mapping[str, Cell]) -> list[str]:
        values = ", ".join(cell.value for cell in keys.values())
        repeated = f"SELECT {values}, count(*) FROM {STAGE} GROUP BY {values} HAVING count(*) > 1"
        found = self.ask(f"{repeated} ORDER BY count(*) DESC LIMIT {SHOWN + 1}")
        if not found:
            return []
        hidden = bool(set(keys) & set(self.personal))
        told = ", ".join(
            f"{MASK if hidden else _key(each)} in {count} rows" for *each, count in found[:SHOWN]
        )
        return [
            f"the key {', '.join(keys)} repeats: {told}{' …' * (len(found) > SHOWN)};"
            " a key names one row: give the columns that do, or mend the file"
        ]


def _key(values: Sequence[Any]) -> str:
    return " / ".join(map(str, values))


def _more(count: int) -> str:
    return f" ({count:,} such rows)" if count > 1 else ""


def _hint(cell: Cell, value: str) -> str:
    if not value.strip():
        return "; null=('',) or --null '' reads blanks as null"
    if not cell.is_number or cell.reading.reads(value):
        return ""
    said = [reading.said for reading in ways(value)]
    return f"; {' or '.join(said[:2])} reads it as a number" if said else ""
