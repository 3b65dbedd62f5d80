"""The pool of trainings, and how stale a DAG is, in Airflow's own tables: a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import sessionmaker

from evergreen.slots import of_trainings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

pytestmark = pytest.mark.usefixtures("airflow")
NOW = datetime.now(UTC)
OURS = "evergreen_training"
SCHEDULER = object()
"""A component that is no task."""


@pytest.fixture
def session(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator["Session"]:
    """A session on Airflow's tables, as `create_session` gives it as well."""
    from airflow import models, settings
    from airflow.models.base import Base

    models.import_all_models()
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg2://"))
    Base.metadata.create_all(engine)
    made = sessionmaker(bind=engine)
    monkeypatch.setattr(settings, "NonScopedSession", made)
    with made() as opened:
        yield opened
    engine.dispose()


def pools(session: "Session") -> dict[str, int]:
    from airflow.models.pool import Pool

    session.commit()
    return {pool.pool: pool.slots for pool in session.scalars(select(Pool))}


def ran(
    session: "Session", dag_id: str, state: str, ago: timedelta, kind: str = "scheduled"
) -> Any:
    """Put a run on record, with a task, and return it."""
    from airflow.models.dagrun import DagRun

    run = {"dag_id": dag_id, "run_id": f"{kind}__{ago}", "state": state, "run_type": kind}
    session.execute(insert(DagRun.__table__).values(run_after=NOW - ago, **run))
    session.commit()
    return session.scalar(select(DagRun).where(DagRun.run_id == run["run_id"]))


def waits(session: "Session", run: Any, *names: str) -> None:
    """Let tasks of a run wait for these pools."""
    from airflow.models.taskinstance import TaskInstance

    for name in names:
        of = {"dag_id": run.dag_id, "run_id": run.run_id, "task_id": name, "pool": name}
        session.execute(insert(TaskInstance.__table__).values(map_index=-1, pool_slots=1, **of))
    session.commit()


def tagged(session: "Session", dag_id: str) -> None:
    """Let Airflow know a DAG of ours."""
    from airflow.models.dag import DagModel, DagTag
    from airflow.models.dagbundle import DagBundleModel

    session.execute(insert(DagBundleModel.__table__).values(name="dags"))
    limits = {"max_active_tasks": 1, "max_consecutive_failed_dag_runs": 0}
    dag = {"dag_id": dag_id, "bundle_name": "dags", "has_task_concurrency_limits": False}
    session.execute(insert(DagModel.__table__).values(**dag, **limits))
    session.execute(insert(DagTag.__table__).values(name="evergreen", dag_id=dag_id))
    session.commit()


def test_the_pool_is_made_once_and_its_slots_are_then_whoevers_who_changed_them(
    session: "Session",
) -> None:
    from airflow.models.pool import Pool

    from evergreen_airflow.pools import on_starting

    on_starting(SCHEDULER)
    made = pools(session)
    session.execute(Pool.__table__.update().values(slots=7))
    session.commit()
    on_starting(SCHEDULER)

    assert made == {OURS: 24}  # three quarters of 32
    assert pools(session) == {OURS: 7}


def test_a_task_that_starts_makes_none(session: "Session") -> None:
    from airflow.sdk.execution_time.task_runner import TaskRunnerMarker

    from evergreen_airflow.pools import on_starting

    on_starting(TaskRunnerMarker())

    assert pools(session) == {}


def test_it_has_the_slots_that_are_set(session: "Session", monkeypatch: pytest.MonkeyPatch) -> None:
    from evergreen_airflow.pools import on_starting

    monkeypatch.setenv("EVERGREEN_TRAINING_SLOTS", "5")
    on_starting(SCHEDULER)

    assert pools(session) == {OURS: 5}


def test_a_run_makes_the_pool_again_that_somebody_deleted(session: "Session") -> None:
    from evergreen_airflow.pools import on_dag_run_running

    run = ran(session, "weather_training", "running", timedelta())
    waits(session, run, OURS)

    on_dag_run_running(run)

    assert pools(session) == {OURS: 24}
    assert run.note is None


def test_the_note_tells_of_a_pool_that_there_is_not(session: "Session") -> None:
    from evergreen_airflow.pools import on_dag_run_running, on_starting

    on_starting(SCHEDULER)
    tagged(session, "weather_training")
    run = ran(session, "weather_training", "running", timedelta())
    waits(session, run, OURS, "gpu")

    on_dag_run_running(run)

    assert "It waits for the pool 'gpu', which Airflow does not have" in run.note
    assert pools(session) == {OURS: 24}


def test_runs_of_others_are_left_as_they_are(session: "Session") -> None:
    from evergreen_airflow.pools import on_dag_run_running

    run = ran(session, "their_etl", "running", timedelta())
    waits(session, run, "spark")

    on_dag_run_running(run)

    assert run.note is None


def test_how_stale_a_dag_is_its_last_good_run_tells_which_no_backfill_is(
    session: "Session",
) -> None:
    from evergreen_airflow.priorities import _age

    ran(session, "weather_training", "success", timedelta(days=3))
    ran(session, "weather_training", "failed", timedelta(days=1))
    ran(session, "weather_training", "success", timedelta(hours=1), kind="backfill")
    ran(session, "iris_training", "success", timedelta(hours=2))

    age = _age("weather_training", "now")

    assert age is not None
    assert timedelta(days=3) <= age < timedelta(days=3, hours=1)
    assert _age("never_training", "now") is None


@pytest.mark.parametrize(
    ("asked", "parallelism", "slots"), [(0, 4, 3), (0, 32, 24), (0, 1, 1), (0, 0, 24), (9, 4, 9)]
)
def test_a_quarter_of_airflow_is_left_to_everything_else(
    asked: int, parallelism: int, slots: int
) -> None:
    assert of_trainings(asked, parallelism) == slots
