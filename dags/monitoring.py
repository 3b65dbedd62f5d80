"""One DAG per declared use case: `<use case>_monitoring`, hourly, from traffic to decision."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, task

from airflow_edge import (
    EVERY_DAG,
    EVERY_TASK,
    catalog,
    final_refusals,
    moment,
    moment_param,
    note_param,
    param,
    tell,
)
from airflow_edge import this_run as described
from evergreen import settings
from evergreen.errors import DeclarationError
from evergreen.refs import Json, Window
from evergreen.spec import UseCase
from monitoring_doc import doc_md
from retraining import decide_and_retrain

FORM = {
    "as_of": moment_param(
        "End of the window",
        "Watch what was logged up to this moment (UTC). Empty: when the run is due.",
    ),
    "since": moment_param(
        "Start of the window",
        "Watch what was logged after this moment (UTC). Empty: by the declared length.",
    ),
    "note": note_param("Why you ask for this run; kept with the run."),
}


def monitoring(use_case: UseCase) -> DAG:
    """Return the monitoring DAG of a use case."""
    with DAG(
        dag_id=f"{use_case.name}_monitoring",
        description=f"Is what the champion of {use_case.name} is asked still what it learned from?",
        doc_md=doc_md(use_case),
        schedule=use_case.monitoring.schedule,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        tags=["monitoring", use_case.name, use_case.kind.value, *use_case.tags],
        params=FORM,
        default_args={**EVERY_TASK, "owner": use_case.owner},
        **EVERY_DAG,
    ) as dag:

        @task
        def collect() -> Json:
            """Name the window: the hour (or what is declared) before the run is due."""
            with final_refusals():
                window = the_window(use_case)
            tell(f"The window is {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC.")
            return window.to_json()

        @task
        def watch(window: Json) -> Json:
            """Hold the logged predictions of the window against the champion's snapshot."""
            from evergreen import watching

            with final_refusals():
                seen = watching.watch(use_case, Window.from_json(window), settings=settings.get())
            tell("\n".join([seen.sentence, *seen.alarms, *seen.unknowns]))
            return seen.to_json()

        decide_and_retrain(use_case, watch(collect()))
    return dag


def the_run() -> Any:
    """Describe this run."""
    return described(purpose="monitor")


def the_window(use_case: UseCase) -> Window:
    """Return the window that this run watches; the same on every retry.

    Raises:
        DeclarationError: it ends in the future, or does not begin before its end.
    """
    end = the_run().as_of
    start = moment(param("since")) or end - use_case.monitoring.window
    if start >= end:
        raise DeclarationError("since", start.isoformat(), f"before the end, {end.isoformat()}")
    return Window(start=start, end=end)


for declared in catalog().use_cases.values():
    globals()[f"{declared.name}_monitoring"] = monitoring(declared)
