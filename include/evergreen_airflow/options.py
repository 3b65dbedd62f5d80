"""Arguments of Airflow's tasks, from what a use case declares in `tasks`."""

from collections.abc import Callable, Mapping
from typing import Any

from evergreen.spec import Task, UseCase
from evergreen.spec.tasks import EVERY, check_tasks

NAMES = {
    "pool": "pool",
    "pool_slots": "pool_slots",
    "queue": "queue",
    "executor": "executor",
    "executor_config": "executor_config",
    "priority": "priority_weight",
    "retries": "retries",
    "timeout": "execution_timeout",
}
"""What Airflow calls it."""

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
        return found

    return options


def arguments(task: Task) -> dict[str, Any]:
    """Return what is set, by Airflow's names."""
    values = {theirs: getattr(task, ours) for ours, theirs in NAMES.items()}
    return {name: value for name, value in values.items() if value not in (None, {})}
