"""Which texts a type of PostgreSQL holds exactly, and how it reads them: in SQL, row by row.

Usage::

    cell = Cell(column='"price"', type="integer")
    f"SELECT {cell.value} FROM staged WHERE NOT ({cell.holds})"

| type | holds |
| --- | --- |
| integer, numeric, money | a number that is the same after a round trip; 007 is none |
| real, double precision | a number that, written with as many digits, is the same; NaN, Infinity |
| date, timestamp | a moment that is the same after a round trip; without a zone it is UTC |
| text, varchar(n), char(n) | a text that is the same after a round trip |
| boolean | true, false, t, f, 1, 0 |
| any other | what PostgreSQL takes for it |

An empty text is NULL, but in a column of text.
"""

import re
from dataclasses import dataclass

from evergreen.ingest.reading import POINTED, Reading, literal

NUMBER = POINTED.shape
WHOLE = r"^[+-]?(0|[1-9][0-9]*)$"
NO_NUMBER = r"^\s*([nN][aA][nN]|[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])?)\s*$"
BOOLEAN = "^(true|false|True|False|TRUE|FALSE|t|f|1|0)$"
DAY = r"([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{4})"
CLOCK = r"[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6}0*)?)?"
ZONE = r"\s*(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
DATE, NAIVE, TIME = (
    rf"^\s*{shape}\s*$" for shape in (DAY, f"{DAY}({CLOCK})?", f"{DAY}({CLOCK}({ZONE})?)?")
)
AMBIGUOUS = r"^\s*[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{4}"
"""A date whose first number may be the day or the month."""

SHAPES = {
    "bigint": WHOLE,
    "double precision": f"{NUMBER}|{NO_NUMBER}",
    "numeric": NUMBER,
    "boolean": BOOLEAN,
    "date": DATE,
    "timestamp without time zone": NAIVE,
    "timestamp with time zone": TIME,
    "text": "",
}
"""How a value looks that gives a new table's column that type; the first one that fits them all."""
LOOKS_LIKE_ANY = tuple(SHAPES)
LOOKS_LIKE_TIME = (*LOOKS_LIKE_ANY[4:7], "text")

NUMBERS = re.compile(r"(smallint|integer|bigint|numeric(\(.*\))?|money)$")
FLOATS = re.compile(r"(real|double precision)$")
TIMES = re.compile(r"(date|timestamp(\(.\))? with(out)? time zone)$")
TEXTS = re.compile(r"(text|character( varying)?(\(.*\))?)$")
CLOCKS = re.compile(r"(time(\(.\))? with(out)? time zone|interval.*)$")
TO_MICROSECONDS = r"^[^.]*(\.[0-9]{1,6}0*([^0-9].*)?)?$"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A staged column that is to become a column of a type."""

    column: str
    """Its identifier."""
    type: str
    """As `format_type` of PostgreSQL writes it."""
    reading: Reading = POINTED
    """How its numbers are written."""

    @property
    def value(self) -> str:
        """SQL of the value as that type."""
        if NUMBERS.match(self.type):
            return f"{self._filled}::numeric::{self.type}"
        if TIMES.match(self.type):
            return f"{self._filled}::timestamptz::{self.type}"
        return f"{self._filled}::{self.type}"

    @property
    def holds(self) -> str:
        """SQL that is true where the type holds the text exactly, or the text is NULL."""
        shape, same = self._rule
        guarded = f"CASE WHEN {self._filled} ~ '{shape}' THEN {same} ELSE false END"
        return f"({self._filled} IS NULL OR {guarded if shape else same})"

    @property
    def looks(self) -> str:
        """SQL that is true where the text looks like a value of that type, and is one."""
        shape = SHAPES[self.type]
        like = f"{self._filled} ~ '{shape}'" if shape else "true"
        return f"({self._filled} IS NULL OR {like}) AND {self.holds}"

    @property
    def is_text(self) -> bool:
        """Tell whether an empty text is a value."""
        return bool(TEXTS.match(self.type))

    @property
    def is_number(self) -> bool:
        """Tell whether its decimals and thousands are marked."""
        return bool(NUMBERS.match(self.type) or FLOATS.match(self.type))

    @property
    def is_time(self) -> bool:
        """Tell whether it is a date or timestamp."""
        return bool(TIMES.match(self.type))

    @property
    def _filled(self) -> str:
        if self.is_text:
            return self.column
        filled = f"nullif({self.column}, '')"
        return self.reading.sql(filled) if self.is_number else filled

    @property
    def _rule(self) -> tuple[str, str]:
        text, kind = self._filled, self.type
        if NUMBERS.match(kind):
            return NUMBER, (
                f"CASE WHEN pg_input_is_valid(trim_scale({text}::numeric)::text, '{kind}')"
                f" THEN {self.value}::numeric = {text}::numeric ELSE false END"
            )
        if FLOATS.match(kind):
            return SHAPES["double precision"], (
                f"CASE WHEN {text} ~ '{NO_NUMBER}' THEN true"
                f" WHEN pg_input_is_valid({text}, '{kind}') THEN"
                f" {self.value}::text::numeric = {text}::numeric OR {self._same_digits}"
                " ELSE false END"
            )
        if TIMES.match(kind):
            return TIME, (
                f"CASE WHEN pg_input_is_valid({text}, 'timestamptz')"
                f" THEN {self.value}::timestamptz = {text}::timestamptz ELSE false END"
            )
        if TEXTS.match(kind):
            return "", f"{self.value}::text = {text}"
        if kind == "boolean":
            return BOOLEAN, "true"
        valid = f"pg_input_is_valid({text}, '{literal(kind)}')"
        return TO_MICROSECONDS if CLOCKS.match(kind) else "", valid

    @property
    def _same_digits(self) -> str:
        """0.10000000000000001 is 0.1 with 17 digits; 9007199254740993 is no double of 16."""
        digits = f"ltrim(regexp_replace({self._filled}, '[eE].*|[^0-9]', '', 'g'), '0')"
        form = f"'9.' || repeat('9', greatest(least(length({digits}), 60), 1) - 1) || 'EEEE'"
        written = f"to_char({self.value}::double precision, {form})"
        return f"{written}::numeric = {self._filled}::numeric"
