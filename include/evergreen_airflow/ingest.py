"""`<use case>_ingest`, where the use case declares `ingest`: from files or API to rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from evergreen.errors import DeclarationError
from evergreen.refs import Json
from evergreen.spec import UseCase
from evergreen_airflow import here
from evergreen_airflow.edge import at_work, final_refusals, moment, our_dag, param, tell
from evergreen_airflow.edge import this_run as described
from evergreen_airflow.options import Options, options_of

WAIT = "wait_for_ingest"
FORM = {
    "day": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Day",
        description="Which day to ask an API for (UTC). Empty: the day when the run is due.",
    )
}


DOC = """
Lands what has arrived for **{name}** in the table `{table}`: each file, or each day of an API,
once; a row whose key is there already replaces it. What does not fit (columns, types, keys) is
refused as a whole and changes nothing. Running it again changes nothing.
"""


def ingest_dag(use_case: UseCase, *, prefix: str = "", **options: Any) -> DAG:
    """Return the ingest DAG of a use case; `options` are those of `DAG`, instead of ours.

    Raises:
        DeclarationError: the use case declares no `ingest`.
    """
    if use_case.ingest is None:
        raise DeclarationError(f"{use_case.name}: ingest", None, "Ingest(...)")
    table = use_case.source.table
    with our_dag(
        use_case.name,
        use_case.owner,
        options,
        dag_id=f"{prefix}{use_case.name}_ingest",
        description=f"Lands what has arrived for {use_case.name} in {table}.",
        doc_md=DOC.format(name=use_case.name, table=table),
        schedule=use_case.ingest.schedule,
        tags=["ingest", use_case.name, *use_case.tags],
        params=FORM,
    ) as dag:
        step = options_of(use_case)

        @task(**step("look"))
        def look() -> list[str]:
            """Name what there is to land: files, or the day of an API."""
            from evergreen import ingest as landing

            with final_refusals():
                day = moment(param("day")) or described().as_of
                return landing.items(use_case, day.date())

        @task(map_index_template="{{ task.op_kwargs['item'] }}", **step("land"))
        def land(item: str) -> Json:
            """Put the rows into the table, if they are not there yet."""
            from evergreen import ingest as landing

            with at_work() as kept:
                landed = landing.land(use_case, item, records=kept, settings=here.settings())
            tell(landed.sentence)
            return landed.to_json()

        land.expand(item=look())
    return dag


def wait_for_ingest(use_case: UseCase, prefix: str, options: Options) -> Any:
    """Add a task that lets a training wait until the ingest that is due at that moment has ended.

    Well or not: whether the rows are fresh enough is for `extract` and `validate` to say.
    """
    dag_id, patience = f"{prefix}{use_case.name}_ingest", timedelta(hours=1)

    @task.sensor(
        mode="reschedule", poke_interval=15, timeout=2 * patience.total_seconds(), **options(WAIT)
    )
    def wait_for_ingest() -> bool:
        """Wait for the ingest that is due with this run, and for one that runs; for an hour."""
        context = get_current_context()
        run = context["dag_run"]
        if datetime.now(UTC) - (run.start_date or run.run_after) > patience:
            tell(f"Waited an hour for {dag_id}; trained on what there was.")
            return True
        together = run.run_type.value == "scheduled" and same_schedule(use_case)
        due = [run.logical_date] if together and run.logical_date else []
        return landed(context["ti"], dag_id, due)

    return wait_for_ingest()


def same_schedule(use_case: UseCase) -> bool:
    """Tell whether ingest and training are due at the same moments."""
    return use_case.ingest is not None and use_case.ingest.schedule == use_case.schedule


def landed(ti: Any, dag_id: str, due: list[datetime]) -> bool:
    """Tell that no run of the ingest is under way, and that those which are due have ended."""
    if ti.get_dr_count(dag_id=dag_id, states=["queued", "running"]):
        return False
    ended = {"logical_dates": due, "states": ["success", "failed"]}
    return not due or ti.get_dr_count(dag_id=dag_id, **ended) >= len(due)
