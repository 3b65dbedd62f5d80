"""The matrix: which fault, on whom, at which moment; and how a seed draws from it."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from itertools import product

from evergreen.errors import DeclarationError, StackError


class Fault(StrEnum):
    """What happens."""

    KILL = "kill -9"
    STOP = "stop"
    """SIGSTOP to all its processes, and SIGCONT after a while."""
    SLOW = "slow"
    """It stands still for three quarters of the time, in short turns."""
    FULL = "disk full"
    """It cannot write to files for a while."""
    AHEAD = "clock ahead"
    """Its time of day leaps an hour ahead, and comes back."""
    BACK = "clock back"
    """Its time of day leaps an hour back, and comes again."""
    DAMAGE = "damage"
    """One byte of a file is another."""
    TWICE = "delivered twice"
    """The task, and all after it, is run again when the run has ended."""
    OPERATORS = "two operators"
    """A person asks for the same training by the command, beside the run."""
    RESTORE = "restore"
    """What happened since a backup is lost."""


class Victim(StrEnum):
    """Whom it happens to."""

    CHILD = "task"
    """The process that runs the step."""
    SUPERVISOR = "supervisor"
    """The executor's process that watches over it."""
    SCHEDULER = "scheduler"
    DAG_PROCESSOR = "dag-processor"
    TRIGGERER = "triggerer"
    API_SERVER = "api-server"
    MLFLOW = "mlflow"
    POSTGRES = "postgres"
    SERVICE = "serve"
    WORKER = "Celery worker"
    """That has the task, with all that it has started: as a container, or a machine."""
    SNAPSHOT = "snapshot"
    FIT = "fit"
    EVIDENCE = "evidence"
    GOLDEN = "golden rows"
    COPY = "served copy"
    RUN = "run"
    RECORDS = "records"


class Moment(StrEnum):
    """When it happens: as this task runs, or while nothing runs."""

    EXTRACT = "extract"
    TRAIN = "train"
    EVALUATE = "evaluate"
    GATE = "gate"
    FITTING = "fit"
    PROMOTE = "promote"
    WATCH = "watch"
    DECIDE = "decide"
    SERVE = "serve"
    """As the service answers, and nothing trains."""
    REST = "rest"


TRAINING = (
    Moment.EXTRACT, Moment.TRAIN, Moment.EVALUATE, Moment.GATE, Moment.FITTING, Moment.PROMOTE,
)  # fmt: skip
WATCHING = (Moment.WATCH, Moment.DECIDE)
TASK = (Victim.CHILD, Victim.SUPERVISOR)
SERVICES = (
    Victim.SCHEDULER, Victim.DAG_PROCESSOR, Victim.TRIGGERER, Victim.API_SERVER, Victim.MLFLOW,
    Victim.POSTGRES, Victim.SERVICE,
)  # fmt: skip
BYTES = (Victim.SNAPSHOT, Victim.FIT, Victim.EVIDENCE, Victim.GOLDEN, Victim.COPY)


class Need(StrEnum):
    """What not every stack has: why a cell cannot be run without it."""

    WORKER = "the stack runs tasks by LocalExecutor: it has no Celery worker"
    CLOCK = "the stack's tasks load no clock that can be moved: `make up CLOCK=1` gives them one"


@dataclass(frozen=True, order=True)
class Cell:
    """One fault on one victim at one moment."""

    fault: Fault
    victim: Victim
    moment: Moment

    def __str__(self) -> str:
        return f"{self.fault} / {self.victim} / {self.moment}"

    @property
    def ends_the_task(self) -> bool:
        """Tell whether the try of the task that was struck cannot go on."""
        return self.fault is Fault.KILL and self.victim in {*TASK, Victim.WORKER}

    @property
    def shares(self) -> bool:
        """Tell whether it may strike before, or in, one training together with others."""
        brief = {Fault.KILL, Fault.FULL, Fault.AHEAD, Fault.BACK}
        in_it = self.fault in brief and self.moment in TRAINING
        return in_it or self.fault is Fault.DAMAGE

    def goes_with(self, other: "Cell") -> bool:
        """Tell whether another strikes neither the same victim, nor at the same moment."""
        if Fault.DAMAGE in {self.fault, other.fault}:
            return self.fault is other.fault and self.victim is not other.victim
        same = self.victim is other.victim or self.moment is other.moment
        return other.shares and not same

    @property
    def need(self) -> Need | None:
        """What a stack must have for it; None: what every stack has."""
        if self.victim is Victim.WORKER:
            return Need.WORKER
        return Need.CLOCK if self.fault in {Fault.AHEAD, Fault.BACK} else None

    def why_not(self, has: Collection[Need]) -> str:
        """Why it cannot be run on a stack that has these; empty: it can."""
        return "" if self.need is None or self.need in has else str(self.need)


