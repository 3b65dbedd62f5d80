"""One fit of XGBoost by several workers, each of which holds its share of the rows.

    Here(2).learn(lesson)         # the trees, by two processes of this machine
    crew_on_ray.CrewOnRay(…)          # the same by workers of a cluster

Each learns from rows that follow each other, and they add up what their bins hold: trees are those
of all rows, but for the edges of the bins, which are sketched in so many parts. Workers are ranked
by their number, so that the same rows, parameters and number of workers give the same bytes,
wherever they are. They meet in the first one. Where one dies, all end, and the fit is made again.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import joblib

from evergreen.errors import ComputeAway, DeclarationError, WorkerLost
from evergreen.settings import LOCAL

if TYPE_CHECKING:
    from evergreen.learning.streaming import Lesson
    from evergreen.learning.workers import Learned

logger = logging.getLogger(__name__)

TRIES = 3
"""So often a fit is made that loses a worker."""
GRACE = 1.0
"""Seconds that the others have to say what befell them, once one has failed."""
NEIGHBOURS = "/collective/"
"""Where in XGBoost an error comes from that another worker's end has caused."""


class Crew(Protocol):
    """Workers that fit together."""

    def learn(self, lesson: "Lesson") -> bytes:
        """Return the trees.

        Raises:
            ComputeAway: workers were lost, again and again.
        """


class Staff(Protocol):
    """Workers that are there."""

    def ask(self, number: int, what: str, *given: Any) -> None:
        """Ask one for what a method of `Worker` does."""

    def answers(self) -> list[Any]:
        """Return what each answered that was asked, in that order.

        Raises:
            WorkerLost: one is gone.
        """


Hire = Callable[[], AbstractContextManager[Staff]]


@dataclass(frozen=True)
class Here:
    """Processes of this machine, which meet on loopback."""

    size: int

    def learn(self, lesson: "Lesson") -> bytes:
        """Return the trees."""
        return learned(lesson, self.size, self._hired, LOCAL)

    @contextmanager
    def _hired(self) -> Iterator[Staff]:
        from evergreen.learning import processes  # not above: who serves starts none

        with processes.started(self.size) as staff:
            yield staff


def learned(lesson: "Lesson", size: int, hire: Hire, setting: str) -> bytes:
    """Return what so many workers learn together.

    Raises:
        ComputeAway: workers were lost, again and again.
        DeclarationError: there are fewer rows than workers.
    """
    _check_rows(lesson, size)
    asked = settled(lesson)
    for tries_left in reversed(range(TRIES)):
        try:
            with hire() as staff:
                return _trees(_learned(staff, asked, size))
        except WorkerLost as lost:
            if not tries_left:
                why = f"a fit by {size} workers lost one {TRIES} times: {lost}"
                raise ComputeAway(setting, why) from lost
            logger.warning("a fit by %s workers is made again: %s", size, lost)
    raise AssertionError("the last try returns or raises")


def _check_rows(lesson: "Lesson", size: int) -> None:
    late = [] if lesson.late is None else [len(lesson.late[1])]
    if (fewest := min([len(lesson.truth), *late])) < size:
        what = "that tell when to stop" if late == [fewest] else "of a fit"
        allowed = f"at most {fewest}, the rows {what}: each worker has a share"
        raise DeclarationError("candidate.num_workers", size, allowed)


def _learned(staff: Staff, lesson: "Lesson", size: int) -> "list[Learned]":
    staff.ask(0, "open", size)
    [meeting] = staff.answers()
    for number in range(size):
        staff.ask(number, "learn", meeting, number, lesson.share(number, size))
    return staff.answers()


def _trees(found: "Sequence[Learned]") -> bytes:
    for number, one in enumerate(found):
        told = (number + 1, len(found), one.rows, one.peak_bytes / 1e9, one.seconds)
        logger.info("worker %s of %s: %s rows, %.2f GB at most, %.1f s", *told)
    if len({one.trees for one in found}) > 1:
        raise RuntimeError(f"{len(found)} workers have learned different trees from the same rows")
    return found[0].trees


def settled(lesson: "Lesson") -> "Lesson":
    """Say how many threads a worker uses: another number may add up in another order."""
    if lesson.bins["nthread"] is not None:
        return lesson
    own = {"nthread": threads()}
    return replace(lesson, settings=lesson.settings | own, bins=lesson.bins | own)


def threads() -> int:
    """Return how many threads a fit uses here, as scikit-learn counts them."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(said) if said.isdecimal() else int(joblib.cpu_count(only_physical_cores=True))


def cause(failures: Sequence[BaseException]) -> BaseException:
    """Return what the other failures came from: an end, then what one alone has raised."""
    lost = [one for one in failures if isinstance(one, WorkerLost)]
    own = [one for one in failures if NEIGHBOURS not in str(one)]
    if found := [*lost, *own]:
        return found[0]
    return WorkerLost(f"they lost each other: {str(failures[0]).splitlines()[0]}")
