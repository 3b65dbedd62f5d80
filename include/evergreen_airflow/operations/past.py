"""Looks at past days, each by a form; neither ever moves a champion."""

import logging
from datetime import date, timedelta
from typing import Any

from airflow.sdk import DAG, Param, TriggerRule, task
from airflow.sdk.exceptions import AirflowFailException

from evergreen.refs import Json
from evergreen.settings import variables
from evergreen_airflow import here
from evergreen_airflow.edge import (
    LONGEST_RANGE,
    RUN_TIMEOUT,
    at_work,
    catalog,
    days_between,
    final_refusals,
    moment,
    moment_param,
    param,
    tell,
    this_run,
)
from evergreen_airflow.operations.form import by_hand, choose, first_day, last_day
from evergreen_airflow.priorities import TRAINING, weight

log = logging.getLogger(__name__)

BACKFILL = """
Trains and evaluates as if it were each day of the range, with what was known then. The gate says
what it would have decided; **the champion never moves**. One task per day: a day whose data is
refused says so, the others go on; a day that failed is named at the end. A day may take as long as
a whole training; it runs in the default queue and pod, whatever `tasks` of the use case says.
"""

REPLAY = """
Plays the history of a use case again under other policies: trained daily, weekly, monthly or never,
by a shorter holdout, without a gate ... The page **Replay** shows what each would have cost and
gained. Fits are kept: a second replay, or a try after a crash, makes only those that are missing.
**Nothing is promoted**, and nothing goes on record.
"""


def backfill_dag(
    names: list[str], *, prefix: str = "", granted: timedelta = RUN_TIMEOUT, **options: Any
) -> DAG:
    """Return the DAG that trains and evaluates for past days, each for as long as is granted."""
    with by_hand(
        f"{prefix}operations_backfill",
        options,
        dagrun_timeout=timedelta(hours=LONGEST_RANGE),
        description="Train and evaluate for past days; the champion never moves.",
        doc_md=BACKFILL,
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
            execution_timeout=granted,
            pool=variables().training_pool,
            priority_weight=weight(TRAINING),
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

        @task(trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
        def summarise(days: list[str], outcomes: list[Json]) -> list[str]:
            """Say what each day would have decided; fail if a day has no outcome."""
            told = {each["day"]: each["sentence"] for each in outcomes}
            lines = [f"{day}: {told.get(day, 'it failed')}" for day in days]
            tell("\n".join(lines))
            if failed := [day for day in days if day not in told]:
                raise AirflowFailException(f"without an outcome: {', '.join(failed)}")
            return lines

        days = list_days()
        summarise(days, train_and_evaluate.expand(day=days))
    return dag


def replay_dag(
    names: list[str], *, prefix: str = "", granted: timedelta = RUN_TIMEOUT, **options: Any
) -> DAG:
    """Return the DAG that replays the history of a use case, for as long as is granted."""
    with by_hand(
        f"{prefix}operations_replay",
        options,
        dagrun_timeout=granted,
        description="What would other policies have cost and gained? Nothing is promoted.",
        doc_md=REPLAY,
        params={
            "use_case": choose(names),
            "from": moment_param("From", "Empty: a year before the end, or as much as there is."),
            "to": moment_param("To", "Empty: now."),
            "step": Param(
                None,
                type=["null", "integer"],
                minimum=1,
                title="Days between cuts",
                description="Every recipe is fitted at each cut. Empty: a block, 1 to 7 days.",
            ),
            "policies": Param(
                None,
                type=["null", "array"],
                items={"type": "string"},
                title="Policies",
                description="One a line, as `never retrain` or `window 60d`. Empty: all.",
            ),
        },
    ) as dag:

        @task(execution_timeout=granted)
        def replay() -> Json:
            """Fit what is missing, play every policy, and keep the result for the page."""
            from evergreen import replays

            step, run = param("step"), this_run(as_of=moment(param("to")))
            with at_work() as kept:
                done = replays.run(
                    catalog().find(param("use_case")),
                    end=run.as_of,
                    asked_at=run.asked_at,
                    start=moment(param("from")),
                    step=timedelta(days=step) if step else None,
                    policies=param("policies") or (),
                    records=kept,
                    settings=here.settings(),
                    tell=log.info,
                )
            tell(f"{done.recommendation} {here.settings().ui_url}/plugin/replay")
            return done.to_json()

        replay()
    return dag
