"""A state that lasts or is over, and how people are told: once when it begins, once at its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from evergreen.notify import alert, all_clear
from evergreen.records import Records
from evergreen.settings import Settings

MISSED = 3
"""So many runs of a schedule in a row may fail to come."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Something that lasts, or is over."""

    kind: str
    """One of `notify.ALERTS`."""
    lasts: bool
    message: str


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
