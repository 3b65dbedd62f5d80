"""Which days, or hours, to ask an API for: those that have ended since the last that was landed.

    due(ingest, source, as_of, landed, relation)      # ["2026-02-01"] at 2026-02-02T00:00

| url | a run that is due at 06:30 on February 2 asks for |
| --- | --- |
| `{day}`, once a day | February 1 |
| `{day}`, more than once a day | February 1 if it had not ended when it was landed, February 2 |
| `{hour}` | all hours up to 05:00-06:00 that were not landed |

What was landed in a table that is no more is asked for again.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from evergreen.refs import Landing
from evergreen.spec import Api, Ingest

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def due(
    ingest: Ingest, source: Api, as_of: datetime, landed: Mapping[str, Landing], relation: str
) -> list[str]:
    """Return the periods to ask for, the oldest first."""
    step = HOUR if source.hourly else DAY
    end = _floor(as_of, step)
    if step == DAY and ingest.within_days and end < as_of:
        end += step
    known = {name: landing for name, landing in landed.items() if _start(name, step)}
    lost = [name for name, one in known.items() if one.rows and one.relation != relation]
    start = _since(known, step) or end - step
    count = max(0, (end - start) // step)
    return sorted({*lost, *(_name(start + n * step, step) for n in range(count))})


def of_day(source: Api, day: date) -> list[str]:
    """Return the day, or its hours."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if not source.hourly:
        return [_name(start, DAY)]
    return [_name(start + n * HOUR, HOUR) for n in range(24)]


def _since(known: Mapping[str, Landing], step: timedelta) -> datetime | None:
    """Return where to go on: at the last one, if it had not ended when it was landed."""
    if not known:
        return None
    last = known[max(known)]
    start = _start(last.item, step)
    had_ended = start and last.landed_at and last.landed_at >= start + step
    return start and (start + step if had_ended else start)


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
