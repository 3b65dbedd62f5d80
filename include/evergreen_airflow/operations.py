"""What operators do by hand, each by a form: go back to an earlier champion, look at past days."""

import logging
from datetime import date, timedelta
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
    moment_param,
    our_dag,
    param,
    run_key,
    switch_param,
    tell,
    this_run,
)

log = logging.getLogger(__name__)

ROLLBACK = """
Makes an earlier champion champion again. It is loaded and must reproduce its golden predictions
first; the act and its reason go on record. Leave *Version* empty for the champion before this one.
"""

BACKFILL = """
Trains and evaluates as if it were each day of the range, with what was known then. The gate says
what it would have decided; **the champion never moves**. One task per day: a day whose data is
refused says so, the others go on.
"""


REPLAY = """
Plays the history of a use case again under other policies: trained daily, weekly, monthly or never,
by a shorter holdout, without a gate ... The page **Replay** shows what each would have cost and
gained. Fits are kept: a second replay, or a try after a crash, makes only those that are missing.
**Nothing is promoted**, and nothing goes on record.
"""


PRUNE = """
Says each week what is old and what nothing leads to, and how many bytes it takes: the note of the
run tells. It **deletes only** when somebody triggers it with *Delete* switched on, or when
`EVERGREEN_PRUNE=true` says that the weekly run may. What champions, trials, pins, trainings under
way and the newest decisions lead to always stays; how long the rest does, `EVERGREEN_KEEP_…` says.
What went is on record, so that counts stay right.
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


def _by_hand(dag_id: str, options: dict[str, Any], **ours: Any) -> DAG:
    """Return a DAG of operations that runs when somebody fills in its form, if not by schedule."""
    shared: dict[str, Any] = {"schedule": None, "tags": ["operations"], "dag_id": dag_id}
    return our_dag("operations", "operations", options, **(shared | ours))


def rollback_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that goes back to an earlier champion."""
    with _by_hand(
        f"{prefix}operations_rollback",
        options,
        description="Go back to an earlier champion.",
        doc_md=ROLLBACK,
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
    with _by_hand(
        f"{prefix}operations_backfill",
        options,
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


def replay_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that replays the history of a use case under other policies."""
    with _by_hand(
        f"{prefix}operations_replay",
        options,
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

        @task(execution_timeout=timedelta(hours=6))
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


def prune_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that lets go of what is old, or says each week what would go."""
    with _by_hand(
        f"{prefix}operations_prune",
        options,
        description="Let go of what is old and what nothing leads to; dry, unless it is told.",
        doc_md=PRUNE,
        schedule="30 3 * * 0",
        params={
            "use_case": Param(
                None, type=["null", "string"], enum=[*names, None], title="Use case",
                description="Empty: all.",
            ),
            "keep": Param(
                None, type=["null", "array"], items={"type": "string"}, title="Keep for",
                description="One a line: `90d` for all, `snapshots=30d` for one. Empty: as set.",
            ),
            "delete": switch_param("Delete", "Else it only says what would go."),
        },
    ) as dag:  # fmt: skip

        @task(execution_timeout=timedelta(hours=6))
        def prune() -> list[Json]:
            """Delete what is old, or only tell of it."""
            from evergreen import retention

            settings, run, name = here.settings(), this_run(), param("use_case")
            apply = bool(param("delete")) or (settings.prune and run.actor == "schedule")
            with at_work() as kept:
                pruned = retention.prune_all(
                    [name] if name else None,
                    retention.Limits.of(settings).asked(param("keep") or ()),
                    as_of=run.as_of,
                    apply=apply,
                    actor=run.actor,
                    catalog=catalog(),
                    records=kept,
                    settings=settings,
                    tell=log.info,
                )
            tell(retention.sentence(pruned, applied=apply))
            return [one.to_json() for one in pruned]

        prune()
    return dag
