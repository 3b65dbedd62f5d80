"""Many trainings that are due at once, on so many slots and cores: when is each done?

    outcome = simulate(jobs, slots=3, cores=2)
    outcome.jobs[0].done      # seconds after the beginning
    outcome.peak_bytes        # the most at any moment

List scheduling: whenever a slot is free, the task goes first that is furthest on its way, of those
the one whose job comes first (`evergreen_airflow.priorities`). Tasks that want more cores
together than there are slow each other down alike. It knows no clock, no database and no Airflow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from evergreen.errors import DeclarationError

NO_TIME = 1e-9


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task of a job."""

    seconds: float
    """That it takes where nothing else runs."""
    cores: float = 1.0
    """That it keeps busy meanwhile."""
    peak_bytes: int = 0
    after: tuple[int, ...] = ()
    """Places in the job of those that must have ended; they come before it."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training."""

    name: str
    due: float = 0.0
    """Seconds after the beginning."""
    tasks: tuple[Task, ...]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of a job, in seconds after the beginning."""

    name: str
    due: float
    begun: float
    done: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of all of them."""

    jobs: tuple[Ended, ...]
    """In the order of what was given."""
    peak_bytes: int
    at_once: int
    """So many tasks ran at most at any moment."""


class Slots:
    """The state of a simulation: what waits, what runs, what has ended."""

    def __init__(self, jobs: Sequence[Job], slots: int, cores: float) -> None:
        self.jobs, self.slots, self.cores = jobs, slots, cores
        self.now, self.peak_bytes, self.at_once = 0.0, 0, 0
        self.coming = [(job.due, k) for k, job in enumerate(jobs)]
        heapify(self.coming)
        self.ready: list[tuple[int, int, int]] = []
        self.running: dict[tuple[int, int], float] = {}
        self.offered: list[set[int]] = [set() for _ in jobs]
        self.ended: list[set[int]] = [set() for _ in jobs]
        self.begun: dict[int, float] = {}
        self.done: dict[int, float] = {}

    def run(self) -> Outcome:
        """Let everything happen."""
        while self.coming or self.ready or self.running:
            self._admit()
            self._fill()
            self._pass(self._until_next())
        return Outcome(
            jobs=tuple(
                Ended(
                    name=job.name, due=job.due, begun=self.begun.get(k, job.due),
                    done=self.done.get(k, job.due),
                )
                for k, job in enumerate(self.jobs)
            ),
            peak_bytes=self.peak_bytes,
            at_once=self.at_once,
        )  # fmt: skip

    def _admit(self) -> None:
        while self.coming and self.coming[0][0] <= self.now + NO_TIME:
            self._offer(heappop(self.coming)[1])

    def _offer(self, k: int) -> None:
        """Let the tasks of a job wait for a slot that nothing else keeps from running."""
        for n, task in enumerate(self.jobs[k].tasks):
            if n not in self.offered[k] and self.ended[k].issuperset(task.after):
                self.offered[k].add(n)
                heappush(self.ready, (-n, k, n))

    def _fill(self) -> None:
        while self.ready and len(self.running) < self.slots:
            _, k, n = heappop(self.ready)
            self.begun.setdefault(k, self.now)
            self.running[k, n] = self.jobs[k].tasks[n].seconds
        tasks = [self.jobs[k].tasks[n] for k, n in self.running]
        self.peak_bytes = max(self.peak_bytes, sum(task.peak_bytes for task in tasks))
        self.at_once = max(self.at_once, len(tasks))

    def _until_next(self) -> float:
        """Return the seconds until a task ends, or a job is due."""
        moments = [left * self._slower for left in self.running.values()]
        if self.coming:
            moments.append(self.coming[0][0] - self.now)
        return max(0.0, min(moments, default=0.0))

    @property
    def _slower(self) -> float:
        wanted = sum(self.jobs[k].tasks[n].cores for k, n in self.running)
        return max(1.0, wanted / self.cores)

    def _pass(self, seconds: float) -> None:
        work = seconds / self._slower
        self.now += seconds
        for (k, n), left in list(self.running.items()):
            self.running[k, n] = left - work
            if left - work <= NO_TIME:
                del self.running[k, n]
                self.ended[k].add(n)
                self.done[k] = self.now
                self._offer(k)


def simulate(jobs: Sequence[Job], *, slots: int, cores: float) -> Outcome:
    """Let jobs run, the first of them first where they wait for the same slot.

    Raises:
        DeclarationError: there is no slot, or no core.
    """
    if slots < 1:
        raise DeclarationError("slots", slots, "1 or more")
    if cores <= 0:
        raise DeclarationError("cores", cores, "more than 0")
    return Slots(jobs, slots, cores).run()


def busy(spans: Sequence[tuple[float, float]]) -> float:
    """Return the seconds in which at least one of some spans lasts.

    >>> busy([(0, 10), (5, 12), (100, 101)])
    13.0
    """
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
