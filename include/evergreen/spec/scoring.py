"""How rows are scored in batch, and where labels are read that nobody brings over HTTP."""

import re
from dataclasses import dataclass

from evergreen.errors import DeclarationError, did_you_mean
from evergreen.spec.data import TABLE
from evergreen.spec.numbers import check_numbers
from evergreen.spec.pace import check_schedule

OURS = (
    "prediction", "probability", "probabilities", "lower", "upper", "use_case", "version",
    "model_sha256", "snapshot_sha256", "interval_start", "interval_end", "scored_at",
)  # fmt: skip
"""Columns that scoring writes beside those of the key."""
NOT_OURS = "evergreen"
"""The schema of the records, where nobody else writes."""
START, END = "start", "end"
NAMED = re.compile(r"%\((\w*)\)s")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """Raw rows in, predictions out: each interval of the schedule once.

    `Scoring(query="SELECT * FROM customers WHERE day >= %(start)s AND day < %(end)s",
    into="predictions.churn")`
    """

    query: str
    """One SELECT of the key and the raw columns. `%(start)s` and `%(end)s` are the moments of the
    interval (the end is not in it); where features look back, `%(start)s` lies as much earlier."""
    into: str
    """`table` or `schema.table` in the warehouse; it is made when it is absent."""
    schedule: str | None = "@daily"
    """Cron expression or preset of the scoring DAG, and what cuts time into intervals; None: by
    hand only, and days."""
    max_refused: float = 0.01
    """The share of the rows that may be refused, each for what the service would refuse it for;
    above it the whole run is, and writes nothing."""
    min_rows: int = 1
    """Fewer rows are refused; 0: an interval may be empty."""
    logged: int = 10_000
    """At most so many rows of a run go into the log that is watched; the counts are of all."""

    def __post_init__(self) -> None:
        check_numbers("scoring.", self)
        check_query("scoring.query", self.query)
        check_into("scoring.into", self.into)
        check_schedule("scoring.schedule", self.schedule)
        if not 0 <= self.max_refused <= 1:
            raise DeclarationError("scoring.max_refused", self.max_refused, "0 to 1")
        for name in ("min_rows", "logged"):
            if getattr(self, name) < 0:
                raise DeclarationError(f"scoring.{name}", getattr(self, name), "0 or more")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What turned out to be true, asked for before each look at the live quality.

    `Labels(query="SELECT customer, churned FROM customers WHERE day >= %(start)s")`
    """

    query: str
    """One SELECT of the key (or `prediction_id`) and the target. `%(start)s` and `%(end)s` are the
    moments between which answers are watched. A row whose target is NULL has no label yet."""

    def __post_init__(self) -> None:
        check_query("labels.query", self.query)


def check_query(field: str, query: str) -> None:
    """Refuse a query that names other moments than those of an interval.

    Raises:
        DeclarationError: it does, or it is empty.
    """
    if not query.strip():
        raise DeclarationError(field, query, "one SELECT")
    for name in NAMED.findall(query):
        if name not in (START, END):
            hint = did_you_mean(name, (START, END))
            raise DeclarationError(field, f"%({name})s", f"%({START})s and %({END})s{hint}")


def check_into(field: str, into: str) -> None:
    """Refuse the name of a table that is none, or is ours.

    Raises:
        DeclarationError: it is.
    """
    if not TABLE.fullmatch(into):
        raise DeclarationError(field, into, "name or schema.name in [a-z0-9_]")
    if into.startswith(f"{NOT_OURS}."):
        raise DeclarationError(field, into, f"a table outside of the schema {NOT_OURS}")


def same_table(one: str, other: str | None) -> bool:
    """Tell whether two names are of one table; without a schema it is `public`."""
    return other is not None and one.removeprefix("public.") == other.removeprefix("public.")
