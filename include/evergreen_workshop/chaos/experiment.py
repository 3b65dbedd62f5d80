"""One cell after the other: rows come, the twin does what is due, and the world is struck."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from evergreen import watching
from evergreen.deciding.decision import matter
from evergreen.refs import Window, WindowRef
from evergreen_workshop import demo
from evergreen_workshop.chaos import again, remains
from evergreen_workshop.chaos import twin as twins
from evergreen_workshop.chaos.cells import WATCHING, Cell, Fault, Moment
from evergreen_workshop.chaos.faults import Strike
from evergreen_workshop.chaos.judge import Message, Outcome
from evergreen_workshop.chaos.pursuit import Pursuit, Struck
from evergreen_workshop.chaos.results import Result
from evergreen_workshop.chaos.traffic import Traffic
from evergreen_workshop.chaos.twin import Twin
from evergreen_workshop.chaos.witness import Before, Witness, results
from evergreen_workshop.chaos.world import World
from evergreen_workshop.simulation import simulate

ROWS = 200
"""Requests of a window that is watched."""


@dataclass(frozen=True)
class Due:
    """A training that is to be done, and what must come of it."""

    as_of: datetime
    outcome: Outcome


@dataclass
class Experiment:
    """A world, its twin, and who looks on."""

    world: World
    twin: Twin
    strike: Strike
    witness: Witness
    seed: int = 0

    def run(self, cells: Sequence[Cell], number: int) -> list[Result]:
        """Let these faults strike in one run (or, of the service, in none), and judge each."""
        began, at = time.monotonic(), datetime.now(UTC)
        self.world.keep()
        found = self._act_of(cells[0])(cells)
        seconds = round(time.monotonic() - began, 1)
        told = {"at": at.isoformat(), "number": number, "seed": self.seed, "seconds": seconds}
        return [replace(each, **told) for each in found]

    def _act_of(self, cell: Cell) -> Any:
        if cell.fault is Fault.RESTORE:
            return self._restore
        if cell.fault is Fault.DAMAGE:
            return self._damage
        if cell.moment is Moment.SERVE:
            return self._serve
        return self._watch if cell.moment in WATCHING else self._train

    def _train(self, cells: Sequence[Cell]) -> list[Result]:
        due, before = self._rows_come(), self.witness.before()
        return self._follow(cells, due, before)

    def _rows_come(self) -> Due:
        """Bring one row more, and let the twin train on it."""
        demo.feed(self.world.use_case.name, self.world.settings.warehouse_url, 1)
        as_of = datetime.now(UTC).replace(microsecond=0)
        return Due(as_of, self.twin.train(as_of))

    def _follow(
        self,
        cells: Sequence[Cell],
        due: Due,
        before: Before,
        struck: Sequence[Struck] = (),
    ) -> list[Result]:
        """Train by Airflow, strike, and hold what comes of it against what is due."""
        world, moment = self.world, due.as_of
        with self._traffic() as traffic:
            pursuit = self._pursue(world.training, {"as_of": moment.isoformat()}, cells)
            with again.beside(world, cells, pursuit, moment) as harm:
                ended = pursuit.follow()
        outcome = twins.outcome(world.records, world.use_case.name, moment, before.promotions)
        seen = replace(
            self.witness.seen(before, traffic),
            ended=ended, outcome=outcome, expected=due.outcome,
            harm=harm,
        )  # fmt: skip
        return results([*struck, *pursuit.struck], pursuit.waiting, seen, traffic)

    def _damage(self, cells: Sequence[Cell]) -> list[Result]:
        """Damage a file while nothing runs, and put it back from a backup; of each, then train."""
        struck = []
        with remains.backed_up(self.world) as kept:
            for cell in cells:
                unnoticed = remains.damage(self.world, cell.victim)
                struck.append(self._back(cell, kept, unnoticed))
        due, before = self._rows_come(), self.witness.before()
        return self._follow((), due, before, struck)

    def _restore(self, cells: Sequence[Cell]) -> list[Result]:
        """Train, lose it by going back to a backup from before, and train as of the same moment."""
        [cell] = cells
        with remains.backed_up(self.world) as kept:
            due = self._rows_come()
            self._pursue(self.world.training, {"as_of": due.as_of.isoformat()}, ()).follow()
            struck = self._back(cell, kept, "")
        return self._follow((), due, self.witness.before(), [struck])

    def _back(self, cell: Cell, kept: remains.Kept, harm: str) -> Struck:
        """Go back to a backup; the time that it takes is how long recovery took."""
        struck = Struck.since(cell, datetime.now(UTC), harm=harm)
        kept.restore()
        struck.wait(self.world)
        return struck

    def _watch(self, cells: Sequence[Cell]) -> list[Result]:
        world = self.world
        sent = simulate(
            world.use_case, ROWS, seed=self.seed, records=world.records, settings=world.settings
        )
        before = self.witness.before()
        conf = {"since": sent.started.isoformat(), "as_of": sent.ended.isoformat()}
        pursuit = self._pursue(world.monitoring, conf, cells)
        ended = pursuit.follow()
        outcome, expected = self._watched(Window(start=sent.started, end=sent.ended))
        seen = replace(
            self.witness.seen(before, None), ended=ended, outcome=outcome, expected=expected
        )
        return results(pursuit.struck, pursuit.waiting, seen, None)

    def _watched(self, window: Window) -> tuple[Outcome | None, Outcome]:
        """Return what the run found out about a window, and what it finds who is not disturbed.

        The other window begins a moment earlier, so that it is measured anew.
        """
        kept, use_case = self.world.records, self.world.use_case
        champion = kept.promotions.champion(use_case.name)
        found = kept.windows.find(use_case.name, window, champion.version if champion else 0)
        other = replace(window, start=window.start - timedelta(microseconds=1))
        calm = watching.watch(use_case, other, records=kept, settings=self.world.settings)
        if found is None:
            return None, _facts(calm, True)
        return _facts(found, kept.decisions.get(matter(found)) is not None), _facts(calm, True)

    def _serve(self, cells: Sequence[Cell]) -> list[Result]:
        [cell] = cells
        before = self.witness.before()
        with self._traffic() as traffic:
            time.sleep(2)
            struck = Struck.at_once(self.world, self.strike, cell)
            time.sleep(2)
        seen = replace(self.witness.seen(before, traffic), ended="success")
        return results([struck], [], seen, traffic)

    def _pursue(self, dag: str, conf: dict[str, Any], cells: Sequence[Cell]) -> Pursuit:
        run = self.world.trigger(dag, conf)
        return Pursuit(self.world, self.strike, dag, run, list(cells))

    def _traffic(self) -> Traffic:
        world = self.world
        return Traffic.of(world.use_case, self.seed, records=world.records, settings=world.settings)


def _facts(seen: WindowRef, decided: bool) -> Outcome:
    """Return what was found out, and whether it was decided on."""
    drifted = ", ".join(seen.drifted)
    said = f"{seen.outcome}, {seen.rows} rows, {seen.drift_share} drifted ({drifted})"
    return Outcome(sentences=(said, "decided" if decided else "not decided"))


@contextlib.contextmanager
def experiment(
    world: World, strike: Strike, messages: list[Message] | None, seed: int
) -> Iterator[Experiment]:
    """Make the twin, which trains what the world has trained.

    Raises:
        StackError: not all was well before, or the world has a past that the twin does not have.
    """
    witness = Witness(world, messages)
    witness.begin()
    with twins.of(world.use_case, world.settings) as twin:
        twin.begin(world.records)
        yield Experiment(world, twin, strike, witness, seed)
