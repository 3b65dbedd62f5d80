"""What nobody hears unless it is told: nothing is watched, answered, labelled; callers turned away.

    for state in states(use_case, ends, asked, now):  # what begins, lasts, or is over
        print(state)
    of_use_case(use_case, now, records=records, settings=settings)   # and its `arrivals`
    of_schedules(use_case, dags, now, records=records, settings=settings)
    of_file("weather", error, now, records=records, settings=settings)
    of_draft("weather", records=records, settings=settings)
    of_house(now, records=records, settings=settings)  # the disk, the months of predictions

Each is a state: told once when it begins, once when it is over (see `notify`). A use case that
nobody has ever asked is silent by nature, and so is told of nothing.
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from evergreen.deciding import arrivals
from evergreen.deciding.arrivals import Scheduled
from evergreen.deciding.states import MISSED, NOT_ASKED, State, moment, tell
from evergreen.notify import FAILURE, all_clear
from evergreen.records import HOUSE, Ends, Records, RequestCounts
from evergreen.records.errors import DatabaseAway
from evergreen.records.months import MOST
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.spec.pace import pause

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REFUSED_SHARE, REFUSED_FROM = 0.05, 20
"""More than this share of an hour's requests, and so many of them, were refused."""
OF_DRAFTS = {FAILURE, "service", "registry", "file", "approval", "reminder"}
"""What people are told of drafts, too."""
FULL_SHARE = 0.05
"""Less of the disk than this is free."""


def states(use_case: UseCase, ends: Ends, asked: RequestCounts, now: datetime) -> Iterator[State]:
    """Yield what is known of each silence; what cannot be told at the moment is left out.

    Args:
        use_case: what it declares of its monitoring.
        ends: when the newest windows of each kind ended.
        asked: the requests of the last hour.
        now: the moment that all is held against, UTC.
    """
    yield from _blind(use_case, ends, now)
    if ends.watched is not None:
        yield from _unmeasured(use_case, ends, ends.watched)
        yield from _unlabelled(use_case, ends, ends.watched)
        yield from _warned(use_case, ends, ends.watched)
    yield from _refusing(asked)


def of_use_case(
    use_case: UseCase,
    now: datetime,
    *,
    records: Records,
    settings: Settings,
    caught_up: bool = True,
) -> list[str]:
    """Tell of the silences of a use case that has a champion; return those that last.

    Until schedules have `caught_up` (see `states`), only of callers who are turned away.
    """
    promotions = records.promotions.of(use_case.name)
    if not promotions:
        return []
    first = promotions[-1].ref.promoted_at  # a daily refresh begins nothing anew
    since = max([first, *records.retirements.ended(use_case.name)])
    asked = records.requests.since(use_case.name, now - HOUR, now)
    if not caught_up:
        return tell(use_case.name, _refusing(asked), now, records=records, settings=settings)
    ends = records.windows.ends(use_case.name, since)
    landed = records.landings.moments(use_case.name)
    found = chain(
        states(use_case, ends, asked, now),
        arrivals.starved(use_case.ingest, landed, since, now),
        _fewer(use_case.name, now, records),
    )
    return tell(use_case.name, found, now, records=records, settings=settings)


def of_schedules(
    use_case: UseCase,
    dags: Sequence[Scheduled],
    now: datetime,
    *,
    records: Records,
    settings: Settings,
) -> list[str]:
    """Tell of the schedules of a use case that nobody keeps; return what lasts."""
    found = arrivals.unrun(dags, now)
    return tell(use_case.name, found, now, records=records, settings=settings)


def of_file(
    name: str, error: str, now: datetime, *, records: Records, settings: Settings
) -> list[str]:
    """Tell of a champion whose file does not load, or is gone (empty: it loads)."""
    return tell(name, [arrivals.unloaded(error)], now, records=records, settings=settings)


def of_draft(name: str, *, records: Records, settings: Settings) -> None:
    """End what was told of one that is a draft again, but for what is looked at in drafts."""
    for lasting in records.incidents.newest(name, limit=1000, open=True):
        if lasting.kind not in OF_DRAFTS:
            all_clear(records, settings, name, lasting.kind, "It is a draft again.")


def of_house(now: datetime, *, records: Records, settings: Settings) -> list[str]:
    """Tell of a disk that fills up, and of months that cannot be made; return what lasts."""
    found = chain(_disk(settings), _months(now, records))
    return tell(HOUSE, found, now, records=records, settings=settings)


def _fewer(name: str, now: datetime, records: Records) -> Iterator[State]:
    """Hold the last day against those before; while it lasts, against those before it began."""
    lasting = records.incidents.newest(name, kind="fewer", open=True, limit=1)
    begun = (lasting and lasting[0].created_at) or now
    asked = records.requests.since(name, now - DAY, now)
    before = records.requests.days(name, min(begun, now) - DAY)
    return arrivals.fewer(asked.answered + asked.refused, before)


