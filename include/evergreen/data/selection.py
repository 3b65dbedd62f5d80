"""Which rows of the source belong to a snapshot, in SQL.

Four cuts on the event time `t` decide; each is computed from `as_of` and `asked_at` alone:

    start <= t <= mature    taken, if the label has come; else left out, and counted
    mature < t <= as_of     left out: the label is not known yet
    as_of < t <= asked_at   left out: a backfill looks back
    t > asked_at, or NULL   taken, for validation to refuse
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from evergreen.data.calendar import reach
from evergreen.data.chunks import UNDATED
from evergreen.data.warehouse import NUMERIC, Column, identifier, quoted
from evergreen.spec import Excluded, UseCase
from evergreen.spec.scoring import END, NAMED, START

TIMESTAMPTZ = 1184
ENDS = ("left", "right")
STRANGE_TIMES = (
    "have an infinite date, or one before year 1 or after 9999; let it be NULL, or leave the column"
    " out by a query"
)
"""What is wrong with times that no reader holds."""
ALIAS = "source"
"""What a query source is called inside `target_sql`; a table keeps its name."""


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """The moments that cut the event times."""

    start: datetime | None
    mature: datetime
    as_of: datetime
    asked_at: datetime

    @classmethod
    def of(cls, use_case: UseCase, as_of: datetime, asked_at: datetime) -> "Cuts":
        """Return the cuts of a use case."""
        mature = as_of - use_case.source.label_delay
        length = reach(use_case)
        start = None if length is None else mature - length
        return cls(start=start, mature=mature, as_of=as_of, asked_at=asked_at)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The SQL of one extraction."""

    relation: str
    """A quoted table name or a parenthesised query."""
    alias: str
    columns: tuple[Column, ...]
    time: Column | None
    """The event time; None: there is none, or the source's is not of a time type."""
    key: tuple[Column, ...]
    cuts: Cuts
    target: str | None = None
    """SQL expression of the target, when no column holds it."""
    target_column: Column | None = None
    """The name and type of that expression."""
    label: Column | None = None
    """The target's column or expression; None: no row of the source tells its label."""
    whole: bool = False
    """Rows without a label are taken as well, for validation to refuse: keys are duplicated, and
    what a computed label sees of other rows is anybody's guess."""
    excluded: tuple[Excluded, ...] = ()
    """Days that are left out."""
    newest: timedelta | float
    """The newest stretch of the mature rows: a time, or without one a share of the rows."""

    @property
    def parts(self) -> str:
        """SQL of number, rows and checksum of each part (see `data.chunks`) of the rows.

        The checksum is the sum of the rows' MD5 digests, of the bytes in which PostgreSQL sends
        them: it is exact, needs no sorting, and hangs on no setting of the session.
        """
        halves = ", ':', ".join(f"sum(('x' || {half}(md5, 16))::bit(64)::bigint)" for half in ENDS)
        columns = ", ".join(column.identifier for column in self.columns_taken)
        return (
            f"SELECT part, count(*), concat({halves}) FROM"
            f" (SELECT {self._part} AS part, md5(record_send(ROW({columns}))) AS md5"
            f" FROM {self._taken}) AS summed GROUP BY part"
        )

    def rows(self, parts: Sequence[int], within: int = 0) -> str:
        """SQL of the rows of some parts, in an order that depends on nothing but their content.

        Without a time, rows are ordered by their hash first, but for its last `within` bits.
        """
        if not parts:
            return f"SELECT * FROM {self._taken} LIMIT 0"
        chosen = f"{self._part} = ANY ('{{{','.join(map(str, parts))}}}'::int[])"
        hashed = "" if self.time else f"{self._part} >> {within}, "
        return f"SELECT * FROM {self._taken} WHERE {chosen} ORDER BY {hashed}{self.order}"

    @property
    def columns_taken(self) -> tuple[Column, ...]:
        """The columns of the rows: those of the source, and the target."""
        return (*self._raw, *([self.target_column] if self.target_column else []))

    @property
    def _part(self) -> str:
        """SQL of a row's part: the day of its event time, or the first byte of its key's hash."""
        if self.time is None:
            key = ", ".join(column.identifier for column in self.key or self._raw)
            return f"get_byte(decode(md5(record_send(ROW({key}))), 'hex'), 0)"
        utc = f"({self._t} AT TIME ZONE 'UTC')" if self.time.oid == TIMESTAMPTZ else self._t
        return f"coalesce({utc}::date - DATE '1970-01-01', {UNDATED})"

    @property
    def labels(self) -> str:
        """SQL of: mature rows without a label; how many of the newest rows there are, and of them
        without a label; newest event time with a label. It computes every target."""
        missing, newest = f"NOT {self._has_label}", f"({self._is_newest})"
        conditions = (missing, f"{self._due} AND {newest}", f"{missing} AND {newest}")
        counted = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
        known = f"{self._due} AND isfinite({self._t}) AND {self._has_label}"
        return (
            f"SELECT {counted}, (max({self._t}) FILTER (WHERE {known}))::timestamptz"
            f" FROM ({self._labelled}) AS labelled WHERE {self._within}"
        )

    @property
    def counts(self) -> str:
        """SQL of: immature, later, future, not finite, newest event time at `as_of`, and how many
        values of each doubtful column would be others."""
        t, cuts = self._t, self.cuts
        conditions = (
            f"{t} > {at(cuts.mature)} AND {t} <= {at(cuts.as_of)} AND {t} <= {at(cuts.asked_at)}",
            f"{t} > {at(cuts.as_of)} AND {t} <= {at(cuts.asked_at)}",
            f"{t} > {at(cuts.asked_at)}",
            f"NOT isfinite({t})",
        )
        counted = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
        newest = f"max({t}) FILTER (WHERE {t} <= {at(cuts.as_of)} AND isfinite({t}))"
        lost = (
            f", count(*) FILTER (WHERE {self._within} AND {is_lost(column)})"
            for column in self.doubtful
        )
        return (
            f"SELECT {counted}, ({newest})::timestamptz{''.join(lost)}"
            f" FROM {self.relation} AS {self.alias}"
        )

    @property
    def doubtful(self) -> tuple[Column, ...]:
        """The columns that may hold more than can be read: times, and keys of many digits."""
        return tuple(
            column
            for column in self.columns
            if column.is_time or (column in self.key and column.oid == NUMERIC)
        )

    @property
    def duplicates(self) -> str:
        """SQL of how many rows have a key that another row has too."""
        key = ", ".join(column.identifier for column in self.key)
        selected = ", ".join(column.expression for column in self.key)
        within = f"SELECT {selected} FROM {self.relation} AS {self.alias} WHERE {self._within}"
        return (
            "SELECT coalesce(sum(times), 0)::bigint FROM"
            f" (SELECT count(*) AS times FROM ({within}) AS keys GROUP BY {key}"
            " HAVING count(*) > 1) AS repeated"
        )

    def until(self, newest: datetime) -> str:
        """SQL of how many rows are taken with an event time up to `newest`."""
        return f"SELECT count(*) FROM {self._taken} WHERE {self._t} <= {at(newest)}"

    @property
    def _taken(self) -> str:
        """The rows that the snapshot holds."""
        chosen = f"{self._within} AND {self._has_label}"
        return f"(SELECT * FROM ({self._labelled}) AS labelled WHERE {chosen}) AS taken"

    @property
    def _within(self) -> str:
        """SQL condition of the rows that time allows."""
        if self.time is None:
            return "true"
        t, cuts = self._t, self.cuts
        start = f"{t} >= {at(cuts.start)} AND " if cuts.start else ""
        within = f"({start}{t} <= {at(cuts.mature)} OR {t} > {at(cuts.asked_at)} OR {t} IS NULL)"
        return f"{within} AND ({self._excluded}) IS NOT TRUE" if self.excluded else within

    @property
    def left_out(self) -> str:
        """SQL of how many rows are of days that are left out."""
        start = f" AND {self._t} >= {at(self.cuts.start)}" if self.cuts.start else ""
        return (
            f"SELECT count(*) FROM {self.relation} AS {self.alias} WHERE ({self._excluded})"
            f" AND {self._t} <= {at(self.cuts.mature)}{start}"
        )

    @property
    def _excluded(self) -> str:
        return of_days(self._t, self.excluded)

    @property
    def _due(self) -> str:
        """SQL condition of the rows whose label should be known."""
        return f"{self._t} <= {at(self.cuts.mature)}" if self.time else "true"

    @property
    def _has_label(self) -> str:
        """SQL condition of the rows that do not wait for a label: it is there, or is not due."""
        if self.label is None or self.whole:
            return "true"
        return f"(({self._due} AND {self.label.identifier} IS NULL) IS NOT TRUE)"

    @property
    def _is_newest(self) -> str:
        """SQL condition of the newest of the mature rows."""
        if self.time is None:
            return "true"
        if isinstance(self.newest, timedelta):
            return f"{self._t} > {at(self.cuts.mature - self.newest)}"
        return (
            f"{self._t} >= (SELECT percentile_disc({1 - self.newest}) WITHIN GROUP"
            f" (ORDER BY {self._t}) FROM {self.relation} AS {self.alias} WHERE {self._due})"
        )

    @property
    def _t(self) -> str:
        return self.time.identifier if self.time else "NULL::date"

    @property
    def _labelled(self) -> str:
        """The known rows with their target, whose window functions see them all."""
        expressions = [column.expression for column in self._raw]
        if self.target_column is not None:
            expressions.append(_cast(self.target or "NULL", self.target_column))
        return f"SELECT {', '.join(expressions)} FROM {self.known} AS {self.alias}"

    @property
    def known(self) -> str:
        """SQL of every row that is known at `as_of`, as the source has it."""
        if self.time is None:
            return self.relation
        t, cuts = self._t, self.cuts
        known = f"{t} <= {at(cuts.as_of)} OR {t} > {at(cuts.asked_at)} OR {t} IS NULL"
        return f"(SELECT * FROM {self.relation} AS {self.alias} WHERE {known})"

    @property
    def _raw(self) -> tuple[Column, ...]:
        computed = self.target_column.name if self.target_column else None
        return tuple(column for column in self.columns if column.name != computed)

    @property
    def order(self) -> str:
        """SQL of the order of the rows of a part."""
        first = ((self.time,) if self.time else ()) + self.key
        columns = dict.fromkeys((*first, *self._raw))
        return ", ".join(ordered(column) for column in columns)


