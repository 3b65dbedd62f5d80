"""`<use case>_monitoring`: hourly, from traffic to decision."""

from typing import Any

from airflow.sdk import DAG, task

from evergreen.errors import DeclarationError
from evergreen.refs import Json, Window
from evergreen.spec import UseCase
from evergreen_airflow import here
from evergreen_airflow.edge import (
    at_work,
    final_refusals,
    moment,
    moment_param,
    note_param,
    our_dag,
    param,
    tags,
    tell,
)
from evergreen_airflow.edge import this_run as described
from evergreen_airflow.monitoring_doc import doc_md
from evergreen_airflow.options import options_of, run_timeout
from evergreen_airflow.retraining import decide_and_retrain

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


def monitoring_dag(use_case: UseCase, *, prefix: str = "", **options: Any) -> DAG:
    """Return the monitoring DAG of a use case; `options` are those of `DAG`, instead of ours."""
    step = options_of(use_case)
    with our_dag(
        use_case.name,
        use_case.owner,
        options,
        dag_id=f"{prefix}{use_case.name}_monitoring",
        description=f"Is what the champion of {use_case.name} is asked still what it learned?",
        doc_md=doc_md(use_case),
        schedule=use_case.monitoring.schedule,
        tags=tags("monitoring", use_case),
        params=FORM,
        dagrun_timeout=run_timeout(step, ["collect", "watch", "decide", "start_training"]),
    ) as dag:

        @task(**step("collect"))
        def collect() -> Json:
            """Name the window: the hour (or what is declared) before the run is due."""
            with final_refusals():
                window = the_window(use_case)
            tell(f"The window is {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC.")
            return window.to_json()

        @task(**step("watch"))
        def watch(window: Json) -> Json:
            """Hold the logged predictions of the window against the champion's snapshot."""
            from evergreen import watching

            with at_work() as kept:
                seen = watching.watch(
                    use_case, Window.from_json(window), records=kept, settings=here.settings()
                )
            tell("\n".join([seen.sentence, *seen.alarms, *seen.unknowns]))
            return seen.to_json()

        decide_and_retrain(use_case, watch(collect()), step, f"{prefix}{use_case.name}_training")
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
