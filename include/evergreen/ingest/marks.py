"""What the numbers of a file are written with: found out from all rows, asked for where not sure.

| the values of a column | are read |
| --- | --- |
| `6.836,66`, `1 234,5`, `1,234.50` | as the only way that makes numbers of them all |
| `1,5` | with a decimal comma, where nothing is surely written with a decimal point |
| `1.500`, `12.000` and nothing else | as other columns are; else as a fraction, and that is told; \
asked for in a European file (`;` separated, 21.02.2026, a decimal comma elsewhere) |
| `1,500` and nothing else | as other columns are; else asked for |
| `1 234`, `1.234.567` and nothing else | as other columns are; else as text, and that is told; \
`1.234.567` is asked for in a European file |

One file is written in one way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evergreen.data.warehouse import quoted
from evergreen.errors import DataRefused
from evergreen.ingest.exactness import NO_NUMBER, Cell
from evergreen.ingest.reading import (
    COMMAED,
    MARKS,
    NAMES,
    POINTED,
    READINGS,
    Reading,
    literal,
)
from evergreen.ingest.stage import ROW, STAGE, Stage
from evergreen.spec import Dialect

SAMPLE = 1000
"""Rows that rule most readings out, before all are asked."""
SHOWN = 5
"""How many columns are named."""
DAY = r"^\s*[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4}"
OTHER = {".": ",", ",": "."}


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A column of numbers that have marks."""

    name: str
    marks: frozenset[str]
    readings: frozenset[Reading]
    """All that make numbers of all its values."""

    def sure(self, dialect: Dialect) -> Reading | None:
        """Return the only reading; one with thousands needs decimals, too, or to be declared."""
        if len(self.readings) != 1:
            return None
        [only] = self.readings
        declared = dialect.thousands or (dialect.decimal and only.thousands in OTHER)
        is_sure = not only.thousands or declared or only.decimal in self.marks
        return only if is_sure else None

    def fits(self, reading: Reading) -> bool:
        """Tell whether it is read so; where it has no thousands, the decimals decide."""
        return not {reading, Reading(reading.decimal)}.isdisjoint(self.readings)

    def is_to_ask(self, sure: Reading | None, *, european: bool) -> bool:
        """Tell whether numbers would be others in another reading, or texts in a European file."""
        likely = {each for each in self.readings if each.thousands in {"", *OTHER}}
        if len(likely) > 1:
            return european or POINTED not in likely
        return european and bool(likely) and sure is None


def settle(stage: Stage, types: Mapping[str, str]) -> tuple[Stage, list[str]]:
    """Find out how the numbers are written; return the stage with it, and what is to be told.

    Args:
        stage: the rows.
        types: the columns' types; empty for a new table.

    Raises:
        DataRefused: the numbers of a column could be others: which, and how to say it.
    """
    dialect, columns = stage.delivery.dialect, _columns(stage, types)
    sure = {each for column in columns if (each := column.sure(dialect))}
    found = _agreed(dialect, sure)
    unread = [column for column in columns if found is None or not column.fits(found)]
    european = bool(unread) and _is_european(stage, sure)
    asked = [c for c in unread if c.is_to_ask(c.sure(dialect), european=european)]
    if asked:
        raise DataRefused(_question(stage, column) for column in asked[:SHOWN])
    reading = found or POINTED
    notes = [*_told(reading, columns), *(_remark(column, reading) for column in unread[:SHOWN])]
    return replace(stage, reading=reading), notes


def _columns(stage: Stage, types: Mapping[str, str]) -> list[_Column]:
    """Return the columns that may be numbers, and hold marks."""
    dialect, names = stage.delivery.dialect, _perhaps(stage, types)
    allowed = [
        reading
        for reading in READINGS
        if dialect.decimal in {None, reading.decimal}
        and dialect.thousands in {None, reading.thousands}
    ]
    first = _fitting(stage, {name: set(allowed) for name in names}, f"WHERE {ROW} <= {SAMPLE}")
    marks = _marks(stage, [name for name in names if first[name]])
    plain = {
        name: {r if r.thousands in held else Reading(r.decimal) for r in first[name]}
        for name, held in marks.items()
        if held
    }
    doubtful = {name: of for name, of in plain.items() if any(r.thousands for r in of)}
    readings = plain | _fitting(stage, doubtful)
    never = {COMMAED} if dialect.separator == "," and not dialect.decimal else set()
    return [
        _Column(name=name, marks=marks[name], readings=frozenset(left))
        for name, of in readings.items()
        if (left := of - never)
    ]


