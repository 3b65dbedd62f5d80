"""The pool of trainings, so that watching, scoring and the watchdog are never behind fifty of them.

A pool that does not exist keeps its tasks waiting for ever, and only a line in the scheduler's log
says so. Ours is made when a component of Airflow starts and, if somebody deletes it, when a run
begins; its slots are then whoever's who looks after Airflow. That a use case names another one that
there is not, the note of its run tells; runs of DAGs that are not ours are left as they are.
"""

import logging
from typing import TYPE_CHECKING

from airflow.configuration import conf
from airflow.listeners import hookimpl

from evergreen.catalog import OURS
from evergreen.settings import variables
from evergreen.slots import of_trainings

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

log = logging.getLogger(__name__)

ABOUT = "Tasks of Evergreen's trainings: so many run at once, and the others wait."
LACKING = (
    "It waits for the pool {name!r}, which Airflow does not have: make it under Admin → Pools,"
    " or name another one in `tasks`."
)


@hookimpl
def on_starting(component: object) -> None:
    """Make the pool of trainings, where it is missing, as a component of Airflow starts.

    Airflow calls it as each task starts, too, which has no way to its database.
    """
    from airflow.sdk.execution_time.task_runner import TaskRunnerMarker

    if not isinstance(component, TaskRunnerMarker):
        make(variables().training_pool)


@hookimpl
def on_dag_run_running(dag_run: "DagRun") -> None:
    """Make the pool if somebody has deleted it; tell of others that there are not."""
    from evergreen_airflow.notes import added

    ours = variables().training_pool
    for name in lacking(dag_run):
        if name == ours:
            make(name)
        elif is_ours(dag_run):
            dag_run.note = added(dag_run.note, LACKING.format(name=name))


def make(name: str) -> None:
    """Make a pool for trainings, unless there is one of that name: whose slots stay as they are."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import IntegrityError

    slots = of_trainings(variables().training_slots, conf.getint("core", "parallelism"))
    try:
        with create_session(scoped=False) as session:  # the scheduler's own must not be committed
            if session.scalar(select(Pool.id).where(Pool.pool == name)) is None:
                session.add(Pool(pool=name, slots=slots, description=ABOUT, include_deferred=False))
                log.info("Airflow has the pool %s from now on, with %s slots", name, slots)
    except IntegrityError:  # another component was faster
        log.info("Airflow has the pool %s already", name)


def is_ours(dag_run: "DagRun") -> bool:
    """Tell by its tag whether a run is of a DAG of ours."""
    from airflow.models.dag import DagTag
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return False
    with session.no_autoflush:
        return session.get(DagTag, (OURS, dag_run.dag_id)) is not None


def lacking(dag_run: "DagRun") -> list[str]:
    """Return the pools that tasks of a run wait for, and that there are not."""
    from airflow.models.pool import Pool
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return []
    named = select(TaskInstance.pool).where(
        TaskInstance.dag_id == dag_run.dag_id,
        TaskInstance.run_id == dag_run.run_id,
        TaskInstance.pool.not_in(select(Pool.pool)),
    )
    with session.no_autoflush:
        return sorted(set(session.scalars(named)))
