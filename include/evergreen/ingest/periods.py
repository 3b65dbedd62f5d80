"""Which days, or hours, to ask an API for: those that have ended and were not landed since.

    wanted(ingest, source, as_of, landed, relation)     # ["2026-02-01"] at 2026-02-02T00:00

| url | a run that is due at 06:30 on February 2 wants |
| --- | --- |
| `{day}`, once a day | the days up to February 1 |
| `{day}`, more than once a day | the days up to February 2, which is not over |
| `{hour}` | the hours up to 05:00-06:00 |

They begin with the first that was landed in the last month, or after the last one if that is longer
ago; at the very first time there is just one. Whoever asks leaves out those that are in the table.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from evergreen.refs import Landing
from evergreen.spec import Api, Ingest

DAY, HOUR, MONTH = timedelta(days=1), timedelta(hours=1), timedelta(days=31)


def wanted(
    ingest: Ingest, source: Api, as_of: datetime, landed: Mapping[str, Landing], relation: str
) -> list[str]:
    """Return the periods that should be in the table, the oldest first.

    What another table than `relation` took is among them.
    """
    step = HOUR if source.hourly else DAY
    end = _floor(as_of, step)
    if step == DAY and ingest.within_days and end < as_of:
        end += step
    kept = {"", relation}
    known = sorted(start for name in landed if (start := _start(name, step)))
    recent = [start for start in known if start >= end - MONTH]
    first = recent[0] if recent else (known[-1] + step if known else end - step)
    count = max(0, (end - first) // step)
    lost = [name for name, one in landed.items() if _start(name, step) and one.relation not in kept]
    return sorted({*lost, *(_name(first + n * step, step) for n in range(count))})


def of_day(source: Api, day: date) -> list[str]:
    """Return the day, or its hours."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if not source.hourly:
        return [_name(start, DAY)]
    return [_name(start + n * HOUR, HOUR) for n in range(24)]


def was_over(source: Api, landing: Landing) -> bool:
    """Tell whether a period had ended when it was asked for."""
    step = HOUR if source.hourly else DAY
    start, asked = _start(landing.item, step), landing.delivered_at or landing.landed_at
    return bool(start and asked and asked >= start + step)


def _floor(moment: datetime, step: timedelta) -> datetime:
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if step == HOUR else hour.replace(hour=0)


def _name(start: datetime, step: timedelta) -> str:
    return start.strftime("%Y-%m-%d" if step == DAY else "%Y-%m-%dT%H")


def _start(name: str, step: timedelta) -> datetime | None:
    try:
        start = datetime.strptime(name, "%Y-%m-%d" if step == DAY else "%Y-%m-%dT%H")
    except ValueError:
        return None
    return start.replace(tzinfo=UTC)
