"""How many requests for predictions were answered, and how many refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evergreen.records.predictions import insert_lines
from evergreen.records.session import Session

KEPT = "40 days"
"""Counts that are older go when new ones come."""


@dataclass(frozen=True, kw_only=True)
class RequestCounts:
    """The requests of a while."""

    answered: int = 0
    refused: int = 0
    reason: str = ""
    """Why most of the refused ones were; empty: none was."""

    @property
    def share(self) -> float:
        """Refused of all, 0 to 1; 0 without requests."""
        return self.refused / max(self.answered + self.refused, 1)


class Requests:
    """The table `evergreen.requests`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def insert(self, lines: Sequence[bytes]) -> None:
        """Store counts, as lines of JSON; again: changes nothing."""
        with self._session.writing() as cursor:
            insert_lines(cursor, "requests", lines)
            cursor.execute(
                "DELETE FROM evergreen.requests WHERE time < clock_timestamp() - %s::interval",
                (KEPT,),
            )

    def since(self, use_case: str, since: datetime, until: datetime) -> RequestCounts:
        """Return what was counted after one moment and up to another."""
        [row] = self._session.read(
            "SELECT coalesce(sum(answered), 0)::bigint AS answered,"
            " coalesce(sum(refused), 0)::bigint AS refused, coalesce((SELECT reason"
            " FROM evergreen.requests WHERE use_case = %(name)s AND time > %(since)s"
            " AND time <= %(until)s AND refused > 0 GROUP BY reason"
            " ORDER BY sum(refused) DESC, reason LIMIT 1), '') AS reason"
            " FROM evergreen.requests WHERE use_case = %(name)s AND time > %(since)s"
            " AND time <= %(until)s",
            {"name": use_case, "since": since, "until": until},
        )
        return RequestCounts(**row)

    def days(self, use_case: str, until: datetime) -> tuple[int, ...]:
        """Return how many requests came in each of the 24 hours before a moment, newest first.

        Only whole days since the first count that is kept: before it, nobody counted.
        """
        rows = self._session.read(
            "SELECT floor(extract(epoch FROM %(until)s - time) / 86400)::int AS ago,"
            " sum(answered + refused)::bigint AS requests FROM evergreen.requests"
            " WHERE use_case = %(name)s AND time <= %(until)s GROUP BY 1",
            {"name": use_case, "until": until},
        )
        found = {row["ago"]: int(row["requests"]) for row in rows}
        return tuple(found.get(ago, 0) for ago in range(max(found, default=0)))
