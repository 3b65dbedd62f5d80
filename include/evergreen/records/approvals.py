"""Which challengers wait for a person's word, and which was given."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.records.session import Session, insert, storable

APPROVED, REFUSED, EXPIRED, OVERTAKEN = "approved", "refused", "expired", "overtaken"
GIVEN = ("use_case", "version", "decision_id", "sentence", "report", "asked_at", "expires_at")


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A challenger that passed its gate, and that a person must let take over."""

    use_case: str
    version: int
    decision_id: str
    """Of the decision that let its fit pass."""
    sentence: str
    """Of that decision."""
    report: str
    """Address of the report; empty: there is no UI."""
    asked_at: datetime
    expires_at: datetime
    id: int = 0
    created_at: datetime | None = None
    answer: str | None = None
    """`approved`, `refused`, `expired` or `overtaken`; None: it waits."""
    answered_by: str | None = None
    answered_at: datetime | None = None
    reason: str = ""
    outcome: str = ""
    """What came of the answer, in a sentence; empty: nothing yet."""

    @property
    def told(self) -> str:
        """Who is asked about what, since when and until when."""
        since, until = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (self.asked_at, self.expires_at))
        return f"version {self.version} waits for a person's word since {since}, until {until}"


class Approvals:
    """The table `evergreen.approvals`; of a use case one waits at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def waiting(self, use_case: str | None = None) -> tuple[Approval, ...]:
        """Return those that wait, of one use case or all."""
        rows = self._session.read(
            "SELECT * FROM evergreen.approvals WHERE answer IS NULL"
            " AND use_case = coalesce(%s, use_case) ORDER BY id",
            (use_case,),
        )
        return tuple(Approval(**row) for row in rows)

    def newest(self, use_case: str, limit: int = 20) -> tuple[Approval, ...]:
        """Return the approvals of a use case, newest first."""
        rows = self._session.read(
            "SELECT * FROM evergreen.approvals WHERE use_case = %s ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(Approval(**row) for row in rows)

    def get(self, id: int) -> Approval | None:
        """Return one; None: there is none."""
        rows = self._session.read("SELECT * FROM evergreen.approvals WHERE id = %s", (id,))
        return Approval(**rows[0]) if rows else None

    def by(self, use_case: str, decision_id: str) -> Approval | None:
        """Return the newest about a decision; None: nobody was asked about it."""
        rows = self._session.read(
            "SELECT * FROM evergreen.approvals WHERE use_case = %s AND decision_id = %s"
            " ORDER BY id DESC LIMIT 1",
            (use_case, decision_id),
        )
        return Approval(**rows[0]) if rows else None

    def ask(self, approval: Approval) -> Approval:
        """Let a challenger wait; where one waits already, return that one."""
        row = {name: storable(getattr(approval, name)) for name in GIVEN}
        once = "ON CONFLICT (use_case) WHERE answer IS NULL DO NOTHING"
        rows = self._session.write(insert("approvals", row, once), row)
        return Approval(**rows[0]) if rows else self.waiting(approval.use_case)[0]

    def answer(self, id: int, answer: str, *, by: str, reason: str) -> Approval | None:
        """Answer one that waits, once; None: somebody else has answered."""
        rows = self._session.write(
            "UPDATE evergreen.approvals SET answer = %s, answered_by = %s, reason = %s,"
            " answered_at = clock_timestamp() WHERE id = %s AND answer IS NULL RETURNING *",
            (answer, by, storable(reason), id),
        )
        return Approval(**rows[0]) if rows else None

    def note(self, id: int, outcome: str) -> None:
        """Note what came of the answer; the first stays."""
        self._session.write(
            "UPDATE evergreen.approvals SET outcome = %s WHERE id = %s AND outcome = ''",
            (storable(outcome), id),
        )
