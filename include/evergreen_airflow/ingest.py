"""`<use case>_ingest`, where the use case declares `ingest`: from files or API to rows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from evergreen.errors import DeclarationError
from evergreen.refs import Json, Landing
from evergreen.settings import variables
from evergreen.spec import UseCase
from evergreen.spec.pace import spread
from evergreen_airflow import here, openlineage
from evergreen_airflow.assets import LANDINGS, tell_landed
from evergreen_airflow.edge import at_work, moment, our_dag, param, tell
from evergreen_airflow.edge import this_run as described
from evergreen_airflow.options import Options, options_of, run_timeout

WAIT = "wait_for_ingest"
TOLD = 20
"""So many of the newest items are told one by one."""
FORM = {
    "day": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Day",
        description="Which day to ask an API for (UTC). Empty: those that have ended.",
    )
}


DOC = """
Lands what has arrived for **{name}** in the table `{table}`: each file, or each day (hour) of an
API that has ended, once and the oldest first; a row whose key is there already replaces it. What
does not fit (columns, types, keys, a value that its column cannot hold exactly) is refused as a
whole and changes nothing. Running it again changes nothing.
"""


def ingest_dag(use_case: UseCase, *, prefix: str = "", **options: Any) -> DAG:
    """Return the ingest DAG of a use case; `options` are those of `DAG`, instead of ours.

    Raises:
        DeclarationError: the use case declares no `ingest`.
    """
    if use_case.ingest is None:
        raise DeclarationError(f"{use_case.name}: ingest", None, "Ingest(...)")
    table = use_case.source.table
    step = options_of(use_case)
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
        dagrun_timeout=run_timeout(step, ["land"]),
    ) as dag:

        @task(outlets=[LANDINGS], **step("land"))
        def land() -> list[Json]:
            """Put what is new into the table, the oldest first; return what became of it."""
            from evergreen import ingest as landing

            with at_work() as kept:
                day = moment(param("day"))
                landed = list(
                    landing.land(
                        use_case,
                        as_of=described().as_of,
                        day=day and day.date(),
                        records=kept,
                        settings=here.settings(),
                    )
                )
            new = [one for one in landed if not one.known]
            tell_landed(use_case, new)
            openlineage.moved([], openlineage.table(use_case, here.settings()))
            tell(summary(new, len(landed)))
            return [one.to_json() for one in new[-TOLD:]]

        land()
    return dag


def summary(new: Sequence[Landing], every: int) -> str:
    """Say in a few sentences what was landed."""
    if not new:
        return f"Nothing is new; {every:,} were landed before."
    more = f" And {len(new) - TOLD:,} before them." if len(new) > TOLD else ""
    return " ".join(one.sentence for one in new[-TOLD:]) + more


def wait_for_ingest(use_case: UseCase, prefix: str, options: Options) -> Any:
    """Add a task that lets its DAG wait until the ingest that is due with it has ended.

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
            tell(f"Waited an hour for {dag_id}; went on with what there was.")
            return True
        schedule = context["dag"].schedule
        together = run.run_type.value == "scheduled" and same_schedule(use_case, schedule)
        due = [run.logical_date] if together and run.logical_date else []
        return landed(context["ti"], dag_id, due)

    return wait_for_ingest()


def same_schedule(use_case: UseCase, schedule: Any) -> bool:
    """Tell whether the ingest, spread or not, and a DAG of that schedule are due together."""
    if use_case.ingest is None:
        return False
    declared = use_case.ingest.schedule
    return schedule in (declared, spread(declared, use_case.name, variables().spread))


def landed(ti: Any, dag_id: str, due: list[datetime]) -> bool:
    """Tell that no run of the ingest is under way, and that those which are due have ended."""
    if ti.get_dr_count(dag_id=dag_id, states=["queued", "running"]):
        return False
    ended = {"logical_dates": due, "states": ["success", "failed"]}
    return not due or ti.get_dr_count(dag_id=dag_id, **ended) >= len(due)
