"""How long a schedule pauses, and how it cuts time into intervals.

>>> pause("@monthly")
datetime.timedelta(days=31)
>>> pause("0 6 * * 1-5")
datetime.timedelta(days=3)
>>> ended("@daily", datetime(2026, 11, 21, 15, tzinfo=UTC))[1].isoformat()
'2026-11-21T00:00:00+00:00'
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise

PRESETS = {
    "@hourly": timedelta(hours=1),
    "@daily": timedelta(days=1),
    "@weekly": timedelta(days=7),
    "@monthly": timedelta(days=31),
    "@yearly": timedelta(days=366),
}
"""The longest pause between two runs."""
LOOKED_AT = 400
"""Runs of a cron expression: a year of daily ones."""


@lru_cache
def pause(schedule: str | None) -> timedelta | None:
    """Return the longest pause between two runs; None: no clock starts them."""
    if schedule in PRESETS:
        return PRESETS[schedule]
    if schedule is None or schedule.startswith("@"):
        return None
    from croniter import croniter  # type: ignore[import-untyped]

    runs = islice(croniter(schedule, datetime(2001, 1, 1)).all_next(datetime), LOOKED_AT)
    pauses: list[timedelta] = [later - earlier for earlier, later in pairwise(runs)]
    return max(pauses)


def ended(schedule: str | None, at: datetime) -> tuple[datetime, datetime]:
    """Return start and end (UTC) of the last interval of a schedule that has ended by a moment.

    Whenever a day is asked for on that day, it is the same interval. Without a schedule: days.
    """
    from croniter import croniter

    ticks = croniter(schedule or "@daily", at.astimezone(UTC) + timedelta(microseconds=1))
    end, start = (ticks.get_prev(datetime).replace(fold=0) for _ in range(2))
    return start, end
