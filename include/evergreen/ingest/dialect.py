"""How a CSV file is cut into cells, found out from its beginning where that is sure.

What its numbers and dates are written with, all of its rows tell: `marks`, `inference`.

Usage::

    dialect, names = detect("a.csv", "id;x\\n1;1,5\\n", Dialect())
    dialect.separator, dialect.header, names           # ";", True, ["id", "x"]
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from evergreen.errors import DataRefused
from evergreen.spec import Dialect

SEPARATORS = ",;\t|"
LINES = 200
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
VALUE = re.compile(r"\s*([+-]?[0-9]+([.,][0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|\?)\s*")
"""What names no column."""
FORMATS = {
    b"PK": "a ZIP archive or a workbook of Excel: unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel: save it as CSV",
    b"\x1f\x8b": "packed with gzip: call it .csv.gz",
    b"PAR1": "Parquet: call it .parquet",
    b"%PDF": "a PDF",
}
"""What the first bytes tell of files that are no text, and what to do."""
PAGE = re.compile(r"\s*<(!doctype|html|\?xml|head|body)", re.IGNORECASE)


def encoding(item: str, start: bytes, declared: Dialect) -> str:
    """Return the encoding that is declared, or that the first bytes tell; else UTF-8.

    Raises:
        DataRefused: they tell that it is no text.
    """
    if found := [what for mark, what in FORMATS.items() if start.startswith(mark)]:
        raise DataRefused([f"{item} is no CSV file, but {found[0]}"])
    marked = next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")
    said = declared.encoding and codecs.lookup(declared.encoding).name
    return said if said and not marked.startswith(said) else marked


def detect(item: str, sample: str, declared: Dialect) -> tuple[Dialect, list[str]]:
    """Complete a dialect from the first lines; return it, and the names of the columns.

    Raises:
        DataRefused: it is no table, or it could be written in more than one way: which, and how
            to say it.
    """
    _refuse_page(item, sample)
    separator = declared.separator or _separator(item, sample)
    rows = list(_rows(sample, separator))
    if not rows:
        raise DataRefused([f"{item} is empty: not even a header"])
    header = declared.header if declared.header is not None else _has_header(item, rows[0])
    names = rows[0] if header else [f"column_{n}" for n in range(1, len(rows[0]) + 1)]
    return replace(declared, separator=separator, header=header), names


def told(dialect: Dialect, encoding: str) -> tuple[str, ...]:
    """Say how a file was read."""
    names = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with BOM", "utf-16": "UTF-16"}
    separator = "tab" if dialect.separator == "\t" else f"`{dialect.separator}`"
    bare = () if dialect.header else ("no header",)
    return (f"{separator} separated", names.get(encoding, dialect.encoding or encoding), *bare)


def _refuse_page(item: str, sample: str) -> None:
    if PAGE.match(sample):
        raise DataRefused([
            f"{item} is a page of HTML or XML, not CSV: what answered there, a login or an error?"
        ])  # fmt: skip


def _separator(item: str, sample: str) -> str:
    """Return the separator that gives all lines the same number of fields; a comma if none does."""
    even = [s for s in SEPARATORS if _width(sample, s) > 1]
    if len(even) > 1:
        seen = " or ".join(f"`{s}`" for s in even)
        raise DataRefused([f"{item} may be separated by {seen}; say separator= or --separator"])
    return even[0] if even else ","


def _width(sample: str, separator: str) -> int:
    """Return how many fields every line has; 0: not all have as many.

    The last one may be cut off.
    """
    rows = list(_rows(sample, separator))
    widths = {len(row) for row in (rows[:-1] if len(rows) > 2 else rows)}
    return widths.pop() if len(widths) == 1 else 0


def _rows(sample: str, separator: str) -> Iterator[list[str]]:
    lines = islice(io.StringIO(sample, newline=""), LINES)
    reader = csv.reader(lines, delimiter=separator)
    try:
        yield from (row for row in reader if row)
    except csv.Error:
        return


def _has_header(item: str, first: list[str]) -> bool:
    if values := [name for name in first if VALUE.fullmatch(name)]:
        raise DataRefused([
            f"{item}: its first line looks like values, not like a header: {', '.join(values[:5])};"
            " say header=False or --no-header if it has none, header=True or --header if it is one"
        ])  # fmt: skip
    return True
