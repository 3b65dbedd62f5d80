"""Do the schedules of a use case run? What Airflow says of its DAGs to a task, and when they ended.

    scheduled(use_case, prefix, now, heartbeats)    # what `silences.of_schedules` is told
    is_paused("weather_training")
    count("weather_training", "queued", "running")  # its runs

Only a task may ask. Monitoring is left out: `silences` sees that no window is watched.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowRuntimeError

from evergreen.deciding.arrivals import Scheduled
from evergreen.records.heartbeats import Heartbeats
from evergreen.spec import UseCase
from evergreen.spec.pace import Schedule

log = logging.getLogger(__name__)
UNKNOWN = 404


def scheduled(
    use_case: UseCase, prefix: str, now: datetime, heartbeats: Heartbeats
) -> list[Scheduled] | None:
    """Return the DAGs of a use case that a schedule starts; what Airflow never had is none.

    None: Airflow does not answer. Nothing is known of any, and the rest of the watchdog goes on.
    """
    try:
        return list(_scheduled(use_case, prefix, now, heartbeats))
    except AirflowRuntimeError as error:
        log.warning("Airflow does not tell of the DAGs of %s: %s", use_case.name, error)
        return None


def is_paused(dag_id: str) -> bool:
    """Tell whether Airflow has the DAG and it is paused."""
    dag = _dag(dag_id)
    return dag is not None and bool(dag.is_paused)


def count(dag_id: str, *states: str) -> int:
    """Return how many runs of the DAG are in one of these states."""
    return int(get_current_context()["ti"].get_dr_count(dag_id=dag_id, states=list(states)))


def _scheduled(
    use_case: UseCase, prefix: str, now: datetime, heartbeats: Heartbeats
) -> Iterator[Scheduled]:
    for story, schedule in _schedules(use_case):
        dag_id = f"{prefix}{use_case.name}_{story}"
        dag, ended = _dag(dag_id), heartbeats.ended(dag_id)
        if dag is None and ended is None:  # it is trained inside a DAG of somebody's own, say
            continue
        if ended is None:  # from now on
            heartbeats.ran(dag_id, now)
        yield Scheduled(
            dag_id=dag_id, schedule=schedule, ended=ended or now, known=dag is not None,
            paused=dag is not None and dag.is_paused, running=count(dag_id, "running") > 0,
            queued=count(dag_id, "queued") > 0, due=dag and dag.next_dagrun,
        )  # fmt: skip


def _schedules(use_case: UseCase) -> Iterator[tuple[str, Schedule]]:
    yield "training", use_case.training_schedule
    if use_case.ingest is not None:
        yield "ingest", use_case.ingest.schedule
    if use_case.scoring is not None and not use_case.draft:
        yield "scoring", use_case.scoring.schedule


def _dag(dag_id: str) -> Any:
    """Return what Airflow knows of a DAG; None: it has none of that id."""
    try:
        return get_current_context()["ti"].get_dag(dag_id)
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == UNKNOWN:
            return None
        raise
