"""What comes from elsewhere and stays away: rows of the ingest, requests, runs, the declaration.

    starved(use_case.ingest, landed, since, now)   # it lands nothing for longer than it ever paused
    fewer(day, before)                             # requests of a day, than on any day before
    unrun(dags, now)                               # schedules that nobody keeps
    unloaded(name, error)                          # its file does not load, or is gone

What cannot be told at the moment is left out: nothing begins by it, and nothing ends.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from evergreen.deciding.states import MISSED, NOT_ASKED, State, moment
from evergreen.spec import Ingest
from evergreen.spec.pace import Schedule, pause

USUAL, TIMES, FEWEST = 0.95, 2, 3
"""Of at least so many gaps between landings, this share are usual; so many times it is too long."""
RUN = timedelta(hours=1)
"""Landings that lie closer are of one run, where no schedule says so."""
HISTORY, BUSY, SHARE = 14, 20, 0.5
"""So many whole days tell how few requests are usual, if each had so many; less than this share of
the quietest of them is fewer than ever."""
ROOM = timedelta(hours=1)
"""A run may take so long before its end is missed."""
LONGEST = 1_000
"""Letters that are told of why a file does not load."""
GONE = "its file is gone"


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A DAG that a schedule is to start."""

    dag_id: str
    schedule: Schedule
    ended: datetime
    """When a run of it ended last; before the first one, since when it is looked after."""
    known: bool = True
    """Airflow has it."""
    paused: bool = False
    running: bool = False
    queued: bool = False
    """A run of it waits to start."""
    due: datetime | None = None
    """When the scheduler means to start it next, by whatever schedule its file gives it."""


def starved(
    ingest: Ingest | None, landed: Sequence[datetime], since: datetime, now: datetime
) -> Iterator[State]:
    """Tell whether an ingest has landed no row for too long.

    Args:
        ingest: what is declared; None: there is no ingest.
        landed: when rows were landed, newest first.
        since: the first promotion, which stands for a landing before the first one.
        now: the moment that all is held against, UTC.
    """
    if ingest is None:
        yield State(kind="ingest", lasts=False, message=NOT_ASKED)
        return
    if (allowed := _patience(ingest, landed)) is None:
        return
    newest = landed[0] if landed else since
    why = "as declared (ingest.silent_after)"
    if ingest.silent_after is None:
        why = f"{TIMES} times as long as it usually pauses"
    message = (
        f"No row has been landed since {moment(newest)}; {_long(allowed)} are allowed, {why}."
        " Does its DAG run, and does whatever delivers the rows still deliver?"
    )
    lasts = now - newest > allowed
    yield State(
        kind="ingest", lasts=lasts,
        message=message if lasts else f"Rows were landed at {moment(newest)}.",
    )  # fmt: skip


def fewer(day: int, before: Sequence[int]) -> Iterator[State]:
    """Tell whether callers ask for less than ever.

    Args:
        day: requests of the last 24 hours, refused ones too.
        before: those of each of the 24 hours before, as far as they are known.
    """
    if len(before) < HISTORY:
        # Where it lasts, what was before is forgotten by now: so few have become usual.
        yield State(kind="fewer", lasts=False, message="How many are usual is not known.")
        return
    quietest = min(before)
    if quietest < BUSY:
        return
    yield State(
        kind="fewer", lasts=day < SHARE * quietest,
        message=f"{day:,} requests came in 24 hours; the quietest of the {len(before)} days before"
        f" had {quietest:,}.",
    )  # fmt: skip


def unrun(dags: Sequence[Scheduled], now: datetime) -> Iterator[State]:
    """Tell of schedules that nobody keeps, all of a use case as one state."""
    told = [why for dag in dags if (why := _unrun(dag, now))]
    if told or dags:
        yield State(kind="schedule", lasts=bool(told), message=" ".join(told) or "They run again.")


def unloaded(error: str) -> State:
    """Tell that a champion serves whose file does not load, or is gone; empty: it loads."""
    message = (
        f"The champion goes on answering, and is trained and watched no more: {error[:LONGEST]}"
        if error
        else "Its file loads again."
    )
    return State(kind="file", lasts=bool(error), message=message)


def _patience(ingest: Ingest, landed: Sequence[datetime]) -> timedelta | None:
    """Return how long nothing may come: as declared, or as history has it; None: it is short."""
    if ingest.silent_after is not None:
        return ingest.silent_after
    every = pause(ingest.schedule)
    one_run = every / 2 if every else RUN
    gaps = sorted(
        later - earlier for later, earlier in pairwise(landed) if later - earlier > one_run
    )
    if len(gaps) < FEWEST:
        return None
    usual = gaps[math.ceil(USUAL * len(gaps)) - 1]
    return max(TIMES * usual, MISSED * (every or timedelta(0)))


def _unrun(dag: Scheduled, now: datetime) -> str:
    """Say that a DAG has not run for too long, and why if it is known; empty: it has."""
    every = pause(dag.schedule)
    if every is None and dag.paused and dag.queued:
        return f"A run of {dag.dag_id} waits, and does not start: the DAG is paused."
    ahead = dag.due is not None and dag.due > now and not dag.paused
    if every is None or dag.running or ahead or now - dag.ended <= MISSED * every + ROOM:
        return ""
    why = "its file is gone or does not load (an import error), or the scheduler never comes to it"
    if not dag.known:
        why = "Airflow has it no more"
    elif dag.paused:
        why = "it is paused"
    return f"No run of {dag.dag_id} has ended since {moment(dag.ended)} ({dag.schedule}): {why}."


def _long(span: timedelta) -> str:
    """Say how long, in days or hours.

    >>> _long(timedelta(hours=36)), _long(timedelta(days=14))
    ('36 hours', '14 days')
    """
    days = span / timedelta(days=1)
    return f"{days:.0f} days" if days >= TIMES else f"{24 * days:.0f} hours"
