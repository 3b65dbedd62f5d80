"""Put on record what the steps of a training cost: seconds, memory, rows, fits.

    @measured("extract")
    def extract(use_case: UseCase, run: Run, *, records: Records, settings: Settings) -> SnapshotRef

A step that fails costs nothing that the next one could be foretold from, and is not on record.
"""

import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from evergreen.learning import training
from evergreen.records import Cost
from evergreen.refs import (
    CandidateRef,
    EvaluationRef,
    FeaturesRef,
    SnapshotRef,
    ValidationRef,
    Verdict,
)

P = ParamSpec("P")
R = TypeVar("R")
UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that `ru_maxrss` counts in."""
FORGET_PEAK = "5"
"""What Linux wants to hear to begin anew with the peak of a process (proc(5))."""
SCHEDULED = Path("/proc/self/schedstat")
"""Nanoseconds on a core and in the queue for one, of the main thread (sched-stats)."""


def measured(step: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Put on record what a step costs, once it has succeeded.

    Its parameters are called as those of all steps: `use_case`, `run`, `records`; of a training
    `name` and `force` as well.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = signature(function)

        @wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            asked = parameters.bind(*args, **kwargs).arguments
            _forget_peak()
            began = Clock.read()
            result = function(*args, **kwargs)
            taken = Clock.read().since(began)
            asked["records"].costs.record(_cost(step, asked, result, taken))
            return result

        return wrapper

    return decorate


def peak_bytes() -> int:
    """Return the most resident memory that this process had; on Linux since the step began."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


@dataclass(frozen=True)
class Clock:
    """Seconds that have passed: for everybody, on a core, and in the queue for one."""

    wall: float
    cores: float
    queue: float | None

    @classmethod
    def read(cls) -> "Clock":
        """Read the three clocks."""
        times = os.times()
        return cls(time.perf_counter(), sum(times[:4]), queued_seconds())

    def since(self, began: "Clock") -> dict[str, Any]:
        """Return what has passed since then, by the names of `Cost`."""
        known = self.queue is not None and began.queue is not None
        return {
            "seconds": self.wall - began.wall,
            "cpu_seconds": self.cores - began.cores,
            "queued_seconds": (self.queue or 0) - (began.queue or 0) if known else None,
        }


def queued_seconds() -> float | None:
    """Return how long this process's main thread has waited for a core; None: it is not Linux."""
    try:
        return int(SCHEDULED.read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):  # an older kernel may tell nothing
        return None


def _forget_peak() -> None:
    with contextlib.suppress(OSError):  # not Linux, or not allowed: the peak is the process's
        Path("/proc/self/clear_refs").write_text(FORGET_PEAK)


def _cost(step: str, asked: Mapping[str, Any], result: Any, taken: Mapping[str, Any]) -> Cost:
    run = asked["run"]
    snapshot = _snapshot([result, *asked.values()])
    return Cost(
        use_case=asked["use_case"].name,
        run_key=run.key,
        step=step,
        as_of=run.as_of,
        rows=snapshot.rows if snapshot else None,
        peak_bytes=peak_bytes(),
        **taken,
        **(_of_training(asked, result) if isinstance(result, CandidateRef) else {}),
    )


def _of_training(asked: Mapping[str, Any], trained: CandidateRef) -> dict[str, Any]:
    """Return what is known of a training's fits; of one that was reused, nothing was made."""
    found: dict[str, Any] = {"name": asked["name"]}
    effort = trained.effort
    if effort is None or trained.reused or trained.problem:
        return found
    remembered = not asked.get("force")
    return found | {
        "asked": training.asked(asked["use_case"], asked["name"]) if remembered else "",
        "fits": effort.fits,
        "kept": effort.kept,
        "fit_rows": effort.rows,
        "fit_seconds": effort.seconds,
    }


def _snapshot(refs: Iterable[Any]) -> SnapshotRef | None:
    """Return the snapshot that a step was about."""
    for ref in refs:
        match ref:
            case SnapshotRef():
                return ref
            case ValidationRef() | FeaturesRef():
                return ref.snapshot
            case EvaluationRef():
                return ref.features.snapshot
            case Verdict():
                return ref.evaluation.features.snapshot
    return None
