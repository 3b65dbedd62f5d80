"""Which use cases are retired: by whom, when and why."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.errors import Retired
from evergreen.records.session import Session, insert, known, storable

GIVEN = ("use_case", "reason", "actor")


@dataclass(frozen=True, kw_only=True)
class Retirement:
    """A use case that nothing trains, watches or serves until a person brings it back."""

    use_case: str
    reason: str
    actor: str
    id: int = 0
    created_at: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    @property
    def sentence(self) -> str:
        """Who retired it, when and why."""
        on = f" on {self.created_at:%Y-%m-%d}" if self.created_at else ""
        return f"{self.use_case} was retired by {self.actor}{on}: {self.reason}"


class Retirements:
    """The table `evergreen.retirements`; a use case is retired once at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> dict[str, Retirement]:
        """Return what is retired now, by use case."""
        rows = self._session.read("SELECT * FROM evergreen.retirements WHERE lifted_at IS NULL")
        return {row["use_case"]: known(Retirement, row) for row in rows}

    def get(self, use_case: str) -> Retirement | None:
        """Return the retirement that holds; None: it is not retired."""
        return self.all().get(use_case)

    def check(self, use_case: str) -> None:
        """Refuse to go on with what is retired.

        Raises:
            Retired: it is; the message says by whom, when and why.
        """
        if found := self.get(use_case):
            raise Retired(found.sentence)

    def ended(self, use_case: str) -> tuple[datetime, ...]:
        """Return when it was brought back, each time, newest first."""
        rows = self._session.read(
            "SELECT lifted_at FROM evergreen.retirements WHERE use_case = %s"
            " AND lifted_at IS NOT NULL ORDER BY lifted_at DESC",
            (use_case,),
        )
        return tuple(row["lifted_at"] for row in rows)

    def put(self, retirement: Retirement) -> Retirement:
        """Retire a use case; what is retired stays as it is."""
        row = {name: storable(getattr(retirement, name)) for name in GIVEN}
        once = "ON CONFLICT (use_case) WHERE lifted_at IS NULL DO NOTHING"
        self._session.write(insert("retirements", row, once), row)
        return self.all()[retirement.use_case]

    def lift(self, use_case: str, by: str) -> Retirement | None:
        """Bring a use case back, and return its retirement; None: it is not retired."""
        rows = self._session.write(
            "UPDATE evergreen.retirements SET lifted_at = clock_timestamp(), lifted_by = %s"
            " WHERE use_case = %s AND lifted_at IS NULL RETURNING *",
            (by, use_case),
        )
        return known(Retirement, rows[0]) if rows else None
