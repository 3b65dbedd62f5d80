"""Plays the days of a plan through the real steps, and holds each against what was due."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from evergreen import cycle
from evergreen.cycle import Cycle
from evergreen.deciding import alerts
from evergreen.errors import EvergreenError
from evergreen.steps import Run
from evergreen_workshop.rehearsal import scratch
from evergreen_workshop.rehearsal.scratch import Place
from evergreen_workshop.rehearsal.script import Event, Plan

DAY = timedelta(days=1)
TRAINED, REFUSED, OFF = "trained", "refused", "off"
NOVELTY, ANNOUNCED = "nobody_announced_this", "announced"
CORRECTED = 3 * DAY


@dataclass(frozen=True, kw_only=True)
class Happened:
    """What became of a day."""

    as_of: datetime
    event: str
    outcome: str
    """`trained` (whatever the gate said), `refused` (the data), or `off`."""
    promoted: bool = False
    due: str
    """The outcome that was due."""
    because: str = ""
    """What a refusal that was due must say."""
    rows: int = 0
    unlabelled: int = 0
    late: int = 0
    age: timedelta | None = None
    """From the newest row that the champion learned from to `as_of`; None: no champion."""
    told: int = 0
    """Incidents on record, all in all."""
    decisions: int = 0
    """Decisions on record, all in all."""
    size: int = 0
    """Bytes of all files."""
    seconds: float = 0.0
    sentence: str = ""

    @property
    def as_due(self) -> bool:
        """Tell whether the outcome was the due one, with the right reason."""
        return self.outcome == self.due and self.because in self.sentence


def rehearse(place: Place, plan: Plan, *, last: datetime | None = None) -> Iterator[Happened]:
    """Play the plan's days, the last of which ends at `last`: as late as the history allows.

    Raises:
        EvergreenError: the history is empty.
    """
    last = last or _last(place)
    first = last - DAY * (len(plan.events) - 1)
    scratch.deliver(place, first - DAY)
    scratch.label(place, first - DAY)
    for number, event in enumerate(plan.events):
        as_of = first + DAY * number
        began = time.monotonic()
        _bring(place, event, as_of)
        due, because = _due(place, event, as_of)
        done = None if event is Event.OFF else _train(place, as_of)
        yield _happened(place, event, as_of, done, due, because, time.monotonic() - began)


def _last(place: Place) -> datetime:
    newest = place.newest(scratch.HISTORY)
    if newest is None:
        raise EvergreenError(f"the source of {place.use_case.name} holds no rows to replay")
    midnight = newest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + DAY


def _bring(place: Place, event: Event, as_of: datetime) -> None:
    if event is Event.LATE:
        return
    half_of = as_of - DAY if event is Event.HALF else None
    for _ in range(2 if event is Event.TWICE else 1):
        scratch.deliver(place, as_of, half_of=half_of)
    if event is not Event.NO_LABELS:
        scratch.label(place, as_of)
    if event is Event.CORRECTED:
        scratch.correct(place, as_of - DAY - CORRECTED, as_of - DAY)
    if event is Event.CHANGED:
        place.execute(f"ALTER TABLE {place.live} ADD COLUMN {NOVELTY} text")
    if event is Event.ANNOUNCED:
        scratch.announce(place, ANNOUNCED)
    if event is Event.CHANGED_BACK:
        place.execute(f"ALTER TABLE {place.live} DROP COLUMN {NOVELTY}")


def _due(place: Place, event: Event, as_of: datetime) -> tuple[str, str]:
    """Return the outcome that is due, and what its reason must say."""
    if event is Event.OFF:
        return OFF, ""
    if event is Event.CHANGED:
        return REFUSED, NOVELTY
    allowed, newest = place.use_case.source.max_age, place.newest(place.live)
    if allowed is not None and newest is not None and as_of - newest > allowed:
        return REFUSED, "stale"
    return TRAINED, ""


def _train(place: Place, as_of: datetime) -> Cycle:
    """Train as the DAG does, and tell as it tells."""
    asked = Run(as_of=as_of, asked_at=as_of, key=f"rehearsal/{as_of:%Y-%m-%d}", actor="schedule")
    where: dict[str, Any] = {"records": place.records, "settings": place.settings}
    done = cycle.run(place.use_case, asked, **where)
    if done.verdict is not None:
        alerts.of_gate(place.use_case, done.verdict, asked, **where)
    if done.fit is not None:
        alerts.of_fit(place.use_case, done.fit, asked, **where)
    return done


def _happened(
    place: Place,
    event: Event,
    as_of: datetime,
    done: Cycle | None,
    due: str,
    because: str,
    seconds: float,
) -> Happened:
    name = place.use_case.name
    kept = place.records
    champion = kept.promotions.champion(name)
    decisions = len(kept.decisions.newest(name, limit=10_000))
    told = len(kept.incidents.newest(name, limit=10_000))
    learned = champion.training.end if champion else None
    snapshot = done.snapshot if done else None
    return Happened(
        as_of=as_of,
        event=event.value,
        outcome=outcome(done),
        promoted=bool(done and done.promotion and done.promotion.promoted),
        due=due,
        because=because,
        rows=snapshot.rows if snapshot else 0,
        unlabelled=snapshot.counts.unlabelled if snapshot else 0,
        late=snapshot.counts.late if snapshot else 0,
        age=as_of - learned if learned else None,
        told=told,
        decisions=decisions,
        size=sum(path.stat().st_size for path in place.settings.home.rglob("*") if path.is_file()),
        seconds=seconds,
        sentence=done.sentence if done else "Nobody trained: a run that was missed is not made up.",
    )


def outcome(done: Cycle | None) -> str:
    """Return what became of a day: a training that was judged, data that was refused, or none."""
    if done is None:
        return OFF
    return TRAINED if done.verdict is not None else REFUSED
