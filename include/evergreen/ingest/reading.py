"""How a number may be written: what stands before its decimals, and between its thousands.

Usage::

    Reading(decimal=",", thousands=".").reads("6.836,66")       # True; 6.83,66 is no number
    Reading(decimal=",", thousands=".").sql("price")            # SQL of the text 6836.66
"""

import re
from dataclasses import dataclass

MARKS = {".": "[.]", ",": "[,]", " ": r"[ \u00a0\u2009\u202f]", "'": r"['\u2019]"}
"""What is said, and the characters that it stands for, as a regular expression has them."""
NAMES = {".": "points", ",": "commas", " ": "spaces", "'": "apostrophes"}


@dataclass(frozen=True)
class Reading:
    """One way to read numbers."""

    decimal: str = "."
    thousands: str = ""
    """A mark; empty: none."""

    @property
    def shape(self) -> str:
        """Regular expression, of PostgreSQL and of Python, of what is a number in that way."""
        point = MARKS[self.decimal]
        plain = f"((0|[1-9][0-9]*)({point}[0-9]*)?|{point}[0-9]+)([eE][+-]?[0-9]{{1,3}})?"
        either = f"{plain}|{self._grouped}" if self.thousands else plain
        return rf"^\s*[+-]?({either})\s*$"

    def reads(self, text: str) -> bool:
        """Tell whether a text is a number in that way."""
        return re.match(self.shape, text) is not None

    def sql(self, text: str) -> str:
        """SQL of a text with a decimal point only; of one that is no number, no number either."""
        plain = f"translate({text}, ',.', '.,')" if self.decimal == "," else text
        if not self.thousands:
            return plain
        grouped = literal(rf"^\s*[+-]?{self._grouped}\s*$")
        bare = f"regexp_replace({text}, '{literal(MARKS[self.thousands])}', '', 'g')"
        return f"CASE WHEN {text} ~ '{grouped}' THEN translate({bare}, ',', '.') ELSE {plain} END"

    @property
    def said(self) -> str:
        """How a person says so."""
        declared, given = f"decimal={self.decimal!r}", f"--decimal {self.decimal}"
        if self.thousands:
            mark = self.thousands if self.thousands in {".", ","} else f'"{self.thousands}"'
            declared, given = (
                f"{declared}, thousands={self.thousands!r}",
                f"{given} --thousands {mark}",
            )
        return f"{declared} ({given})"

    @property
    def _grouped(self) -> str:
        groups = f"({MARKS[self.thousands]}[0-9]{{3}})+"
        return f"[1-9][0-9]{{0,2}}{groups}({MARKS[self.decimal]}[0-9]+)?"


POINTED, COMMAED = Reading("."), Reading(",")
READINGS = tuple(
    Reading(decimal, thousands)
    for thousands in ("", *MARKS)
    for decimal in (".", ",")
    if decimal != thousands
)


def ways(text: str) -> list[Reading]:
    """Return the readings that make a number of a text; with thousands only if it has some."""
    found = [each for each in READINGS if each.reads(text)]
    return [r for r in found if not r.thousands or Reading(r.decimal) not in found]


def literal(text: str) -> str:
    """Write a text as it stands between the quotes of SQL."""
    return text.replace("'", "''")