def matrix() -> tuple[Cell, ...]:
    """Return every cell that has a meaning: nobody kills the task of a moment without one."""
    moments = (*TRAINING, *WATCHING)
    found = [
        *product((Fault.KILL, Fault.STOP), (*TASK, Victim.WORKER), moments),
        *product((Fault.KILL, Fault.STOP), SERVICES, (*moments, Moment.SERVE)),
        *product((Fault.SLOW,), (Victim.MLFLOW, Victim.POSTGRES), (*moments, Moment.SERVE)),
        *product((Fault.FULL, Fault.AHEAD, Fault.BACK), (Victim.CHILD,), moments),
        *product((Fault.FULL,), (Victim.SERVICE,), (Moment.SERVE,)),
        *product((Fault.DAMAGE,), BYTES, (Moment.REST,)),
        *product((Fault.TWICE, Fault.OPERATORS), (Victim.RUN,), TRAINING),
        (Fault.RESTORE, Victim.RECORDS, Moment.REST),
    ]
    return tuple(Cell(*each) for each in found)


def choose(only: Sequence[str], has: Collection[Need] = ()) -> list[Cell]:
    """Return the cells that can be run here and whose name holds one of the texts; none: all.

    In a text, `*` stands for anything: `kill -9 / * / gate`. `has`: what the stack has that not
    every one does.

    Raises:
        DeclarationError: no cell is called so.
        StackError: those that are called so cannot be run here.
    """
    texts = [f"*{text.lower()}*" for text in only]
    called = [
        cell
        for cell in matrix()
        if not texts or any(fnmatch(str(cell).lower(), text) for text in texts)
    ]
    if not called:
        known = (
            "a part of a cell's name, as 'kill -9 / scheduler' or 'stop / * / gate' (see --list)"
        )
        raise DeclarationError("--only", ", ".join(only), known)
    found = [cell for cell in called if not cell.why_not(has)]
    if not found:
        raise StackError(f"{called[0]} cannot be run here: {called[0].why_not(has)}")
    return found


def draw(cells: Sequence[Cell], seed: int, count: int) -> list[Cell]:
    """Draw so many cells; each once before one comes again. The same seed, the same cells."""
    generator = random.Random(seed)  # noqa: S311
    drawn: list[Cell] = []
    while len(drawn) < count:
        some = list(cells)
        generator.shuffle(some)
        drawn += some
    return drawn[:count]


def grouped(cells: Sequence[Cell], together: int) -> list[list[Cell]]:
    """Return the cells in groups that strike one training each, of so many at most.

    Each joins the first group that has room for it: no task is struck twice in a group, nor a
    victim; what strikes no training stays alone.
    """
    groups: list[list[Cell]] = []
    for cell in cells:
        fits = (each for each in groups if len(each) < together and all(map(cell.goes_with, each)))
        group = next(fits, None) if cell.shares else None
        if group is None:
            groups.append([cell])
        else:
            group.append(cell)
    return groups


SMOKE = tuple(
    Cell(Fault.KILL, victim, moment)
    for victim, moment in (
        (Victim.CHILD, Moment.EXTRACT),
        (Victim.DAG_PROCESSOR, Moment.EXTRACT),
        (Victim.TRIGGERER, Moment.TRAIN),
        (Victim.SERVICE, Moment.TRAIN),
        (Victim.CHILD, Moment.TRAIN),
        (Victim.CHILD, Moment.EVALUATE),
        (Victim.CHILD, Moment.GATE),
        (Victim.API_SERVER, Moment.FITTING),
        (Victim.CHILD, Moment.FITTING),
        (Victim.CHILD, Moment.PROMOTE),
    )
)
"""Ten faults that one training has to survive. PostgreSQL and MLflow, which take a minute to come
back where others keep the machine busy, are left to the nightly run."""
