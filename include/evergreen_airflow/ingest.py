"""`<use case>_ingest`, where the use case declares `ingest`: from files or API to rows."""

from typing import Any

from airflow.sdk import DAG, Param, task

from evergreen import settings
from evergreen.errors import DeclarationError
from evergreen.refs import Json
from evergreen.spec import UseCase
from evergreen_airflow.edge import at_work, final_refusals, moment, our_dag, param, tell
from evergreen_airflow.edge import this_run as described

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

        @task
        def look() -> list[str]:
            """Name what there is to land: files, or the day of an API."""
            from evergreen import ingest as landing

            with final_refusals():
                day = moment(param("day")) or described().as_of
                return landing.items(use_case, day.date())

        @task(map_index_template="{{ task.op_kwargs['item'] }}")
        def land(item: str) -> Json:
            """Put the rows into the table, if they are not there yet."""
            from evergreen import ingest as landing

            with at_work() as kept:
                landed = landing.land(use_case, item, records=kept, settings=settings.get())
            tell(landed.sentence)
            return landed.to_json()

        land.expand(item=look())
    return dag
