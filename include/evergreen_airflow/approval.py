"""`<use case>_approval`: a challenger that passed its gate waits for a person's word.

    ask_for_approval(use_case, promoted, options_of(use_case), "churn_approval")  # ends a training
    approval_dag(use_case)                                                        # asks, and does

It is a DAG of its own: a run that waits for days would hold the slot of the training. The waiting
takes no worker: Airflow parks the task until somebody presses a button or answers elsewhere
(`evergreen approve`), or the time is over; see `question`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from evergreen import reasons
from evergreen.refs import Json
from evergreen.spec import UseCase
from evergreen_airflow import here, notes
from evergreen_airflow.assets import UPDATES, tell_champions
from evergreen_airflow.edge import at_work, our_dag, tags, tell, this_run
from evergreen_airflow.options import Options, options_of
from evergreen_airflow.question import Question
from evergreen_airflow.retraining import start_run

DOC = """
Starts when a challenger has passed its gate and the use case asks for a person's word
(`Release(approval=True)`). Read the report that the question links to, then press *{yes}* or *{no}*
under **Required actions**, with your reason; `evergreen approve {name}` does the same, and ends the
question here. Who, when and why go on record. After {days:g} days without an answer the challenger
is withdrawn.
"""
YES, NO = "Promote", "Refuse"
NO_REASON = "no reason given"


def ask_for_approval(use_case: UseCase, promoted: Any, options: Options, asking: str) -> None:
    """Add the tasks that start the approval, where one waits, to the DAG that is being written.

    `promoted` is what the task `promote` returns, which puts the question; `asking` is the id of
    the DAG that asks it.
    """

    @task.short_circuit(multiple_outputs=True, **options("approval_needed"))
    def approval_needed(promoted: Json) -> Json | None:  # noqa: ARG001  # it comes after
        """Tell which question waits; no more if none does."""
        with at_work() as kept:
            waiting = kept.approvals.waiting(use_case.name)
        if not waiting:
            return None
        [asked] = waiting
        run_id = f"approval__{asked.id}_version_{asked.version}"
        return {"run_id": run_id, "note": notes.beginning(asked.told), "conf": {"asked": asked.id}}

    start_run(
        approval_needed(promoted), asking, options, task_id="ask_for_approval",
        doc="Starts the DAG that asks a person. Skipped if its run exists.",
    )  # fmt: skip


def approval_dag(use_case: UseCase, *, prefix: str = "", **options: Any) -> DAG:
    """Return the DAG that asks a person about the challenger that waits, and does as they say."""
    name, within = use_case.name, use_case.release.approval_within
    days = within / timedelta(days=1)
    with our_dag(
        name,
        use_case.owner,
        options,
        dag_id=f"{prefix}{name}_approval",
        description=f"Ask a person whether the challenger of {name} may take over.",
        doc_md=DOC.format(name=name, yes=YES, no=NO, days=days),
        schedule=None,
        is_paused_upon_creation=False,
        dagrun_timeout=within + timedelta(days=1),
        max_active_runs=16,
        tags=tags("approval", use_case),
        params={
            "asked": Param(
                None, type=["null", "integer"], title="Question",
                description="Its number. Empty: the one that waits.",
            )
        },
    ) as dag:  # fmt: skip

        @task.short_circuit(multiple_outputs=True, **options_of(use_case)("find"))
        def find() -> Json | None:
            """Find the question that waits."""
            with at_work() as kept:
                waiting = kept.approvals.waiting(name)
            wanted = get_current_context()["params"].get("asked")
            found = [asked for asked in waiting if wanted in {None, asked.id}]
            if not found:
                tell(f"Nothing of {name} waits for a person's word.")
                return None
            return question(found[0])

        ask = Question(
            task_id="ask",
            asked="{{ ti.xcom_pull('find')['asked'] }}",
            until="{{ ti.xcom_pull('find')['until'] }}",
            subject="{{ ti.xcom_pull('find')['subject'] }}",
            body="{{ ti.xcom_pull('find')['body'] }}",
            options=[YES, NO],
            defaults=[NO],
            params={
                "reason": Param(  # a task does not start whose fields have no value
                    None, type=["null", "string"], maxLength=reasons.LONGEST, title="Reason",
                    description="Why; it goes on record with your name.",
                )
            },
            response_timeout=within,
            execution_timeout=None,
        )  # fmt: skip

        @task(outlets=[UPDATES], **options_of(use_case)("carry_out"))
        def carry_out(found: Json, answer: Json) -> Json | None:
            """Let the challenger take over or withdraw it, as the person said."""
            from evergreen import approvals, steps
            from evergreen.errors import AlreadyAnswered

            who, asked = answer["responded_by_user"], found["asked"]
            with at_work() as kept:
                if who is None:  # the time is over, or it was answered elsewhere
                    end = this_run().asked_at + within
                    told = approvals.expire(name, end, records=kept, settings=here.settings())
                    tell(" ".join(told) or answered(kept.approvals.get(asked)))
                    return None
                try:
                    done = steps.answer(
                        use_case,
                        approve=answer["chosen_options"] == [YES],
                        reason=answer["params_input"].get("reason") or NO_REASON,
                        actor=who["name"],
                        at=answer["responded_at"],
                        asked=asked,
                        records=kept,
                        settings=here.settings(),
                    )
                except AlreadyAnswered as faster:  # no failure: somebody pressed after the answer
                    tell(f"{who['name']} was too late: {faster}.")
                    return None
                tell_champions([name], kept.promotions)
            tell(done.sentence)
            return done.to_json()

        found = find()
        found >> ask
        carry_out(found, ask.output)
    return dag


def answered(found: Any) -> str:
    """Say who has answered a question elsewhere, and why."""
    who = f"{found.answer} by {found.answered_by} ({found.reason})"
    return f"Version {found.version} of {found.use_case} was answered for elsewhere: {who}."


def question(asked: Any) -> Json:
    """Return what a person is asked: a headline, and what they need to decide."""
    report = (
        f"[The report]({asked.report}) shows what it was judged by.\n\n" if asked.report else ""
    )
    return {
        "asked": asked.id,
        "until": asked.expires_at.isoformat(),
        "subject": f"Promote version {asked.version} of {asked.use_case}?",
        "body": f"{asked.sentence}\n\n{report}Without an answer until"
        f" {asked.expires_at:%Y-%m-%d %H:%M} UTC it is withdrawn.",
    }
