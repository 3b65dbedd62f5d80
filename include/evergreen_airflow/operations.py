"""What operators do by hand, each by a form: go back to an earlier champion, look at past days."""

from datetime import date
from typing import Any

from airflow.sdk import DAG, Param, task

from evergreen import reasons
from evergreen.refs import Json
from evergreen_airflow import here
from evergreen_airflow.edge import (
    actor,
    at_work,
    catalog,
    days_between,
    final_refusals,
    moment,
    our_dag,
    param,
    run_key,
    tell,
    this_run,
)

ROLLBACK = """
Makes an earlier champion champion again. It is loaded and must reproduce its golden predictions
first; the act and its reason go on record. Leave *Version* empty for the champion before this one.
"""

BACKFILL = """
Trains and evaluates as if it were each day of the range, with what was known then. The gate says
what it would have decided; **the champion never moves**. One task per day: a day whose data is
refused says so, the others go on.
"""


def choose(names: list[str]) -> Param:
    """Return the form's choice of a use case; none is chosen beforehand."""
    return Param(type="string", enum=names, title="Use case")


def first_day() -> Param:
    """Return the form's field for the day that a range begins with."""
    return Param(type="string", format="date", title="From")


def last_day() -> Param:
    """Return the form's field for the day that a range ends with."""
    form = {"type": ["null", "string"], "format": "date"}
    return Param(None, title="To", description="Inclusive. Empty: the same day.", **form)


def rollback_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that goes back to an earlier champion."""
    with our_dag(
        "operations",
        "operations",
        options,
        dag_id=f"{prefix}operations_rollback",
        description="Go back to an earlier champion.",
        doc_md=ROLLBACK,
        schedule=None,
        tags=["operations"],
        params={
            "use_case": choose(names),
            "version": Param(
                None,
                type=["null", "integer"],
                minimum=1,
                title="Version",
                description="Of the registry; Models lists them. Empty: the champion before.",
            ),
            "reason": Param(
                type="string",
                minLength=3,
                maxLength=reasons.LONGEST,
                title="Reason",
                description="Why; it goes on record with your name.",
            ),
        },
    ) as dag:

        @task
        def rollback() -> Json:
            """Promote an earlier champion, after it has proved that it still works."""
            from evergreen.champions import promotion

            with at_work() as kept:
                done = promotion.rollback(
                    param("use_case"),
                    to=param("version"),
                    reason=param("reason"),
                    actor=actor(),
                    ledger=kept,
                    settings=here.settings(),
                    key=run_key(),
                )
            tell(done.sentence)
            return done.to_json()

        rollback()
    return dag


def backfill_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that trains and evaluates for past days."""
    with our_dag(
        "operations",
        "operations",
        options,
        dag_id=f"{prefix}operations_backfill",
        description="Train and evaluate for past days; the champion never moves.",
        doc_md=BACKFILL,
        schedule=None,
        tags=["operations"],
        params={"use_case": choose(names), "from": first_day(), "to": last_day()},
    ) as dag:

        @task
        def list_days() -> list[str]:
            """List the days of the range."""
            first = date.fromisoformat(param("from"))
            last = date.fromisoformat(param("to") or param("from"))
            with final_refusals():
                return days_between(first, last)

        @task(
            map_index_template="{{ task.op_kwargs['day'] }}",
            max_active_tis_per_dagrun=1,
        )
        def train_and_evaluate(day: str) -> Json:
            """Run the whole cycle as if it were that day; nothing is promoted."""
            from evergreen import cycle

            with at_work() as kept:
                run = this_run(purpose="backfill", as_of=moment(day))
                use_case = catalog().find(param("use_case"))
                outcome = cycle.run(use_case, run, records=kept, settings=here.settings())
            tell(outcome.sentence)
            return {"day": day, "sentence": outcome.sentence, **outcome.to_json()}

        @task
        def summarise(outcomes: list[Json]) -> list[str]:
            """Say what each day would have decided."""
            lines = [f"{each['day']}: {each['sentence']}" for each in outcomes]
            tell("\n".join(lines))
            return lines

        summarise(train_and_evaluate.expand(day=list_days()))
    return dag
