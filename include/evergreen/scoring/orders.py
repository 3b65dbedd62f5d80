"""What is asked to be scored, and whether that is all that must be said.

Usage::

    asked(churn, interval)                                           # as it is declared
    asked(churn, interval, file="/tmp/new.parquet", to=Path("/tmp/scored.parquet"))
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from evergreen.errors import DeclarationError
from evergreen.scoring.raw import ScoringInterval
from evergreen.spec import Scoring, UseCase
from evergreen.spec.pace import ended
from evergreen.spec.scoring import check_into, check_query, same_table


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Rows from a query or a file, into a table or a file."""

    interval: ScoringInterval
    query: str = ""
    file: str = ""
    into: str = ""
    to: Path | None = None
    limits: Scoring
    """What is declared, or the defaults."""
    watched: bool
    """It is what the use case declares: its rows are watched as those of the service are."""

    @property
    def source(self) -> str:
        """Where the rows come from, in a word."""
        return self.file or "query"

    @property
    def destination(self) -> str:
        """Where the predictions go."""
        return str(self.to) if self.to else self.into

    @property
    def within(self) -> ScoringInterval | None:
        """Which rows are predicted where features look back; None: all rows of a file."""
        return None if self.file else self.interval


def asked(
    use_case: UseCase,
    interval: ScoringInterval,
    *,
    query: str = "",
    file: str = "",
    into: str = "",
    to: Path | None = None,
) -> Asked:
    """Return what is asked for; what is left out is as the use case declares it.

    Raises:
        DeclarationError: both a query and a file, or a table and a file, are given; one is missing
            and not declared; or the table is ours, or the source.
    """
    declared = use_case.scoring
    if query and file:
        raise DeclarationError("--query", query, "either --query or --file")
    if into and to:
        raise DeclarationError("--into", into, "either --into or --to")
    if (declared is None and not (query or file)) or (declared is None and not (into or to)):
        allowed = "--query or --file with --into or --to, or scoring= in the use case"
        raise DeclarationError(f"{use_case.name}: scoring", None, allowed)
    if query:
        check_query("--query", query)
    if into:
        check_into("--into", into)
        if same_table(into, use_case.source.table):
            raise DeclarationError("--into", into, "a table other than the source")
    watched = declared is not None and not (query or file or to) and into in ("", declared.into)
    limits = declared or Scoring(query=query or "file", into=into or "file")
    return Asked(
        interval=interval, file=file, to=to, limits=limits, watched=watched,
        query="" if file else query or limits.query, into="" if to else into or limits.into,
    )  # fmt: skip


def interval_of(
    use_case: UseCase, as_of: datetime, start: datetime | None, end: datetime | None
) -> ScoringInterval:
    """Return the interval that is asked for: the last one of the schedule that has ended by then.

    Raises:
        DeclarationError: only one end is given, or the start is not before the end.
    """
    if (start is None) != (end is None):
        raise DeclarationError("start and end", [start, end], "both of them, or neither")
    if start is None or end is None:
        schedule = use_case.scoring.schedule if use_case.scoring else None
        start, end = ended(schedule, as_of)
    if start >= end:
        raise DeclarationError("start", start.isoformat(), f"before the end, {end.isoformat()}")
    return ScoringInterval(start=start, end=end)
