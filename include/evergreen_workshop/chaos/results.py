"""What became of each cell: one line of JSON each, and the table that is made of them."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from evergreen_workshop.chaos.cells import matrix

BEGIN, END = "<!-- cells: begin -->", "<!-- cells: end -->"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One cell that was run."""

    cell: str
    seed: int
    number: int
    """Its place among those that the seed drew, from 0."""
    at: str
    """When it began, UTC."""
    together: int = 1
    """How many faults struck the same run."""
    complaints: tuple[str, ...]
    """What was not as it must be; none: the fault did no harm."""
    struck: bool = True
    """False: the moment had passed before it could strike; that proves nothing."""
    recovery: float | None = None
    """Seconds until what was struck worked again."""
    limit: float = 0.0
    seconds: float = 0.0
    """All of it, with the undisturbed twin and `evergreen check`."""
    answered: int = 0
    """Requests that the service answered meanwhile."""
    refused: int = 0
    load: float = 0.0
    """Processes that wanted the machine's cores in the minute before its end."""

    @property
    def well(self) -> bool:
        """Tell whether it struck, and did no harm."""
        return self.struck and not self.complaints

    @property
    def words(self) -> str:
        """What is said of it, in a line; empty: it did no harm."""
        late = () if self.struck else ("came too late",)
        return "; ".join((*late, *self.complaints))

    @classmethod
    def read(cls, line: str) -> Self:
        """Read a line that `line` wrote."""
        document = json.loads(line)
        return cls(**document | {"complaints": tuple(document["complaints"])})

    @property
    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


def read(file: Path) -> list[Result]:
    """Return what a file holds; nothing when there is none."""
    if not file.exists():
        return []
    return [Result.read(line) for line in file.read_text().splitlines()]


def add(file: Path, result: Result) -> None:
    """Append a result."""
    with file.open("a") as stream:
        stream.write(result.line + "\n")


def well(results: Sequence[Result]) -> bool:
    """Tell whether something struck, and nothing was wrong: not beside what came too late, either.

    Where nothing struck, nothing is proven.
    """
    return any(one.struck for one in results) and not any(one.complaints for one in results)


def summary(results: Sequence[Result]) -> str:
    """Return the figures in one sentence."""
    struck = [each for each in results if each.struck]
    harmful = sum(not each.well for each in struck)
    times = sorted(each.recovery for each in struck if each.recovery is not None)
    said = f"{len(struck)} faults, {harmful} of them did harm"
    if times:
        said += (
            f"; recovery {statistics.median(times):.0f} s in the middle, {times[-1]:.0f} s at most"
        )
    late = [each for each in results if not each.struck]
    said += f"; {len(late)} came too late to strike" if late else ""
    unwell = sum(bool(each.complaints) for each in late)
    return said + (f", and beside {unwell} of them something was wrong" if unwell else "") + "."


def page(text: str, results: Sequence[Result], machine: str) -> str:
    """Return a page with its table renewed, between the two marks.

    Raises:
        ValueError: the marks are not there.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{head}{BEGIN}\n{table(results, machine)}\n{END}{tail}"


def table(results: Sequence[Result], machine: str) -> str:
    """Return the table of every cell, those that were not run included, as Markdown."""
    by_cell: dict[str, list[Result]] = {}
    for one in results:
        if one.struck:
            by_cell.setdefault(one.cell, []).append(one)
    lines = [f"{summary(results)} {_when(results)} On {machine}.", "", *_head()]
    for cell in matrix():
        found = by_cell.get(str(cell), [])
        lines.append(_row((cell.fault, cell.victim, cell.moment), found, cell.why_not(())))
    return "\n".join(lines)


def _when(results: Sequence[Result]) -> str:
    days = sorted(each.at[:16].replace("T", " ") for each in results)
    return f"Run from {days[0]} to {days[-1]} UTC." if days else "None was run."


def _head() -> Iterable[str]:
    yield "| fault | who | as | outcome | recovery | said |"
    yield "| --- | --- | --- | --- | --- | --- |"


def _row(names: Sequence[str], found: Sequence[Result], why_not: str) -> str:
    if not found:
        return f"| {' | '.join(names)} | not run | – | {why_not} |"
    harmful = [each for each in found if not each.well]
    times = [each.recovery for each in found if each.recovery is not None]
    outcome = f"{len(found) - len(harmful)} of {len(found)} well"
    recovery = f"{max(times):.0f} s of {found[-1].limit:.0f}" if times else "–"
    said = "; ".join(dict.fromkeys(c for each in harmful for c in each.complaints))
    return f"| {' | '.join(names)} | {outcome} | {recovery} | {_cell(said)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())[:300]
