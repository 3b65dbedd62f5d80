"""Keeps house: ends use cases, and lets go of what is old."""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from evergreen.refs import Json
from evergreen_airflow import here
from evergreen_airflow.edge import actor, at_work, catalog, param, switch_param, tell, this_run
from evergreen_airflow.operations.form import by_hand, choose, reason_param

log = logging.getLogger(__name__)

RETIRE = """
Ends a use case: it is trained, watched, scored and served no more, its trial and its alerts are
over, and callers are told who ended it, when and why. Its history, models and snapshots stay.
*Bring it back* undoes that.
"""

PRUNE = """
Says each week what is old and what nothing leads to, and how many bytes it takes: the note of the
run tells. It **deletes only** when somebody triggers it with *Delete* switched on, or when
`EVERGREEN_PRUNE=true` says that the weekly run may. What champions, trials, pins, trainings under
way and the newest decisions lead to always stays; how long the rest does, `EVERGREEN_KEEP_…` says.
What went is on record, so that counts stay right.
"""


def retire_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that ends a use case, or brings it back."""
    with by_hand(
        f"{prefix}operations_retire",
        options,
        description="End a use case, or bring it back; its history stays.",
        doc_md=RETIRE,
        params={
            "use_case": choose(names),
            "back": switch_param("Bring it back", "It was retired, and begins again."),
            "reason": reason_param("Why; callers of the service are told, with your name."),
        },
    ) as dag:

        @task
        def retire() -> str:
            """End the use case or bring it back, as the form says."""
            from evergreen import retirement

            name, who, why = param("use_case"), actor(), param("reason")
            with at_work() as kept:
                if param("back"):
                    done = retirement.revive(name, reason=why, actor=who, records=kept)
                else:
                    done = retirement.retire(
                        name, reason=why, actor=who, records=kept, settings=here.settings()
                    )
            told = done or f"{name} is not retired: nothing was done."
            tell(told)
            return told

        retire()
    return dag


def prune_dag(names: list[str], *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that lets go of what is old, or says each week what would go."""
    with by_hand(
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
