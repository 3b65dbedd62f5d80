"""How rows come into the table of a use case: from files that arrive, or from an HTTP API."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from evergreen.errors import DeclarationError
from evergreen.spec.pace import check_schedule


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a file is written. What is None is found out where it is sure, and asked for where not.

    `Dialect(separator=";", decimal=",", day_first=True, null=("", "?"))`
    """

    separator: str | None = None
    """What stands between the columns of a CSV file: one character."""
    decimal: str | None = None
    """`.` or `,`, before the decimals of a number."""
    thousands: str | None = None
    """What stands between the thousands of a number: `.`, `,`, `'` or a space of any kind; empty:
    nothing does."""
    encoding: str | None = None
    """As Python names it, `latin-1`; None: UTF-8, or what the first bytes of the file (BOM) say."""
    header: bool | None = None
    """Whether the first line names the columns; without one they are `column_1`, `column_2` ...
    None: it does, and one that looks like values is refused."""
    day_first: bool | None = None
    """Whether 01/02/2026 is in February; a date as 2026-02-01 needs no saying."""
    null: tuple[str, ...] = ()
    """Texts that mean NULL in any column; `""` is a blank. An empty cell is NULL by itself, save in
    a column of text."""

    def __post_init__(self) -> None:
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '"\r\n'):
            raise DeclarationError("separator", self.separator, "one character, as ; or a tab")
        if self.decimal not in {None, ".", ","}:
            raise DeclarationError("decimal", self.decimal, ". or ,")
        if self.thousands not in {None, "", ".", ",", " ", "'"} or (
            self.thousands and self.thousands == self.decimal
        ):
            allowed = """'.', ',', ' ', "'" or '' for none (and not what decimal is)"""
            raise DeclarationError("thousands", self.thousands, allowed)
        if not isinstance(self.null, tuple):
            raise DeclarationError("null", self.null, "a tuple of texts, as ('', '?')")
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise DeclarationError("encoding", self.encoding, "one of Python's, as latin-1, utf-16")


@dataclass(frozen=True, kw_only=True)
class Files(Dialect):
    """Files that arrive in a folder; a new or changed one is landed, once.

    `Files(url="s3://shop/orders/*.csv", separator=";", decimal=",")`
    """

    url: str
    """Pattern of paths or of any fsspec URL: `/data/orders/*.csv`, `s3://bucket/orders/*.parquet`.
    What it ends with (`.csv`, `.csv.gz` or `.parquet`) says how it is read."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.endswith((".csv", ".csv.gz", ".parquet")):
            raise DeclarationError("ingest.url", self.url, "a pattern of .csv, .csv.gz or .parquet")


@dataclass(frozen=True, kw_only=True)
class Api:
    """An HTTP API that answers with JSON, asked for each day, or each hour, that has ended."""

    url: str
    """With `{day}` (2026-02-01) or `{hour}` (2026-02-01T23, UTC) where it belongs:
    `https://example.org/readings?day={day}`."""
    records: str = ""
    """Where the list of rows is in the answer, as `data.items`; empty: the answer is the list."""
    next: str = ""
    """Where the address of the next page is, as `links.next`; empty: there is one page, or
    `page` counts them."""
    page: str = ""
    """Name of the query parameter that counts pages from 1; an empty page ends them."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers, each with the name of the environment variable that holds its value."""

    def __post_init__(self) -> None:
        by = [name for name in ("{day}", "{hour}") if name in self.url]
        if not self.url.startswith(("http://", "https://")) or len(by) != 1:
            raise DeclarationError("ingest.url", self.url, "http(s)://… with {day} or {hour} in it")
        if self.next and self.page:
            raise DeclarationError("ingest.page", self.page, "either next= or page=")

    @property
    def hourly(self) -> bool:
        """Tell whether it is asked for hours, not days."""
        return "{hour}" in self.url


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """How rows come into the table of the source; from there, one path follows."""

    source: Files | Api
    """Files that arrive in a folder, or an API."""
    schedule: str | None = "@daily"
    """Cron expression or preset of the ingest DAG."""
    silent_after: timedelta | None = None
    """Alert when no row has been landed for so long; None: for twice as long as it usually pauses,
    once four landings tell what is usual."""

    def __post_init__(self) -> None:
        check_schedule("ingest.schedule", self.schedule, "@continuous")
        if self.silent_after is not None and self.silent_after <= timedelta(0):
            raise DeclarationError("ingest.silent_after", self.silent_after, "more than zero")

    @property
    def within_days(self) -> bool:
        """Tell whether it runs more than once a day: then the day so far is asked for, too."""
        hours = (self.schedule or "").split()[1:2]
        return self.schedule in {"@hourly", "@continuous"} or not all(map(str.isdigit, hours))


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True
