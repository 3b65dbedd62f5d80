"""What `evergreen chaos` does."""

import platform
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from rich.table import Table

from evergreen import console
from evergreen.records import Records
from evergreen.settings import Settings, environment
from evergreen.spec import UseCase
from evergreen_workshop.chaos import results as kept
from evergreen_workshop.chaos.cells import Cell, Need, matrix
from evergreen_workshop.chaos.experiment import Experiment, experiment
from evergreen_workshop.chaos.faults import Strike
from evergreen_workshop.chaos.listener import listening
from evergreen_workshop.chaos.results import Result
from evergreen_workshop.chaos.world import World
from evergreen_workshop.stack import processes
from evergreen_workshop.stack.clock import Clock
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import Stack
from evergreen_workshop.stack.progress import Progress

Tell = Callable[[str], None]


@contextmanager
def prepared(
    use_case: UseCase, seed: int, seconds: float, *, records: Records, settings: Settings
) -> Iterator[Experiment]:
    """Yield what is needed on the stack of these settings."""
    stack = Stack(Layout(settings.home.resolve()), Progress(console.err))
    world = World(use_case, records, settings, stack)
    with (
        listening(settings.notify_urls) as messages,
        experiment(world, Strike(seconds), messages, seed) as it,
    ):
        yield it


def carry_out(
    it: Experiment, groups: Sequence[Sequence[Cell]], file: Path | None, tell: Tell
) -> Iterator[Result]:
    """Run each group of cells in a run of its own, and keep the results in a file."""
    for number, group in enumerate(groups):
        tell(f"{number + 1} of {len(groups)}: {', '.join(map(str, group))}")
        for result in it.run(group, number):
            tell(said(result))
            if file is not None:
                kept.add(file, result)
            yield result


def said(result: Result) -> str:
    """Return a result in a line."""
    took = "" if result.recovery is None else f" after {result.recovery:.0f} s"
    return f"{result.cell}: {result.words or f'well{took}'}"


def show(results: Sequence[Result]) -> None:
    """Print the results as a table, with the figures below."""
    table = Table("cell", "recovery", "s", "answered", "said")
    for one in results:
        recovery = "–" if one.recovery is None else f"{one.recovery:.0f} s"
        table.add_row(
            one.cell, recovery, f"{one.seconds:.0f}", str(one.answered), one.words,
            style="red" if one.complaints else "",
        )  # fmt: skip
    console.show(table)
    console.say(kept.summary(results))


def there_is() -> set[Need]:
    """Return what the stack of `EVERGREEN_HOME` has that not every one does; nothing: none runs."""
    home = Path(environment()["EVERGREEN_HOME"]).resolve()
    env = processes.variables(Layout(home), "scheduler")
    celery = "CeleryExecutor" in env.get("AIRFLOW__CORE__EXECUTOR", "")
    found = {Need.WORKER: celery, Need.CLOCK: Clock.of(env) is not None}
    return {need for need, there in found.items() if there}


def listed(has: Collection[Need], *, as_json: bool) -> None:
    """Print every cell, and why one cannot be run on a stack that has these."""
    found = [(str(cell), cell.why_not(has)) for cell in matrix()]
    if as_json:
        console.document([{"cell": cell, "why_not": why_not} for cell, why_not in found])
        return
    for cell, why_not in found:
        console.say(f"{cell}{f': {why_not}' if why_not else ''}")


def renew(page: Path, file: Path) -> None:
    """Make the table of a page anew from the results in a file."""
    memory = psutil.virtual_memory().total / 2**30
    machine = (
        f"{psutil.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, which others used as"
        " well"
    )
    page.write_text(kept.page(page.read_text(), kept.read(file), machine))
