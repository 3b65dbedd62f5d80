"""What the steps of trainings cost, and what had been foretold of them."""

from dataclasses import dataclass, replace
from datetime import datetime

from evergreen.records.session import Session, document, insert
from evergreen.refs import Json

KEPT = 500
"""So many of the newest costs, and of the newest forecasts, stay of each use case."""
_TRIM = """
DELETE FROM evergreen.{table} WHERE use_case = %(use_case)s AND id <= (
    SELECT id FROM evergreen.{table} WHERE use_case = %(use_case)s ORDER BY id DESC
    OFFSET %(kept)s LIMIT 1
)
"""
_GIVEN = ("id", "measured_at")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a step cost that succeeded."""

    use_case: str
    run_key: str
    step: str
    name: str = ""
    """Of the recipe that was trained."""
    asked: str = ""
    """Digest of the recipe as it was declared."""
    as_of: datetime
    rows: int | None = None
    """Of the snapshot; None: unknown."""
    fits: int | None = None
    """That were made; None: the step makes none, or it is unknown."""
    kept: int | None = None
    """That were known from before."""
    fit_rows: int | None = None
    """That the fits which were made learned from, in sum."""
    fit_seconds: float | None = None
    """That they took, in sum, wherever they were made."""
    seconds: float
    cpu_seconds: float | None = None
    """On a core, of all its threads and of the processes that it started; None: unknown."""
    queued_seconds: float | None = None
    """That it could have run, and no core was free; None: the system does not tell."""
    peak_bytes: int
    """Resident memory of the process, at most."""
    id: int = 0
    measured_at: datetime | None = None

    @property
    def alone(self) -> float:
        """Seconds that it would have taken, had a core been free whenever it could run."""
        least = min(self.seconds, self.cpu_seconds or 0.0)
        return max(least, self.seconds - (self.queued_seconds or 0.0))

    def scaled(self, seconds: float) -> "Cost":
        """Return it as if it had taken other seconds, and its fits their share of them."""
        share = seconds / self.seconds if self.seconds else 1.0
        fits = None if self.fit_seconds is None else self.fit_seconds * share
        return replace(self, seconds=seconds, fit_seconds=fits)


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """What was foretold of a run as it began."""

    use_case: str
    run_key: str
    as_of: datetime
    document: Json
    """The plan."""
    id: int = 0
    made_at: datetime | None = None


class Costs:
    """The tables `evergreen.costs` and `evergreen.forecasts`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, cost: Cost) -> None:
        """Put on record what a step cost; the oldest of the use case goes."""
        row = {name: value for name, value in vars(cost).items() if name not in _GIVEN}
        self._add("costs", row)

    def newest(self, use_case: str, limit: int = KEPT) -> tuple[Cost, ...]:
        """Return what steps cost, newest first."""
        rows = self._session.read(
            "SELECT * FROM evergreen.costs WHERE use_case = %s ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(Cost(**row) for row in rows)

    def of(self, foretold: Foretold) -> tuple[Cost, ...]:
        """Return what the steps cost of the run that was foretold, since then, oldest first."""
        rows = self._session.read(
            "SELECT * FROM evergreen.costs WHERE use_case = %s AND run_key = %s"
            " AND measured_at >= %s ORDER BY id LIMIT %s",
            (foretold.use_case, foretold.run_key, foretold.made_at, KEPT),
        )
        return tuple(Cost(**row) for row in rows)

    def foretell(self, foretold: Foretold) -> None:
        """Put on record what is foretold of a run; the oldest of the use case goes."""
        row = {name: getattr(foretold, name) for name in ("use_case", "run_key", "as_of")}
        self._add("forecasts", row | {"document": document(foretold.document)})

    def foretold(self, use_case: str) -> Foretold | None:
        """Return the newest that was foretold."""
        rows = self._session.read(
            "SELECT * FROM evergreen.forecasts WHERE use_case = %s ORDER BY id DESC LIMIT 1",
            (use_case,),
        )
        return Foretold(**rows[0]) if rows else None

    def _add(self, table: str, row: Json) -> None:
        with self._session.writing() as cursor:
            cursor.execute(insert(table, row), row)
            cursor.execute(_TRIM.format(table=table), {"use_case": row["use_case"], "kept": KEPT})
