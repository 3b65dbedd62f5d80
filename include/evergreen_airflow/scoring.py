"""`<use case>_scoring`, where the use case declares `scoring`: raw rows in, predictions out."""

from typing import Any

from airflow.sdk import DAG, Asset, task

from evergreen.errors import DeclarationError
from evergreen.refs import Json
from evergreen.spec import Scoring, UseCase
from evergreen_airflow import here, openlineage
from evergreen_airflow.edge import (
    at_work,
    moment,
    moment_param,
    note_param,
    our_dag,
    param,
    tags,
    tell,
    this_run,
)
from evergreen_airflow.ingest import wait_for_ingest
from evergreen_airflow.options import options_of, run_timeout

FORM = {
    "as_of": moment_param(
        "As of", "Score the last interval that had ended then (UTC). Empty: when the run is due."
    ),
    "start": moment_param("Start", "Score another interval: its start (UTC)."),
    "end": moment_param("End", "And its end, which is not in it."),
    "note": note_param("Why you ask for this run; kept with the run."),
}
DOC = """
### What does the champion of {name} say of the rows of the last interval?

| | |
| --- | --- |
| Rows | the query that `scoring` declares, for the interval of `{schedule}` that has ended |
| Written to | `{into}`, with version, digests, interval and `as_of` in every row |
| Refused | single rows, as the service would; the whole run above {max_refused:.1%} of them, or \
below {min_rows} rows |
| Watched | {logged:,} rows of each run at most, in `evergreen.predictions`; counts are of all |
| Owner | {owner} |

**The champion is taken once**, at the start. The rows of an interval appear all at once, and take
the place of those of an earlier run: running it again changes nothing. Where there is no champion
yet, or the use case is retired, the run skips itself and says so.

**To score another interval**, press *Trigger* and fill in its start and end. Intervals that passed
while the DAG was paused are not made up by themselves.
"""


def scoring_dag(use_case: UseCase, *, prefix: str = "", **options: Any) -> DAG:
    """Return the scoring DAG of a use case; `options` are those of `DAG`, instead of ours.

    Raises:
        DeclarationError: the use case declares no `scoring`.
    """
    declared = use_case.scoring
    if declared is None:
        raise DeclarationError(f"{use_case.name}: scoring", None, "Scoring(...)")
    step = options_of(use_case)
    with our_dag(
        use_case.name,
        use_case.owner,
        options,
        dag_id=f"{prefix}{use_case.name}_scoring",
        description=f"Writes what the champion of {use_case.name} predicts to {declared.into}.",
        doc_md=doc_md(use_case, declared),
        schedule=declared.schedule,
        tags=tags("scoring", use_case),
        params=FORM,
        dagrun_timeout=run_timeout(step, ["score"]),
    ) as dag:

        @task(outlets=[Asset(declared.into)], **step("score"))
        def score() -> Json:
            """Let the champion predict the rows of the interval, and put them into the table."""
            from evergreen import scoring

            run, known = this_run(purpose="score"), here.settings()
            with at_work() as kept:
                interval = scoring.interval_of(
                    use_case, run.as_of, moment(param("start")), moment(param("end"))
                )
                done = scoring.score(
                    use_case, scoring.asked(use_case, interval), run, records=kept, settings=known
                )
            openlineage.moved(
                [openlineage.model(use_case, done.version, known)],
                [openlineage.predictions(declared.into, known)],
            )
            tell(done.sentence)
            return done.to_json()

        scored = score()
        if use_case.ingest is not None:
            wait_for_ingest(use_case, prefix, step) >> scored
    return dag


def doc_md(use_case: UseCase, declared: Scoring) -> str:
    """Return the page that Airflow shows above the DAG, as Markdown."""
    return DOC.format(
        name=use_case.name,
        schedule=declared.schedule or "@daily",
        into=declared.into,
        max_refused=declared.max_refused,
        min_rows=declared.min_rows,
        logged=declared.logged,
        owner=use_case.owner,
    )