def _perhaps(stage: Stage, types: Mapping[str, str]) -> list[str]:
    return [
        name
        for name, kinds in stage.delivery.columns.items()
        if "double precision" in kinds[:-1]
        and (not types or Cell(column="", type=types[name]).is_number)
    ]


def _fitting(
    stage: Stage, readings: Mapping[str, set[Reading]], where: str = ""
) -> dict[str, set[Reading]]:
    """Return of the readings of each column those that make numbers of all its values."""
    asked = [(name, reading) for name, of in readings.items() for reading in of]
    fits = [
        f"coalesce(bool_and({c} = '' OR {c} ~ '{literal(r.shape)}' OR {c} ~ '{NO_NUMBER}'), true)"
        for c, r in ((quoted(name), reading) for name, reading in asked)
    ]
    found: dict[str, set[Reading]] = {name: set() for name in readings}
    for (name, reading), fit in zip(asked, stage.totals(fits, where), strict=True):
        if fit:
            found[name].add(reading)
    return found


def _marks(stage: Stage, names: Sequence[str]) -> dict[str, frozenset[str]]:
    asked = [(name, mark) for name in names for mark in MARKS]
    held = stage.totals([
        f"coalesce(bool_or(btrim({quoted(name)}) ~ '{literal(MARKS[mark])}'), false)"
        for name, mark in asked
    ])  # fmt: skip
    pairs = [pair for pair, is_held in zip(asked, held, strict=True) if is_held]
    return {name: frozenset(mark for of, mark in pairs if of == name) for name in names}


def _agreed(dialect: Dialect, sure: set[Reading]) -> Reading | None:
    """Return how the file is written; None: nothing tells. Of both decimals it is the point."""
    decimals = {reading.decimal for reading in sure}
    if not sure and not dialect.decimal and not dialect.thousands:
        return None
    decimal = dialect.decimal or OTHER.get(dialect.thousands or "")
    decimal = decimal or ("," if decimals == {","} else ".")
    if dialect.thousands is not None:
        return Reading(decimal, dialect.thousands)
    thousands = {each.thousands for each in sure if each.decimal == decimal} - {""}
    return Reading(decimal, thousands.pop() if len(thousands) == 1 else "")


def _is_european(stage: Stage, sure: set[Reading]) -> bool:
    """Tell whether other things than its points are written as in Europe."""
    if stage.delivery.dialect.separator == ";" or any(each.decimal == "," for each in sure):
        return True
    days = [f"bool_or({quoted(name)} ~ '{DAY}')" for name in stage.delivery.columns]
    return any(stage.totals(days, f"WHERE {ROW} <= {SAMPLE}"))


def _question(stage: Stage, column: _Column) -> str:
    name = quoted(column.name)
    likely = [each for each in READINGS if each in column.readings]
    marks = [mark for mark in OTHER if mark in column.marks]
    held = " OR ".join(f"strpos({name}, '{mark}') > 0" for mark in marks)
    [(value,)] = stage.ask(f"SELECT {name} FROM {STAGE} WHERE {held} ORDER BY {ROW} LIMIT 1")
    ways = [each.said for each in likely if each.thousands in {"", *OTHER}]
    ways += ["thousands='' (--thousands none) if it is a text"] * (len(ways) == 1)
    return (
        f"{stage.delivery.item}: {column.name} is {value!r}, and nothing in it tells decimals from"
        f" thousands; say {' or '.join(ways)}"
    )


def _told(reading: Reading, columns: Sequence[_Column]) -> list[str]:
    comma = ["decimal comma"] * (reading.decimal == ",")
    names = [c.name for c in columns if reading.thousands in c.marks and reading in c.readings]
    if not names:
        return comma
    return [*comma, f"{NAMES[reading.thousands]} for thousands in {_some(names)}"]


def _remark(column: _Column, reading: Reading) -> str:
    if reading in column.readings:
        return f"points of {column.name} read as decimal points"
    likely = sorted(column.readings, key=lambda each: (each.decimal != reading.decimal, each.said))
    return f"{column.name} is text; {likely[0].said} reads it as numbers"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