def _blind(use_case: UseCase, ends: Ends, now: datetime) -> Iterator[State]:
    monitoring = use_case.monitoring
    if (every := pause(monitoring.schedule)) is None:
        yield State(kind="blind", lasts=False, message=NOT_ASKED)
        return
    watched = ends.watched if ends.watched and ends.watched >= ends.since else None
    since, allowed = watched or ends.since, MISSED * every + monitoring.window
    if now - since <= allowed:
        yield State(kind="blind", lasts=False, message="Windows are watched.")
        return
    message = f"A window that ended at {moment(since)} is the newest that was watched"
    if watched is None:
        message = f"No window has been watched since {moment(since)}"
    yield State(
        kind="blind", lasts=True,
        message=f"{message}; {monitoring.schedule} is its schedule. Is its DAG paused, or gone?",
    )  # fmt: skip


def _unmeasured(use_case: UseCase, ends: Ends, watched: datetime) -> Iterator[State]:
    if ends.known is None:  # nobody has ever asked
        return
    allowed, least = _patience(use_case), use_case.monitoring.min_rows
    message = f"Every window since {moment(ends.known)} is unknown. The newest: {ends.said}"
    if ends.rows < least:
        message = (
            f"Every window since {moment(ends.known)} is unknown: {ends.rows:.0f} predictions in"
            f" the newest, and it takes {least}. The champion answers fewer requests than it did,"
            " or they are not logged."
        )
    if ends.known == watched:
        yield State(kind="quiet", lasts=False, message="A window could be measured again.")
    elif watched - ends.known > allowed:
        yield State(kind="quiet", lasts=True, message=message)


def _unlabelled(use_case: UseCase, ends: Ends, watched: datetime) -> Iterator[State]:
    if ends.live is None:  # no label has ever come
        return
    if ends.live == watched:
        yield State(kind="labels", lasts=False, message="Live quality is known again.")
    elif ends.due and watched - ends.live > _patience(use_case):
        yield State(kind="labels", lasts=True, message=_no_live(use_case, ends, ends.live))


def _no_live(use_case: UseCase, ends: Ends, since: datetime) -> str:
    """Say why no live metric is known: labels do not come, or those that come do not tell."""
    message = f"Live quality is unknown since {moment(since)}"
    if ends.coverage == 1:
        return (
            f"{message}, though all labels that are due have come: they are fewer than"
            f" {use_case.monitoring.min_labels}, or the metric is not defined for them,"
            " or told by too few of them."
        )
    share = "none" if not ends.coverage else f"{int(100 * ends.coverage)}%"
    return (
        f"{message}: {share} of the labels that are due have come. Does whatever brings them still"
        " run?"
    )


def _warned(use_case: UseCase, ends: Ends, watched: datetime) -> Iterator[State]:
    if ends.calm == watched:
        yield State(kind="warning", lasts=False, message="The newest window is calm.")
    elif ends.known == watched and watched - (ends.calm or ends.since) > _patience(use_case):
        message = f"No window has been calm since {moment(ends.calm or ends.since)}. {ends.said}"
        yield State(kind="warning", lasts=True, message=message)


def _refusing(asked: RequestCounts) -> Iterator[State]:
    total = asked.answered + asked.refused
    if not total:
        return
    message = f"{asked.refused} of {total} requests of the last hour were refused"
    lasts = asked.refused >= REFUSED_FROM and asked.share > REFUSED_SHARE
    why = f", most of them as follows: {asked.reason}" if asked.reason else ""
    yield State(kind="refusals", lasts=lasts, message=f"{message}{why}.")


def _disk(settings: Settings) -> Iterator[State]:
    usage = shutil.disk_usage(settings.home if settings.home.exists() else "/")
    share = usage.free / usage.total
    message = (
        f"{usage.free / 1e9:.1f} GB are free on the disk of {settings.home}, {share:.0%} of it"
    )
    yield State(kind="disk", lasts=share < FULL_SHARE, message=f"{message}.")


def _months(now: datetime, records: Records) -> Iterator[State]:
    """Make the months to come, and those of predictions that lie in none."""
    with contextlib.suppress(DatabaseAway):  # somebody has the tables, and is let go on
        records.months.make(now)
    outside = records.months.outside()
    message = (
        f"{outside} predictions lie in no month, and could not be given theirs: does a long"
        " transaction read them (pg_stat_activity), or are they of more than"
        f" {MOST} months?"
    )
    yield State(kind="months", lasts=outside > 0, message=message)


def _patience(use_case: UseCase) -> timedelta:
    """Return how long a silence may last: as declared, or three runs of a rarer schedule."""
    every = pause(use_case.monitoring.schedule) or timedelta(0)
    return max(use_case.monitoring.silent_after, MISSED * every)
