"""What starts a DAG by itself, how long it pauses, and how it cuts time into intervals.

>>> pause("@monthly")
datetime.timedelta(days=31)
>>> pause("0 6 * * 1-5")
datetime.timedelta(days=3)
>>> following("@daily", datetime(2026, 11, 21, 15, tzinfo=UTC)).isoformat()
'2026-11-22T00:00:00+00:00'
>>> spread("@daily", "weather", 30)
'20 0 * * *'
>>> ended("@daily", datetime(2026, 11, 21, 15, tzinfo=UTC))[1].isoformat()
'2026-11-21T00:00:00+00:00'
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from zlib import crc32

from evergreen.errors import DeclarationError, did_you_mean

PRESETS = {
    "@hourly": timedelta(hours=1),
    "@daily": timedelta(days=1),
    "@weekly": timedelta(days=7),
    "@monthly": timedelta(days=31),
    "@yearly": timedelta(days=366),
}
"""The longest pause between two runs."""
ON_THE_HOUR = {
    "@hourly": "* * * *",
    "@daily": "0 * * *",
    "@weekly": "0 * * 0",
    "@monthly": "0 1 * *",
    "@yearly": "0 1 1 *",
}
"""The presets as cron expressions, without their minute."""
WITH_A_YEAR = 7
"""Fields of a cron expression that ends: with seconds, and years."""
LOOKED_AT = 400
"""Days on which a cron expression runs: more than a year of daily ones."""


@dataclass(frozen=True, init=False)
class Assets:
    """A schedule that no clock keeps: when Airflow's assets have been updated.

    Assets are updated by tasks that name them among their outlets: a DAG of your own, or dbt's by
    Cosmos. Name each as Airflow lists it, by its URI where it has one:
    `schedule=Assets("postgres://warehouse:5432/shop/public/orders")`.

    >>> str(Assets("orders", "customers"))
    'when orders and customers are updated'
    """

    names: tuple[str, ...]
    """Names, or URIs with a scheme."""
    any: bool = False
    """One of them is enough; otherwise all, each since the last run."""

    def __init__(self, *names: str, any: bool = False) -> None:
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "any", any)
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            raise DeclarationError("schedule", names, "names of assets, at least one")

    def __str__(self) -> str:
        joined = (" or " if self.any else " and ").join(self.names)
        return f"when {joined} {'are' if len(self.names) > 1 and not self.any else 'is'} updated"


Schedule = str | Assets | None
"""A cron expression or a preset such as `@daily`; assets; None: a person, or something else."""


def check_schedule(field: str, schedule: str | None, *more: str) -> None:
    """Refuse a schedule of which nobody could tell when it is due.

    Raises:
        DeclarationError: it is no cron expression, none of our presets and none of `more`.
    """
    if schedule is not None and (allowed := instead_of(schedule, *more)):
        raise DeclarationError(field, schedule, allowed)


def instead_of(schedule: str, *more: str, never: str = "None") -> str:
    """Say what is allowed in the place of what is no schedule; empty: it is one.

    `never` says that there is none.
    """
    presets = (*PRESETS, *more)
    if schedule in presets:
        return ""
    if isinstance(schedule, str) and not schedule.startswith("@") and _is_cron(schedule):
        return ""
    hint = did_you_mean(str(schedule), presets)
    return f"a cron expression, {never}, or one of {', '.join(presets)}{hint}"


def _is_cron(schedule: str) -> bool:
    try:
        from croniter import croniter  # type: ignore[import-untyped]
    except ModuleNotFoundError:  # in the service's image, which keeps no schedule
        return True
    try:
        croniter(schedule, datetime(2000, 12, 31)).get_next()
    except ValueError:
        return False
    return len(schedule.split()) < WITH_A_YEAR


@lru_cache(maxsize=1024)
def pause(schedule: Schedule) -> timedelta | None:
    """Return the longest pause between two runs; None: no clock starts them."""
    if schedule in PRESETS:
        return PRESETS[schedule]
    if not isinstance(schedule, str) or schedule.startswith("@"):
        return None
    from croniter import croniter

    minutes, hours, *_ = croniter.expand(schedule)[0]
    runs = [timedelta(hours=h, minutes=m) for h in _all(hours, 24) for m in _all(minutes, 60)]
    daily = " ".join(["0", "0", *schedule.split()[2:]])
    begin = croniter(daily, datetime(2000, 12, 31)).all_next(datetime)
    days: list[datetime] = list(islice(begin, LOOKED_AT))
    overnight = runs[0] - runs[-1]
    pauses = [later - earlier for earlier, later in pairwise(runs)]
    return max([*pauses, *(later - earlier + overnight for earlier, later in pairwise(days))])


def _all(field: list[int | str], count: int) -> list[int]:
    """Return the numbers of a field of a cron expression, in order."""
    return list(range(count)) if "*" in field else sorted(int(number) for number in field)


def spread(schedule: Schedule, name: str, minutes: int) -> Schedule:
    """Return a preset at a minute of a use case's own: always the same, up to `minutes` later.

    So that what hundreds declare as `@daily` does not begin at once. A cron expression names its
    minute, and stays as it is.
    """
    if not minutes or schedule not in ON_THE_HOUR:
        return schedule
    return f"{crc32(name.encode()) % (minutes + 1)} {ON_THE_HOUR[schedule]}"


@lru_cache(maxsize=1024)
def following(schedule: Schedule, after: datetime) -> datetime | None:
    """Return when a schedule is due next after a moment (UTC); None: no clock starts it."""
    if pause(schedule) is None:
        return None
    from croniter import croniter

    tick: datetime = croniter(schedule, after.astimezone(UTC)).get_next(datetime)
    return tick.replace(fold=0)


def ended(schedule: str | None, at: datetime) -> tuple[datetime, datetime]:
    """Return start and end (UTC) of the last interval of a schedule that has ended by a moment.

    Whenever a day is asked for on that day, it is the same interval. Without a schedule: days.
    """
    from croniter import croniter

    ticks = croniter(schedule or "@daily", at.astimezone(UTC) + timedelta(microseconds=1))
    end, start = (ticks.get_prev(datetime).replace(fold=0) for _ in range(2))
    return start, end
