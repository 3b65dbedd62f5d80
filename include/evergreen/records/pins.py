"""Which champions are pinned: by whom, why, and until what."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.records.session import Session, insert, known, storable

GIVEN = ("use_case", "version", "until", "reason", "actor")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A champion that stays until a person, or the change that it names, lifts the pin."""

    use_case: str
    version: int
    reason: str
    actor: str
    until: str = ""
    """The change that may lift it; empty: only a person may."""
    id: int = 0
    created_at: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    @property
    def sentence(self) -> str:
        """By whom it is pinned, since when and why."""
        since = f" on {self.created_at:%Y-%m-%d %H:%M} UTC" if self.created_at else ""
        return f"pinned by {self.actor}{since}: {self.reason}"


class Pins:
    """The table `evergreen.pins`; a use case has one pin at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, use_case: str) -> Pin | None:
        """Return the pin that holds; None: the champion may move."""
        rows = self._session.read(
            "SELECT * FROM evergreen.pins WHERE use_case = %s AND lifted_at IS NULL", (use_case,)
        )
        return known(Pin, rows[0]) if rows else None

    def all(self) -> dict[str, Pin]:
        """Return the pins that hold, by use case."""
        rows = self._session.read("SELECT * FROM evergreen.pins WHERE lifted_at IS NULL")
        return {row["use_case"]: known(Pin, row) for row in rows}

    def put(self, pin: Pin) -> Pin:
        """Pin a champion, lifting the pin before; the same one again changes nothing."""
        held = self.get(pin.use_case)
        if held and (held.version, held.until) == (pin.version, pin.until):
            return held
        row = {name: storable(getattr(pin, name)) for name in GIVEN}
        with self._session.writing() as cursor:
            cursor.execute(LIFT, {"use_case": pin.use_case, "lifted_by": pin.actor})
            cursor.execute(insert("pins", row), row)
            return known(Pin, cursor.fetchone())

    def lift(self, use_case: str, by: str) -> Pin | None:
        """Lift the pin that holds and return it; None: none does."""
        rows = self._session.write(LIFT, {"use_case": use_case, "lifted_by": by})
        return known(Pin, rows[0]) if rows else None

    def list(self, use_case: str, limit: int = 100) -> tuple[Pin, ...]:
        """Return the pins of a use case, newest first, the lifted ones too."""
        rows = self._session.read(
            "SELECT * FROM evergreen.pins WHERE use_case = %s ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(known(Pin, row) for row in rows)


LIFT = """
UPDATE evergreen.pins SET lifted_at = clock_timestamp(), lifted_by = %(lifted_by)s
WHERE use_case = %(use_case)s AND lifted_at IS NULL RETURNING *
"""
