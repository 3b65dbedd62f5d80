from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

pytestmark = pytest.mark.usefixtures("airflow")


def test_a_run_without_a_note_gets_its_outcome() -> None:
    from evergreen_airflow.notes import added

    assert added(None, "Kept version 1.") == "Kept version 1."


def test_what_a_person_wrote_stays_below_the_outcome() -> None:
    from evergreen_airflow.notes import added

    assert added("After the outage", "Kept version 1.") == "Kept version 1.\n\nAfter the outage"


def test_the_same_outcome_is_written_once() -> None:
    from evergreen_airflow.notes import added

    assert added("Kept version 1.", "Kept version 1.") == "Kept version 1."


def test_a_note_is_never_longer_than_airflow_takes() -> None:
    from evergreen_airflow.notes import LIMIT, added

    assert len(added("a" * 900, "b" * 900)) == LIMIT


def test_what_drifted_is_cut_and_the_report_is_not() -> None:
    from evergreen_airflow.notes import LIMIT, beginning

    many = ", ".join(f"column_{n}" for n in range(200))
    note = beginning(f"Retrain: {many} drifted.", "Window: a day. https://airflow/report/")

    assert len(note) <= LIMIT
    assert note.startswith("Retrain: column_0, ")
    assert note.endswith(" … Window: a day. https://airflow/report/")
    assert beginning("Retrain: one drifted.", "Window.") == "Retrain: one drifted. Window."
    assert beginning("A question.") == "A question."


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    """A session on Airflow's tables."""
    from airflow import models
    from airflow.models.base import Base

    models.import_all_models()
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg2://"))
    Base.metadata.create_all(engine)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def left(session: Session, key: str, sentence: str) -> "DagRun":
    """Put a run on record that a task left a sentence in, under a key."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel

    at = datetime(2026, 11, 21, tzinfo=UTC)
    of = {"dag_id": "sales", "run_id": key}
    session.execute(
        insert(DagRun.__table__).values(run_after=at, state="success", run_type="manual", **of)
    )
    run = session.scalars(select(DagRun).where(DagRun.run_id == key)).one()
    ti = {"task_id": "load", "map_index": -1}
    session.execute(insert(TaskInstance.__table__).values(pool="x", pool_slots=1, **of, **ti))
    session.execute(
        insert(XComModel.__table__).values(
            dag_run_id=run.id, key=key, value=sentence, timestamp=at, **of, **ti
        )
    )
    return run


def test_what_other_teams_leave_under_a_key_of_theirs_is_no_note(session: Session) -> None:
    from evergreen_airflow.notes import OUTCOME, write

    ours, theirs = left(session, OUTCOME, "Kept version 1."), left(session, "outcome", "42 rows")

    for run in (ours, theirs):
        write(run)

    assert (ours.note, theirs.note) == ("Kept version 1.", None)
