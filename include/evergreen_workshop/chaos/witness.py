"""What is looked at before a fault and after it, and the results that come of it."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evergreen import invariants, notify
from evergreen.catalog import Catalog
from evergreen.errors import StackError
from evergreen.records import Incident
from evergreen_workshop.chaos.cells import Cell
from evergreen_workshop.chaos.judge import GRACE, Message, Seen, complaints
from evergreen_workshop.chaos.pursuit import Struck
from evergreen_workshop.chaos.results import Result
from evergreen_workshop.chaos.traffic import Traffic
from evergreen_workshop.chaos.world import World

MOST = 100
"""So many incidents are looked at, the newest."""
TELLING = 30.0
"""Seconds until what has to be told, or put on record, must have been."""


@dataclass(frozen=True)
class Before:
    """What there was before a fault."""

    incident: int
    """Id of the newest."""
    lasting: frozenset[int]
    """Ids of those whose end is still to be told."""
    messages: int
    dropped: int
    promotions: int


@dataclass
class Witness:
    """Who looks at a world."""

    world: World
    messages: list[Message] | None
    """What the webhook is told; None: nobody listens."""

    def begin(self) -> None:
        """Look whether all is well before the first fault: each would be blamed for what is not.

        What nobody could be told before is told now, as the watchdog would in the midst of a fault.

        Raises:
            StackError: an invariant of `evergreen check` does not hold.
        """
        if self.messages is not None:
            notify.resend(self.world.records, self.world.settings)
        if broken := self.broken():
            raise StackError(
                "nothing was struck: `evergreen check` does not hold before the first fault, which"
                f" would be blamed for it: {'; '.join(broken)}"
            )

    def broken(self) -> list[str]:
        """Return which invariants do not hold, each as its number and what is wrong."""
        world = self.world
        alone = Catalog({world.use_case.name: world.use_case})
        findings = invariants.check(world.records, world.settings, alone)
        return [f"{one.number}: {one.detail}" for one in findings if not one.holds]

    def before(self) -> Before:
        """Note what there is."""
        kept = self.world.records
        newest = kept.incidents.newest(limit=MOST)
        return Before(
            incident=newest[0].id if newest else 0,
            lasting=frozenset(one.id for one in newest if one.end_is_due),
            messages=len(self.messages or ()),
            dropped=kept.predictions.tally().dropped,
            promotions=len(kept.promotions.of(self.world.use_case.name)),
        )

    def seen(self, before: Before, traffic: Traffic | None) -> Seen:
        """Look at what there is now, once what is due has been told and put on record."""
        lost = self._lost(before, traffic)
        incidents, over = self._incidents(before)
        broken = self.broken()
        told = None if self.messages is None else self.messages[before.messages :]
        return Seen(
            broken=broken, incidents=incidents, over=over, messages=told, lost=lost,
            limit=self.world.heartbeat_timeout + GRACE,
        )  # fmt: skip

    def _lost(self, before: Before, traffic: Traffic | None) -> int:
        """Return how many answers are neither on record nor counted, after a while."""
        if traffic is None or not traffic.answered:
            return 0
        predictions = self.world.records.predictions
        for _ in _for(TELLING):
            missing = predictions.missing(traffic.answered)
            counted = predictions.tally().dropped - before.dropped
            if missing <= counted:
                return 0
        return missing - counted

    def _incidents(self, before: Before) -> tuple[list[Incident], list[Incident]]:
        """Return what began since, and what had begun before and is over since.

        What is to be told of them has been, after a while.
        """
        kept = self.world.records.incidents
        for _ in _for(TELLING):
            found = kept.newest(limit=MOST)
            begun = [one for one in found if one.id > before.incident]
            over = [one for one in found if one.id in before.lasting and one.resolved_at]
            if not any(_waits(one) for one in (*begun, *over)):
                break
        return begun, over


def _waits(one: Incident) -> bool:
    """Tell whether people have still to be told that it began, or that it is over."""
    return not one.notified_at or bool(one.resolved_at and one.end_is_due)


def results(
    struck: Sequence[Struck],
    waiting: Sequence[Cell],
    seen: Seen,
    traffic: Traffic | None,
) -> list[Result]:
    """Judge each fault, and those whose moment passed before they could strike."""
    common = Result(
        cell="", seed=0, number=0, at="", complaints=(), limit=seen.limit,
        together=len(struck) + len(waiting),
        answered=len(traffic.answered) if traffic else 0,
        refused=traffic.refused if traffic else 0, load=round(os.getloadavg()[0], 1),
    )  # fmt: skip
    late = [*waiting, *(each.cell for each in struck if each.missed)]
    return [
        *(_result(common, seen, each) for each in struck if not each.missed),
        *(_too_late(common, seen, cell) for cell in late),
    ]


def _result(common: Result, seen: Seen, struck: Struck) -> Result:
    harm = [*seen.harm, *struck.harms]
    found = complaints(replace(seen, recovery=struck.recovery, harm=harm))
    return replace(common, cell=str(struck.cell), recovery=struck.recovery, complaints=tuple(found))


def _too_late(common: Result, seen: Seen, cell: Cell) -> Result:
    found = complaints(replace(seen, recovery=0.0))
    return replace(common, cell=str(cell), struck=False, complaints=tuple(found))


def _for(seconds: float) -> Iterator[None]:
    """Yield at once, and then now and then until the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() > deadline:
            return
        time.sleep(0.5)
