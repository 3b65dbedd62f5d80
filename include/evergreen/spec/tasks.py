"""How the tasks of a use case run: where, for how long, before which others.

tasks={
    "*": Task(pool="training", timeout=timedelta(hours=2)),
    "train": Task(queue="gpu", retries=1, timeout=timedelta(hours=12), cpu=4, memory="16Gi"),
}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from evergreen.errors import DeclarationError, did_you_mean
from evergreen.spec.numbers import check_numbers

EVERY = "*"
OF_A_TRAINING = (
    "extract", "validate", "build_features", "train", "evaluate", "gate", "fit", "promote",
)  # fmt: skip
"""In their order."""
STEPS = (
    *OF_A_TRAINING,
    "store_features",
    "collect", "watch", "decide", "start_training",
    "land", "wait_for_ingest",
    "score",
)  # fmt: skip
"""The tasks by name: of a training, of monitoring, of ingest and of waiting for it, of scoring."""
MEMORY = re.compile(r"[1-9][0-9]*[KMGT]i")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a scheduler is told of a task; None: what it does for all of ours."""

    pool: str | None = None
    """Shares its slots with others."""
    pool_slots: int | None = None
    """So many slots of the pool that it takes."""
    queue: str | None = None
    """Of the workers that may take it."""
    executor: str | None = None
    """Name of the executor that runs it; None: the default one."""
    executor_config: Mapping[str, Any] = field(default_factory=dict)
    """What the executor wants to know, such as a `pod_override`."""
    priority: int | None = None
    """The larger goes first; None: 1 of a training, 2 of all else. Among trainings of the same
    priority what has begun goes first, and then the stalest."""
    retries: int | None = None
    """So often it is tried again; None: as all tasks are."""
    timeout: timedelta | None = None
    """How long one try may take."""
    cpu: float | None = None
    """Cores of its pod, where Kubernetes runs it, together with `memory`; others are not told."""
    memory: str | None = None
    """Of its pod, which is killed beyond it: `512Mi`, `16Gi`."""

    def __post_init__(self) -> None:
        check_numbers("tasks: ", self)
        self._check_pod()
        if self.timeout is not None and self.timeout <= timedelta(0):
            raise DeclarationError("tasks: timeout", self.timeout, "more than nothing")
        for name in ("retries", "pool_slots"):
            value, least = getattr(self, name), int(name == "pool_slots")
            if value is not None and value < least:
                raise DeclarationError(f"tasks: {name}", value, f"{least} or more")

    def _check_pod(self) -> None:
        if self.cpu is not None and self.cpu <= 0:
            raise DeclarationError("tasks: cpu", self.cpu, "more than 0 cores")
        if self.memory is not None and not MEMORY.fullmatch(self.memory):
            raise DeclarationError("tasks: memory", self.memory, "as 512Mi or 16Gi")
        if (self.cpu is None) != (self.memory is None):
            both = "both or neither: what is not named would have no limit"
            raise DeclarationError("tasks: cpu, memory", (self.cpu, self.memory), both)
        if self.cpu and "pod_override" in self.executor_config:
            other = "what the pod_override says itself, or cpu and memory without one"
            raise DeclarationError("tasks: cpu, memory", (self.cpu, self.memory), other)


def check_tasks(tasks: Mapping[str, Task]) -> None:
    """Refuse options for a task that there is not.

    Raises:
        DeclarationError: a name is neither a step nor `*`.
    """
    for name in tasks:
        if name not in (EVERY, *STEPS):
            allowed = f"{EVERY} or one of {', '.join(STEPS)}{did_you_mean(name, STEPS)}"
            raise DeclarationError("tasks", name, allowed)
