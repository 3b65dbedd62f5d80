"""Arguments of Airflow's tasks, from what a use case declares in `tasks`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from airflow.configuration import conf

from evergreen.spec import Task, UseCase
from evergreen.spec.tasks import EVERY, check_tasks
from evergreen_airflow.edge import RUN_TIMEOUT
from evergreen_airflow.priorities import weight

NAMES = {
    "pool": "pool",
    "pool_slots": "pool_slots",
    "queue": "queue",
    "executor": "executor",
    "executor_config": "executor_config",
    "priority": "priority_weight",
    "retries": "retries",
    "timeout": "execution_timeout",
    "cpu": "cpu",
    "memory": "memory",
}
"""What Airflow calls it (and what it says in the pod of a task)."""
POD = ("cpu", "memory")

Options = Callable[[str], Any]
"""Gives keyword arguments. (Any: the decorators of Airflow are overloaded.)"""


def options_of(use_case: UseCase, more: Mapping[str, Task] | None = None) -> Options:
    """Return a function from the name of a step to the arguments of its task.

    The nearer wins, field by field: what is given for the step, then for `*`; of each, `more`
    before the declaration.

    Raises:
        DeclarationError: `more` names a step that there is not.
    """
    more = more or {}
    check_tasks(more)

    def options(step: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in (EVERY, step):
            for given in (use_case.tasks, more):
                found |= arguments(given[name]) if name in given else {}
        return in_pods(found)

    return options


def run_timeout(options: Options, steps: Iterable[str]) -> timedelta:
    """Return how long a run of these steps may take: as all of ours, or what they are granted."""
    granted = [options(step).get("execution_timeout", timedelta()) for step in steps]
    return max(RUN_TIMEOUT, sum(granted, timedelta(hours=2)))


def in_pods(found: dict[str, Any]) -> dict[str, Any]:
    """Say what a task's pod takes as Kubernetes' executor reads it; others are told nothing."""
    resources = {name: str(found.pop(name)) for name in POD if name in found}
    executor = known_as(str(found.get("executor") or conf.get("core", "executor")))
    own = found.get("executor_config", {})
    if not resources or "Kubernetes" not in executor or "pod_override" in own:
        return found
    return found | {"executor_config": own | {"pod_override": pod(resources)}}


def known_as(executor: str) -> str:
    """Return what an alias of an executor stands for in Airflow's settings; no alias: itself."""
    configured = (each.strip() for each in conf.get("core", "executor").split(","))
    return next((each for each in configured if each.startswith(f"{executor}:")), executor)


def pod(resources: Mapping[str, str]) -> Any:
    """Return a pod that asks for these, and gets no more; it is merged into the pod template."""
    from kubernetes.client import models as k8s  # heavy: only who declares resources pays for it

    limited = k8s.V1ResourceRequirements(requests=dict(resources), limits=dict(resources))
    container = k8s.V1Container(name="base", resources=limited)
    return k8s.V1Pod(spec=k8s.V1PodSpec(containers=[container]))


def arguments(task: Task) -> dict[str, Any]:
    """Return what is set, by Airflow's names."""
    values = {theirs: getattr(task, ours) for ours, theirs in NAMES.items()}
    found = {name: value for name, value in values.items() if value not in (None, {})}
    if task.priority is not None:
        found["priority_weight"] = weight(task.priority)
    return found
