"""Listener of the scheduler: when a run ends, its outcome in words becomes its note.

A task cannot write the note of its run (Airflow 3.3 has no such call), so it leaves the sentence
in XCom under a key of our own.
"""

from textwrap import shorten
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

OUTCOME = "evergreen_outcome"
"""XCom key of the sentence."""
LIMIT = 1000
"""Characters that Airflow takes in a note."""


@hookimpl
def on_dag_run_success(dag_run: "DagRun") -> None:
    """Write the outcome of a run that went well."""
    write(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: "DagRun") -> None:
    """Write why a run failed, if it was for a reason that the engine knows."""
    write(dag_run)


def write(dag_run: "DagRun") -> None:
    """Add the run's last outcome to its note, above its cause or what a person wrote there."""
    if sentence := last_outcome(dag_run):
        dag_run.note = added(dag_run.note, sentence)


def added(note: str | None, sentence: str) -> str:
    """Return the sentence with the note below it, once, and no longer than Airflow takes.

    The page of a run shows the first line of its note, and the others at a click.
    """
    if note and sentence in note:
        return note
    return (f"{sentence}\n\n{note}" if note else sentence)[:LIMIT]


def beginning(sentence: str, below: str = "") -> str:
    """Return the note that a run begins with: a sentence, cut where both would be too long."""
    end = f" {below}".rstrip()
    room = LIMIT - len(end)
    told = sentence if len(sentence) <= room else shorten(sentence, room, placeholder=" …")
    return told + end


def last_outcome(dag_run: "DagRun") -> str | None:
    """Return the sentence that a task of this run left last."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return None
    newest = (
        select(XComModel)
        .where(
            XComModel.dag_id == dag_run.dag_id,
            XComModel.run_id == dag_run.run_id,
            XComModel.key == OUTCOME,
        )
        .order_by(XComModel.timestamp.desc())
        .limit(1)
    )
    with session.no_autoflush:
        xcom = session.scalar(newest)
    return str(XComModel.deserialize_value(xcom)) if xcom else None