def at(moment: datetime) -> str:
    """Write a moment as an SQL literal, which dates, timestamps and timestamptz compare with."""
    return f"TIMESTAMPTZ '{moment.isoformat()}'"


def of_days(time: str, days: Sequence[Excluded]) -> str:
    """Write the SQL condition that an event time is of one of these days."""
    each = (f"({time} >= {at(one.start)} AND {time} < {at(one.end)})" for one in days)
    return " OR ".join(each) or "false"


def between(query: str, start: datetime, end: datetime) -> str:
    """Return a query with the moments `%(start)s` and `%(end)s` that it names, without its `;`."""
    moments = {START: at(start), END: at(end)}
    return NAMED.sub(lambda name: moments[name[1]], query.strip().rstrip(";"))


def _cast(expression: str, column: Column) -> str:
    return f"{enclosed(expression)}::{column.type} AS {column.identifier}"


def is_lost(column: Column) -> str:
    """Write SQL that tells whether a value of a doubtful column would be read as another."""
    name = column.identifier
    if column.is_time:
        return f"NOT ({name} >= '0001-01-01' AND {name} < '10000-01-01')"
    return f"{name}::float8::text::numeric <> {name}"


def ordered(column: Column) -> str:
    """Write a column as ORDER BY has it: texts by their bytes, whatever the database's language."""
    return f'{column.identifier}::text COLLATE "C"' if column.is_text else column.identifier


class Readable(Protocol):
    """What names the rows: a source, or what a champion's dossier says of it."""

    @property
    def table(self) -> str | None:
        """Name of a table."""

    @property
    def query(self) -> str | None:
        """One SELECT."""


def relation(source: Readable) -> tuple[str, str]:
    """Return the source as SQL, and the name by which `target_sql` may call it."""
    if source.table is not None:
        return identifier(source.table), quoted(source.table.split(".")[-1])
    return enclosed(source.query or ""), ALIAS


def enclosed(sql: str) -> str:
    """Write a declared query or expression in brackets; a comment at its end does not hide them."""
    return f"({sql.strip().rstrip(';')}\n)"
