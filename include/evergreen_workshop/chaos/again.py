"""What happens twice: a run that is delivered again, and a person who asks for it, too."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from evergreen_workshop.chaos.cells import Cell, Fault
from evergreen_workshop.chaos.pursuit import Pursuit, Struck
from evergreen_workshop.chaos.world import World

LONGEST = 600
"""Seconds that a person waits for a training."""


@contextmanager
def beside(
    world: World, cells: Sequence[Cell], pursuit: Pursuit, as_of: datetime
) -> Iterator[list[str]]:
    """Let it happen twice while (or after) a run is followed; yield what harm was seen, later."""
    harm: list[str] = []
    people = _Person(world, as_of)
    for cell in cells:
        if cell.fault is Fault.OPERATORS:
            pursuit.beside[cell] = people.ask
    yield harm
    harm += people.harm()
    for cell in cells:
        if cell.fault is Fault.TWICE:
            harm += _delivered_again(world, cell, pursuit)


class _Person:
    """Somebody who asks for the same training by the command."""

    def __init__(self, world: World, as_of: datetime) -> None:
        self._world, self._as_of = world, as_of
        self._asked: list[subprocess.Popen[str]] = []

    def ask(self) -> None:
        """Ask, and do not wait."""
        program = Path(sys.executable).with_name("evergreen")
        name, moment = self._world.use_case.name, self._as_of.isoformat()
        command = [str(program), "run", name, "--as-of", moment, "--json"]
        self._asked.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )

    def harm(self) -> list[str]:
        """Wait for the answers; say which were neither done nor refused in words."""
        found = []
        for process in self._asked:
            _, errors = process.communicate(timeout=LONGEST)
            if "Traceback" in errors or process.returncode not in {0, 1}:
                found.append(f"evergreen run ended with {process.returncode}: {errors[-300:]}")
        return found


def _delivered_again(world: World, cell: Cell, pursuit: Pursuit) -> list[str]:
    """Clear the task of the moment and all after it, and follow the run to its second end."""
    world.stack.airflow.clear(pursuit.dag, pursuit.run, cell.moment)
    pursuit.waiting.remove(cell)
    ended = pursuit.follow()
    struck = Struck.since(cell, datetime.now(UTC))
    struck.look(world, ())
    pursuit.struck.append(struck)
    return [] if ended == "success" else [f"delivered again, the run ended as {ended!r}"]
