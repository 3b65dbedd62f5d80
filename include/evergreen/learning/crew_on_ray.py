"""Workers of a cluster of Ray that fit together, each with its share of the rows.

    CrewOnRay(ray, "ray://10.0.0.5:10001", size=2, versions=recipe.environment).learn(lesson)

They are placed together or not at all, so that two fits cannot wait for each other's cores; on as
many machines as there are. Rows that are held go through the object store, once; those that lie in
Parquet each worker reads from the store, its own alone. They meet in the first worker: nobody needs
to reach this process. When the fit is over, or when it fails, their place is given back, and all
that ran there ends.
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from evergreen.errors import ComputeAway, WorkerLost
from evergreen.learning import crews
from evergreen.learning.workers import Worker

if TYPE_CHECKING:
    from evergreen.learning.streaming import Lesson

ROOM = 10.0
"""Seconds between two looks whether the cluster still has room for all of them."""


@dataclass(frozen=True)
class CrewOnRay:
    """So many workers of a cluster that is connected to."""

    ray: ModuleType
    setting: str
    size: int
    versions: Mapping[str, str]
    """Of the packages that they must have."""

    def learn(self, lesson: "Lesson") -> bytes:
        """Return the trees."""
        return crews.learned(lesson, self.size, self._hired, self.setting)

    @contextmanager
    def _hired(self) -> Iterator[crews.Staff]:
        from ray.util import placement_group, remove_placement_group

        self._check_room()
        cores = {"CPU": crews.threads()}
        with self._reached():
            place = placement_group([cores] * self.size, strategy="SPREAD")
        try:
            with self._reached():
                self._wait(place)
                staff = Actors(self.ray, [self._actor(place, n) for n in range(self.size)])
                self._check_versions(staff)
                yield staff
        finally:
            with contextlib.suppress(ConnectionError, self.ray.exceptions.RayError):
                remove_placement_group(place)

    def _actor(self, place: Any, number: int) -> Any:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        where = PlacementGroupSchedulingStrategy(place, placement_group_bundle_index=number)
        there = self.ray.remote(num_cpus=crews.threads(), scheduling_strategy=where)(There)
        return there.remote()

    def _wait(self, place: Any) -> None:
        while not place.wait(ROOM):
            self._check_room()

    def _check_room(self) -> None:
        """Refuse to wait for cores that there are not."""
        cores, each = self._cores(), crews.threads()
        if sum(int(one // each) for one in cores) < self.size:
            raise self._away(
                f"a fit by {self.size} workers takes {each} cores for each, and its nodes have"
                f" {', '.join(f'{one:g}' for one in cores) or 'none'}; start more of them, or set"
                " OMP_NUM_THREADS to less here"
            )

    def _cores(self) -> list[float]:
        with self._reached():
            nodes = self.ray.nodes()
        return [float(one["Resources"].get("CPU", 0)) for one in nodes if one["Alive"]]

    def _check_versions(self, staff: "Actors") -> None:
        for number in range(self.size):
            staff.ask(number, "versions")
        for there in staff.answers():
            if strange := differing(there, self.versions):
                raise self._away(f"its workers have {strange}; let them run the same image")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (self.ray.exceptions.RayError, ConnectionError) as error:
            raise self._away(error) from error

    def _away(self, why: object) -> ComputeAway:
        return ComputeAway(self.setting, why)


class There(Worker):
    """A worker in a process of Ray's, which the others reach at its node's address."""

    def __init__(self) -> None:
        import ray

        util: Any = ray.util  # which has no types
        super().__init__(str(util.get_node_ip_address()))


class Actors:
    """Workers that are there, or will be in a moment."""

    def __init__(self, ray: ModuleType, workers: list[Any]) -> None:
        self._ray = ray
        self._workers = workers
        self._asked: list[Any] = []

    def ask(self, number: int, what: str, *given: Any) -> None:
        """Ask one for what a method of `Worker` does."""
        self._asked.append(getattr(self._workers[number], what).remote(*given))

    def answers(self) -> list[Any]:
        """Return what each answered that was asked.

        Raises:
            WorkerLost: one is gone.
        """
        asked, self._asked = self._asked, []
        waiting, failures = list(asked), list[BaseException]()
        while waiting:
            ready, waiting = self._ray.wait(waiting, timeout=crews.GRACE if failures else None)
            if not ready:
                break
            failures += [error for one in ready if (error := self._failure(one))]
        if failures:
            raise crews.cause(failures)
        found: list[Any] = self._ray.get(asked)
        return found

    def _failure(self, answer: Any) -> BaseException | None:
        try:
            self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as failed:  # what the fit raised is its own
            found: BaseException = failed.cause or failed
            return found
        except self._ray.exceptions.RayError as gone:
            return WorkerLost(str(gone))
        return None


def differing(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Say which versions are others than ours; empty: none."""
    names = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
    told = (f"{name} {there.get(name, 'none')} (here {here.get(name, 'none')})" for name in names)
    return ", ".join(told)
