"""Whose task goes first where many wait for a slot.

    @task(weight_rule=Stalest(), priority_weight=weight(TRAINING))

Airflow gives a free slot to the task of the largest weight. Left alone, that is the one with most
tasks behind it: fifty trainings begin all at once, hold fifty snapshots, and end together at the
very end. Here it is, in this order:

| digits | what | so that |
| --- | --- | --- |
| ten thousands | the watchdog (3), what watches, scores, lands (2), a training (1) | nothing is \
behind a rush of trainings; `Task(priority=…)` of a use case takes its place |
| thousands | how far the training has come | what has begun ends, before another begins |
| the rest | pauses of its schedule since the DAG last went well, ×100 | the stalest is first |

How stale it is is asked of Airflow's own database, once for a run, as its tasks are made; the
records are not asked: the scheduler would wait for them. A DAG that never went well is the stalest.
"""

import logging
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow.task.priority_strategy import PriorityWeightStrategy

from evergreen.spec.pace import pause
from evergreen.spec.tasks import OF_A_TRAINING

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

log = logging.getLogger(__name__)

WATCHDOG, OTHERS, TRAINING = 3, 2, 1
SCALE, STEP = 10_000, 1_000
LARGEST = 2**31 - 1
"""Airflow's column takes no more."""
STALEST = STEP - 1
BESIDE = {"store_features": "train"}
"""Steps that run beside others of a training: as far on their way as these."""
WITHOUT_A_CLOCK = timedelta(days=1)
"""Taken for the pause of what assets or people start."""


def weight(priority: int) -> int:
    """Return what Airflow is told of a priority.

    >>> weight(TRAINING)
    10000
    """
    return max(-LARGEST, min(LARGEST - SCALE, priority * SCALE))


def mapped(arguments: dict[str, Any], step: str) -> dict[str, Any]:
    """Return the arguments of a mapped task, for which Airflow 3.3 loads no strategy of others.

    Its weight is fixed: as far on its way as it is, and neither stale nor fresh.
    """
    fixed = arguments["priority_weight"] + begun(step) + STEP // 2
    return arguments | {"weight_rule": "absolute", "priority_weight": fixed}


def begun(step: str) -> int:
    """Return how far a training has come that has got to a step, in thousands."""
    step = BESIDE.get(step, step)
    return STEP * OF_A_TRAINING.index(step) if step in OF_A_TRAINING else 0


class Stalest(PriorityWeightStrategy):
    """What has begun first, then the stalest; Airflow finds it by the plugin."""

    def get_weight(self, ti: "TaskInstance") -> int:
        """Return the weight of a task, as Airflow makes it."""
        task: Any = ti.task
        step = task.task_id.rpartition(".")[2]
        return int(task.priority_weight) + begun(step) + staleness(task, ti.run_id)


def staleness(task: Any, run_id: str) -> int:
    """Return how stale the DAG of a task is, from 0 to `STALEST`."""
    dag = task.get_dag()
    schedule = dag.timetable.summary if dag is not None else None
    return _hundredths(_age(task.dag_id, run_id), pause_of(schedule))


def pause_of(schedule: str | None) -> timedelta:
    """Return the longest pause of a schedule, as Airflow names it."""
    try:
        return pause(schedule) or WITHOUT_A_CLOCK
    except ValueError:  # "Asset", or a timetable of somebody's own
        return WITHOUT_A_CLOCK


def _hundredths(age: timedelta | None, pause: timedelta) -> int:
    if age is None:
        return STALEST
    return max(0, min(STALEST, round(100 * (age / pause))))


@lru_cache(maxsize=4096)
def _age(dag_id: str, run_id: str) -> timedelta | None:
    """Return the time since a DAG last went well, the same for all tasks of a run; None: never."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType
    from sqlalchemy import func, select
    from sqlalchemy.exc import SQLAlchemyError

    newest = select(func.max(DagRun.run_after)).where(
        DagRun.dag_id == dag_id,
        DagRun.state == DagRunState.SUCCESS,
        DagRun.run_type != DagRunType.BACKFILL_JOB,
    )
    try:
        with create_session(scoped=False) as session:  # the scheduler's own must not be committed
            well = session.scalar(newest)
    except SQLAlchemyError as error:
        log.warning("How stale %s is, for %s, could not be asked: %s", dag_id, run_id, error)
        return None
    return datetime.now(UTC) - well if well else None
