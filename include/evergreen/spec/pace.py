"""How long a schedule pauses.

>>> pause("@monthly")
datetime.timedelta(days=31)
>>> pause("0 6 * * 1-5")
datetime.timedelta(days=3)
"""

from datetime import datetime, timedelta
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
