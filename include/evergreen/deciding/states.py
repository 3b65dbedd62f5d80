"""A state that lasts or is over, and how people are told: once when it begins, once at its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from evergreen.notify import alert, all_clear
from evergreen.records import Records
from evergreen.records.heartbeats import Heartbeats
from evergreen.settings import Settings

MISSED = 3
"""So many runs of a schedule in a row may fail to come."""
NOT_ASKED = "It is not asked for any more."
"""How what lasts ends, once its declaration is taken back."""
PAUSE, CATCHING_UP = timedelta(hours=1), timedelta(hours=2)
"""If nobody has looked for so long, what is due comes all at once, and is given that time."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Something that lasts, or is over."""

    kind: str
    """One of `notify.ALERTS`."""
    lasts: bool
    message: str


def catching_up(heartbeats: Heartbeats, now: datetime) -> datetime | None:
    """Return until when what was due while nobody looked may be made up; None: it has been.

    A machine that has slept, or a stack that was down, has run nothing for hours: that is no
    silence of a use case, and is over before a person could look. Ask before the watchdog beats.
    """
    awake = heartbeats.awake("watchdog", now, PAUSE)
    until = awake + CATCHING_UP if awake else None
    return until if until and now <= until else None


def tell(
    name: str, found: Iterable[State], now: datetime, *, records: Records, settings: Settings
) -> list[str]:
    """Tell of the states of a use case, or of the house; return those that last."""
    lasting = []
    for state in found:
        if state.lasts:
            alert(records, settings, name, state.kind, state.message, at=now)
            lasting.append(f"{name}: {state.message}")
        else:
            all_clear(records, settings, name, state.kind, state.message)
    return lasting


def moment(at: datetime) -> str:
    """Write a moment for a person, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
