"""Fits made by a cluster of Ray: each is a task, and the rows lie in its object store, once.

    with OnRay("ray://10.0.0.5:10001") as cluster:
        for made in cluster.run(fits, rows):        # in their order, whichever is done first
            ...

It is connected to when the first fit is asked for. A fit whose worker dies is made again by Ray; a
cluster that cannot be reached, lacks our packages or loses a fit again and again is away: another
try may be luckier, and no recipe is to blame. So that answers agree to the last digit, workers
must have our package versions, which is checked, and use as many threads as we do.
"""

import hashlib
import logging
import os
import secrets
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import chain, islice
from types import ModuleType
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from evergreen.data.splits import Fold
from evergreen.errors import ComputeAway
from evergreen.learning import boosted, crew_on_ray, provenance
from evergreen.learning.computing import Fit, Made, made
from evergreen.learning.crew_on_ray import differing
from evergreen.learning.crews import Crew, threads
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows

logger = logging.getLogger(__name__)

Array = NDArray[Any]
PATIENCE = 5.0
"""Seconds until a cluster that does not answer is taken for away."""
TRIES = 3
"""So often a fit is made again whose worker died, and a cluster is asked to let us in."""
AHEAD = 2
"""So many fits are begun for each that the cluster can make at once: what nobody waits for any more
is little, and ends with the step. (To cancel a task as it ends, ends our process: Ray 2.60.)"""
LOOPBACK = "127.0.0.1"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Nobody is told what happens here, and Ray says nothing of graphics cards."""
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
"""Whatever the system: one that is started here has no other machines, and takes loopback for its
address, where Ray takes that of the network. It answers who has its token, which dies with it."""
TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 (the name of the variable)


class OnRay:
    """A cluster of Ray; to be used once, and closed."""

    def __init__(self, setting: str) -> None:
        """Connect to nothing yet; `setting` is `ray` or `ray://host:port`."""
        self._setting = setting
        self._ray: ModuleType | None = None
        self._ours = False
        """We connected, and so disconnect."""
        self._task: Any = None
        self._rows: tuple[Rows, Any] | None = None
        self._arrays: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect; what was started here ends."""
        self._rows, self._arrays = None, {}
        if self._ray is not None and self._ours:
            self._ray.shutdown()
        self._ray = None

    @property
    def cores(self) -> int:
        """How many cores it has for fits."""
        return int(self._connected().cluster_resources().get("CPU", 0))

    def run(self, fits: Iterable[Fit], rows: Rows) -> Iterator[Made]:
        """Yield what each fit answers, in the order of the fits; some are begun ahead.

        Raises:
            ComputeAway: the cluster cannot be reached, or lost a fit again and again.
        """
        asked = iter(fits)
        for first in asked:  # where there is none, nobody is connected to
            ahead = AHEAD * max(1, self.cores // threads())
            begun = ((fit, self._begin(fit, rows)) for fit in chain([first], asked))
            waiting = deque(islice(begun, ahead))
            while waiting:
                fit, task = waiting.popleft()
                yield self._together(fit, rows) if task is None else self._answer(fit, task)
                waiting.extend(islice(begun, 1))

    def crew(self, recipe: Recipe) -> Crew | None:
        """Return workers of the cluster that fit together; None: one process alone."""
        if recipe.num_workers == 1:
            return None
        ray, size = self._connected(), recipe.num_workers
        return crew_on_ray.CrewOnRay(ray, self._setting, size, recipe.environment)

    def _begin(self, fit: Fit, rows: Rows) -> Any:
        """Begin a fit there; None: one by several workers begins when it is waited for."""
        if fit.recipe.num_workers > 1:
            return None
        ray = self._connected()
        try:
            return self._task.remote(
                self._put_rows(rows), fit.recipe.fresh()[1:], fit.recipe.half_life,
                self._put(fit.fold.train), self._put(fit.fold.test), threads(),
            )  # fmt: skip
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise self._away(error) from error

    def _together(self, fit: Fit, rows: Rows) -> Made:
        """Make a fit from here, whose workers are there."""
        recipe = fit.recipe
        return made(recipe.fresh()[1:], recipe.half_life, rows, fit.fold, self.crew(recipe))

    def _answer(self, fit: Fit, task: Any) -> Made:
        recipe, ray = fit.recipe, self._connected()
        try:
            answer, there = ray.get(task)
        except ray.exceptions.RayTaskError as failed:  # what the estimator raised is its own
            raise (failed.cause or failed) from failed
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise self._away(error, f" while it fitted {recipe.name}") from error
        if strange := differing(there, recipe.environment):
            raise self._away(f"its workers have {strange}; let them run the same image")
        return answer  # type: ignore[no-any-return]

    def _put_rows(self, rows: Rows) -> Any:
        if self._rows is None or self._rows[0] is not rows:
            bare = replace(rows, features=rows.frame)  # held, without the names, which only we need
            self._rows = rows, self._connected().put(bare)
        return self._rows[1]

    def _put(self, positions: Array) -> Any:
        """Put positions into the store, once for all fits of the same fold."""
        key = hashlib.blake2b(positions.tobytes(), digest_size=16).hexdigest()
        if key not in self._arrays:
            self._arrays[key] = self._connected().put(positions)
        return self._arrays[key]

    def _connected(self) -> ModuleType:
        if self._ray is None:
            self._ray, self._ours = _connect(self._setting)
            self._check_cores()
            options = {"num_cpus": threads(), "max_retries": TRIES}
            self._task = self._ray.remote(**options)(_made_there)
        return self._ray

    def _check_cores(self) -> None:
        assert self._ray is not None, "it is connected"  # noqa: S101
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        most = max((node.get("CPU", 0) for node in nodes), default=0)
        if most < threads():
            raise self._away(
                f"a fit uses {threads()} threads, and no node of it has so many cores ({most:g} at"
                " most); start a larger one, or set OMP_NUM_THREADS to less here"
            )

    def _away(self, why: object, when: str = "") -> ComputeAway:
        return ComputeAway(self._setting, f"{when}{': ' if when else ''}{why}".strip())


def _connect(setting: str) -> tuple[ModuleType, bool]:
    """Return Ray, connected, and whether it was not before.

    Raises:
        ComputeAway: it is not installed, or does not answer.
    """
    _reach(setting)
    ray = _imported(setting)
    if ray.is_initialized():
        return ray, False
    try:
        _enter(ray, **_options(setting), log_to_driver=False)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ComputeAway(setting, error) from error
    return ray, True


def _enter(ray: ModuleType, **options: Any) -> None:
    """Connect. The process that a head forks for each client may die at once, and another lives.

    It does so where gRPC takes part in the fork: https://github.com/ray-project/ray/issues/63202
    """
    for _ in range(TRIES - 1):
        try:
            ray.init(**options)
        except ConnectionAbortedError as error:
            logger.warning("the cluster of Ray let nobody in, and is asked again: %s", error)
        else:
            return
    ray.init(**options)


def _reach(setting: str) -> None:
    """Ask whether anybody listens: Ray alone would try for half a minute."""
    address = urlsplit(setting)
    if not address.hostname or not address.port:
        return
    try:
        socket.create_connection((address.hostname, address.port), PATIENCE).close()
    except OSError as error:
        raise ComputeAway(setting, error) from error


def _imported(setting: str) -> ModuleType:
    own = {} if _address(setting) else ALONE | {TOKEN: secrets.token_hex(32)}
    for name, value in (QUIET | own).items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError as missing:
        why = f"{missing.name} is not installed here: pip install 'evergreen[ray]'"
        raise ComputeAway(setting, why) from missing
    logging.getLogger("ray").setLevel(logging.WARNING)
    found: ModuleType = ray
    return found


def _options(setting: str) -> dict[str, Any]:
    """Return where Ray is; one that is started here is heard on loopback only."""
    if address := _address(setting):
        return {"address": address}
    return {
        "address": "local", "include_dashboard": False, "_node_ip_address": LOOPBACK,
        "logging_level": logging.WARNING,
    }  # fmt: skip


def _address(setting: str) -> str:
    """Return where a cluster is; empty: it is to be started here."""
    return setting if "://" in setting else os.environ.get("RAY_ADDRESS", "")


def _made_there(
    rows: Rows,
    model: Pipeline,
    half_life: timedelta | None,
    train: Array,
    test: Array,
    threads: int,
) -> tuple[Made, dict[str, str]]:
    """Make a fit in a worker; return what it answered, and the versions that it rests on."""
    versions = provenance.environment() | boosted.versions(model)
    with threadpool_limits(threads):
        fold = Fold(np.array(train), np.array(test))  # what lies in the store is read-only
        return made(model, half_life, rows, fold), versions
