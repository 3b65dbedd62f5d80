"""Challengers on trial beside the champion, and what the labels say of both."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2

from evergreen.errors import EvergreenError
from evergreen.records.prunings import APART
from evergreen.records.session import Session, document, known
from evergreen.refs import Json

ERRORS = {
    True: "abs((p.output)::float8 - (l.label)::float8)",
    False: "(p.output = l.label)::int::float8",
}
"""What is averaged, for figures and for classes."""


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """A trial as it is on record, in the table `evergreen.releases`."""

    id: int
    use_case: str
    strategy: str
    share: float
    challenger: Json
    """Of a `serving.model_ref.ModelRef`."""
    reason: str
    actor: str
    started_at: datetime
    stopped_at: datetime | None = None
    outcome: str | None = None


@dataclass(frozen=True, kw_only=True)
class Side:
    """What the labels say of one side of a trial."""

    labelled: int
    mean: float | None
    """Share of right answers (classification), mean absolute error (regression)."""
    variance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """How a shadow and the champion differ on the labels of the very same requests."""

    labelled: int
    mean: float | None
    """Of what the champion's figure (as a side has it) is more than the shadow's."""
    variance: float | None
    more: int
    """Pairs of which the champion's figure is the greater one."""
    less: int


_LABELLED = """
WITH p AS MATERIALIZED (
    SELECT variant, request_id, output, time FROM evergreen.predictions WHERE release_id = %(id)s
),
labelled AS (
    SELECT p.variant, p.request_id, {error} AS error
    FROM p JOIN evergreen.labels l ON l.prediction_id = p.request_id
    WHERE answered_at >= (SELECT min(time) FROM p) - %(apart)s
        AND answered_at <= (SELECT max(time) FROM p)
)
"""
_SIDES = """
SELECT variant, count(*) AS labelled, avg(error) AS mean, var_samp(error) AS variance
FROM labelled GROUP BY variant
"""
_PAIRS = """
SELECT count(*) AS labelled, avg(more) AS mean, var_samp(more) AS variance,
    count(*) FILTER (WHERE more > 0) AS more, count(*) FILTER (WHERE more < 0) AS less
FROM (
    SELECT champion.error - shadow.error AS more
    FROM labelled AS champion JOIN labelled AS shadow USING (request_id)
    WHERE champion.variant = 'champion' AND shadow.variant = 'shadow'
) AS pairs
"""


class Trials:
    """The table `evergreen.releases`, and the predictions that belong to it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def start(
        self, use_case: str, strategy: str, share: float, challenger: Json, *,
        reason: str, actor: str,
    ) -> TrialRow:  # fmt: skip
        """Put a challenger on trial.

        Raises:
            EvergreenError: another trial of the use case runs.
        """
        values = (use_case, strategy, share, document(challenger), reason, actor)
        try:
            rows = self._session.write(
                "INSERT INTO evergreen.releases"
                " (use_case, strategy, share, challenger, reason, actor)"
                " VALUES (%s, %s, %s, %s, %s, %s) RETURNING *",
                values,
            )
        except psycopg2.errors.UniqueViolation:
            raise EvergreenError(f"{use_case} has a trial already; stop it first") from None
        return known(TrialRow, rows[0])

    def stop(self, id: int, outcome: str) -> TrialRow:
        """End a trial; the first outcome stays.

        Raises:
            EvergreenError: there is no such trial.
        """
        rows = self._session.write(
            "UPDATE evergreen.releases SET stopped_at = coalesce(stopped_at, clock_timestamp()),"
            " outcome = coalesce(outcome, %s) WHERE id = %s RETURNING *",
            (outcome, id),
        )
        if not rows:
            raise EvergreenError(f"there is no release {id}")
        return known(TrialRow, rows[0])

    def running(self, use_case: str | None = None) -> tuple[TrialRow, ...]:
        """Return the trials that run, of one use case or all."""
        rows = self._session.read(
            "SELECT * FROM evergreen.releases WHERE stopped_at IS NULL"
            " AND use_case = coalesce(%s, use_case) ORDER BY id",
            (use_case,),
        )
        return tuple(known(TrialRow, row) for row in rows)

    def newest(self, use_case: str | None = None, limit: int | None = 20) -> tuple[TrialRow, ...]:
        """Return the trials of a use case (or all), newest first."""
        rows = self._session.read(
            "SELECT * FROM evergreen.releases WHERE use_case = coalesce(%s, use_case)"
            " ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(known(TrialRow, row) for row in rows)

    def answers(self, id: int) -> dict[str, int]:
        """Return how many predictions of a trial each variant made."""
        rows = self._session.read(
            "SELECT variant, sum(count)::bigint AS count FROM evergreen.prediction_counts"
            " WHERE release_id = %s GROUP BY 1",
            (id,),
        )
        return {row["variant"]: row["count"] for row in rows}

    def sides(self, id: int, *, figures: bool) -> dict[str, Side]:
        """Return what the labels say of each variant; `figures`: the answers are no classes."""
        rows = self._told(_SIDES, id, figures)
        return {row.pop("variant"): Side(**row) for row in rows}

    def pairs(self, id: int, *, figures: bool) -> Pairs:
        """Return what the labels say of a shadow and the champion, request by request."""
        return Pairs(**self._told(_PAIRS, id, figures)[0])

    def _told(self, sql: str, id: int, figures: bool) -> list[dict[str, Any]]:
        labelled = _LABELLED.replace("{error}", ERRORS[figures])
        return self._session.read(labelled + sql, {"id": id, "apart": APART})
