"""Where the rows come from, and which of them train and which are held out."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from evergreen.errors import DeclarationError
from evergreen.spec.numbers import check_numbers

TABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?")
LONGEST = 63
"""Bytes of the longest name that PostgreSQL does not cut."""


@dataclass(frozen=True)
class Excluded:
    """Days that are known to be bad, `first` to `last` (both in it, UTC).

    `Excluded("2026-03-01", "2026-03-03", "sensor fault")`
    """

    first: str
    """As 2026-03-01."""
    last: str
    """As 2026-03-03; the same as `first`: one day."""
    reason: str
    """Why, in a few words: reports and decisions tell it."""

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            try:
                date.fromisoformat(getattr(self, name))
            except (TypeError, ValueError):
                told = getattr(self, name)
                raise DeclarationError(f"excluded.{name}", told, "a day, as 2026-03-01") from None
        if self.end <= self.start:
            raise DeclarationError("excluded.last", self.last, f"{self.first} or later")
        if not self.reason.strip():
            raise DeclarationError("excluded.reason", self.reason, "why these days are left out")

    @property
    def start(self) -> datetime:
        """The moment at which they begin."""
        return datetime.combine(date.fromisoformat(self.first), time(), UTC)

    @property
    def end(self) -> datetime:
        """The moment at which they are over."""
        return datetime.combine(date.fromisoformat(self.last), time(), UTC) + timedelta(days=1)

    def __str__(self) -> str:
        days = self.first if self.first == self.last else f"{self.first} to {self.last}"
        return f"{days}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the rows come from, in PostgreSQL.

    Give a `table` (every column of it is read), or a `query` (one SELECT).
    """

    table: str | None = None
    """`name` or `schema.name`."""
    query: str | None = None
    """One SELECT, in the place of a table. Asked twice at one moment, it must give the same: no
    `now()`, no `random()`, no `LIMIT` without an order."""
    key: tuple[str, ...]
    """Columns that identify a row."""
    timestamp: str | None = None
    """Column with the event time (date, or timestamp in UTC); None: the rows have no time."""
    target: str
    """Column with the label."""
    target_sql: str | None = None
    """SQL expression over the table that computes the target, when no column holds it."""
    weight: str | None = None
    """Column that says how much a row counts in every fit, 0 or more; None: all the same. What
    judges counts every row once."""
    label_delay: timedelta = timedelta(0)
    """From the event time of a row until its label is due. Younger rows are left out."""
    max_unlabelled: float = 0.3
    """Rows whose label is due and has not come are left out, too, until it comes. Above this share
    of the newest rows (as many as are held out) the data is refused; 1: never."""
    max_age: timedelta | None = None
    """The newest row must not be older than this at `as_of`; None: freshness is not checked."""
    personal: tuple[str, ...] = ()
    """Columns whose values are told nowhere: not in logs, samples, Data Docs, drift pages, alerts
    or refusals. Snapshots, predictions and models hold them, as far as they are read."""
    quarantine: float = 0.0
    """The share of the rows that may break an expectation about rows (a range, a set, a missing
    value ...): they go into quarantine, on record, and the others are used. Above it the data are
    refused; 0: always."""
    excluded: tuple[Excluded, ...] = ()
    """Days that are known to be bad, and are left out."""

    def __post_init__(self) -> None:
        check_numbers("source.", self)
        if (self.table is None) == (self.query is None):
            raise DeclarationError("source", self, "exactly one of table= and query=")
        if self.table is not None and not TABLE.fullmatch(self.table):
            raise DeclarationError("source.table", self.table, "name or schema.name in [a-z0-9_]")
        if not isinstance(self.key, tuple) or not self.key:
            raise DeclarationError("source.key", self.key, 'a tuple of columns, as ("id",)')
        if len(self.target.encode()) > LONGEST:
            raise DeclarationError("source.target", self.target, f"at most {LONGEST} bytes")
        if self.label_delay < timedelta(0):
            raise DeclarationError("source.label_delay", self.label_delay, "zero or more")
        if not 0 <= self.max_unlabelled <= 1:
            raise DeclarationError("source.max_unlabelled", self.max_unlabelled, "0 to 1")
        if self.timestamp is None and (self.label_delay or self.max_age):
            raise DeclarationError(
                "source.timestamp", None, "a column, because label_delay or max_age is given"
            )
        if not 0 <= self.quarantine < 1:
            allowed = "a share of the rows, 0 (none) or more, below 1"
            raise DeclarationError("source.quarantine", self.quarantine, allowed)
        if not all(isinstance(one, Excluded) for one in self.excluded):
            raise DeclarationError("source.excluded", self.excluded, "a tuple of Excluded(…)")
        if self.excluded and self.timestamp is None:
            raise DeclarationError("source.timestamp", None, "a column, as excluded= names days")
        self._check_personal()

    def _check_personal(self) -> None:
        if not isinstance(self.personal, tuple) or not all(self.personal):
            raise DeclarationError("source.personal", self.personal, 'a tuple, as ("email",)')
        for name in (self.target, self.timestamp):
            if name in self.personal:
                allowed = "columns other than target and timestamp, which reports tell"
                raise DeclarationError("source.personal", name, allowed)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Which rows train and which are held out.

    A `holdout` of time (temporal split) takes the newest rows; a share (0 < share < 1) takes the
    rows whose hashed key falls into it, so that a row once held out is held out for ever.
    """

    holdout: timedelta | float
    """A time, or a share above 0 and below 1."""
    blocks: int = 4
    """A holdout of time is walked in so many blocks, cut at moments of the calendar; each is
    answered by the fit that could have served it."""
    training: timedelta | None = None
    """The longest training window; None: all history. Candidates may declare shorter ones."""
    embargo: timedelta | None = None
    """A fit sees no row this close before the rows that it is judged on, as their labels look into
    them; None, or less than the label's delay: the label's delay."""
    group: tuple[str, ...] = ()
    """Columns of the key whose rows stay together (a panel's farm), with a share held out: the
    share is of the groups, and cross-validation keeps them together too."""

    def __post_init__(self) -> None:
        check_numbers("windows.", self)
        if isinstance(self.holdout, timedelta):
            if self.holdout <= timedelta(0):
                raise DeclarationError("windows.holdout", self.holdout, "more than zero")
        elif not 0 < self.holdout < 1:
            raise DeclarationError("windows.holdout", self.holdout, "a share between 0 and 1")
        if self.training is not None and self.training <= timedelta(0):
            raise DeclarationError("windows.training", self.training, "None or more than zero")
        if self.embargo is not None and self.embargo < timedelta(0):
            raise DeclarationError("windows.embargo", self.embargo, "None, or zero or more")
        if self.blocks < 1:
            raise DeclarationError(
                "windows.blocks", self.blocks, "1 or more (4 and more are usual)"
            )
        if self.group and self.temporal:
            raise DeclarationError("windows.group", self.group, "none, as the holdout is a time")

    @property
    def temporal(self) -> bool:
        """Tell whether the newest rows are held out, rather than a share of the keys."""
        return isinstance(self.holdout, timedelta)
