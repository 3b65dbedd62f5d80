"""One DAG per use case that declares `ingest`: `<use case>_ingest`, from files or API to rows."""

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, task

from airflow_edge import EVERY_DAG, EVERY_TASK, catalog, final_refusals, moment, param, tell
from airflow_edge import this_run as described
from evergreen import settings
from evergreen.refs import Json
from evergreen.spec import UseCase

FORM = {
    "day": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Day",
        description="Which day to ask an API for (UTC). Empty: the day when the run is due.",
    )
}


def ingest(use_case: UseCase, schedule: str | None) -> DAG:
    """Return the ingest DAG of a use case."""
    with DAG(
        dag_id=f"{use_case.name}_ingest",
        description=f"Lands what has arrived for {use_case.name} in {use_case.source.table}.",
        doc_md=f"Lands what has arrived for **{use_case.name}** in the table"
        f" `{use_case.source.table}`: each file, or each day of an API, once; a row whose key is"
        " there already replaces it. What does not fit (columns, types, keys) is refused as a"
        " whole and changes nothing. Running it again changes nothing.",
        schedule=schedule,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        tags=["ingest", use_case.name, *use_case.tags],
        params=FORM,
        default_args={**EVERY_TASK, "owner": use_case.owner},
        **EVERY_DAG,
    ) as dag:

        @task
        def look() -> list[str]:
            """Name what there is to land: files, or the day of an API."""
            from evergreen import ingest as landing

            day = moment(param("day")) or described().as_of
            with final_refusals():
                return landing.items(use_case, day.date())

        @task(map_index_template="{{ task.op_kwargs['item'] }}")
        def land(item: str) -> Json:
            """Put the rows into the table, if they are not there yet."""
            from evergreen import ingest as landing

            with final_refusals():
                landed = landing.land(use_case, item, settings=settings.get())
            tell(landed.sentence)
            return landed.to_json()

        land.expand(item=look())
    return dag


for declared in catalog().use_cases.values():
    if declared.ingest is not None:
        globals()[f"{declared.name}_ingest"] = ingest(declared, declared.ingest.schedule)
