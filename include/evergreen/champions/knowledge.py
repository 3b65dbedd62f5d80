"""How old what a champion has learned from may be, and how old it is.

    champion.knowledge_until            # event time of the newest row that it has learned from
    limit(use_case)                     # 6 days: it may be so old
    too_old(use_case, champion, now)    # "… knows nothing after 2026-11-02, 24 days ago; …"

A row counts once its label has come, so knowledge is `source.label_delay` old at best, and
`source.max_age` older where the source itself may be late; it gets older until the next training
ends. Two schedules are allowed for, so that one run may fail.
"""

from datetime import datetime, timedelta

from evergreen.refs import ChampionRef
from evergreen.spec import UseCase
from evergreen.spec.pace import pause

SCHEDULES = 2


def limit(use_case: UseCase) -> timedelta | None:
    """Return how old knowledge may be; None: any age (no schedule, or a source of any age)."""
    source, waits = use_case.source, pause(use_case.training_schedule)
    if source.max_age is None or waits is None:
        return None
    return source.label_delay + source.max_age + SCHEDULES * waits


def too_old(use_case: UseCase, champion: ChampionRef, now: datetime) -> str:
    """Say that a champion's knowledge is too old, and why that is too old; empty: it is not."""
    allowed, until = limit(use_case), champion.knowledge_until
    if allowed is None or until is None or now - until <= allowed:
        return ""
    return (
        f"version {champion.version} knows nothing after {until:%Y-%m-%d %H:%M} UTC,"
        f" {_days(now - until)} ago; {_days(allowed)} are allowed (the label's delay, the"
        f" source's max_age and {SCHEDULES} schedules)"
    )


def _days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):.3g} days"
