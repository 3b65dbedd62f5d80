"""What happens on each day of a rehearsal."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from evergreen.errors import DeclarationError


class Event(StrEnum):
    """How the day's rows come, or what else happens."""

    ON_TIME = "on time"
    LATE = "late"
    """Nothing comes; the next delivery brings it."""
    HALF = "half a day"
    """Of the newest day the first half comes."""
    TWICE = "twice"
    CORRECTED = "corrected"
    """The three days before come again with other values."""
    NO_LABELS = "no labels"
    """Rows come, labels do not (where a column holds them)."""
    CHANGED = "a column more"
    """The table has a column that nobody announced."""
    CHANGED_BACK = "the column gone"
    ANNOUNCED = "a column more, announced"
    """The suite lists it by then."""
    OFF = "scheduler off"
    """Rows come; nobody trains, and nobody makes it up: catchup is off."""


@dataclass(frozen=True)
class Plan:
    """The events of a rehearsal, one a day."""

    events: tuple[Event, ...]

    def __post_init__(self) -> None:
        if not self.events:
            raise DeclarationError("--days", 0, "1 or more")

    @classmethod
    def of(cls, *events: Event | tuple[Event, int]) -> "Plan":
        """Return a plan of single events and of (event, days)."""
        return cls(tuple(event for each in events for event in _repeated(each)))


def _repeated(event: Event | tuple[Event, int]) -> Sequence[Event]:
    return [event[0]] * event[1] if isinstance(event, tuple) else [event]


E = Event
MONTH = Plan.of(
    (E.ON_TIME, 3), E.LATE, (E.ON_TIME, 2), (E.LATE, 2), (E.ON_TIME, 2), E.HALF, (E.ON_TIME, 2),
    E.TWICE, E.ON_TIME, E.CORRECTED, E.ON_TIME, E.CHANGED, E.CHANGED_BACK, E.NO_LABELS, E.ON_TIME,
    (E.OFF, 5), (E.ON_TIME, 4),
)  # fmt: skip
"""Thirty days: a day late, a weekend late, half a day, twice, corrected, a column that nobody
announced, a day without labels, and five without a scheduler."""


def month(days: int) -> Plan:
    """Return the first days of the month; after the thirtieth it begins again."""
    events = [MONTH.events[day % len(MONTH.events)] for day in range(days)]
    return Plan(tuple(events))
