"""`operations_watchdog`: every five minutes, is every champion served and fresh?"""

from typing import Any

from airflow.sdk import DAG, task

from evergreen_airflow.assets import UPDATES
from evergreen_airflow.edge import our_dag, tell
from evergreen_airflow.priorities import WATCHDOG, weight
from evergreen_airflow.retraining import look_after_everything

DOC = """
Asks the prediction service (at `EVERGREEN_SERVE_HOST`; none is asked where that is not set) whether
it serves each champion, lets MLflow's registry follow the
ledger (a promotion that a crash interrupted, an alias that somebody moved), looks for champions
that no challenger has been held against for too long (`retraining.stale_after`), reminds of
challengers that wait for a person's word, and tells again what did not get through. It tells of
silences, too: nothing is watched or can be measured, labels stop, no window is calm, callers are
turned away or stay away, nothing is landed, a schedule does not run, a file does not load, the disk
fills up, predictions lie in no month (it makes the months to come). One message when a state
begins, one when it is over; addresses: `EVERGREEN_NOTIFY_URLS`. At the end it asks for
`EVERGREEN_HEARTBEAT_URL`, whose owner tells you when this DAG stops looking.
"""


def watchdog_dag(*, prefix: str = "", **options: Any) -> DAG:
    """Return the watchdog; `options` are those of `DAG`, instead of ours."""
    with our_dag(
        "operations",
        "operations",
        options,
        dag_id=f"{prefix}operations_watchdog",
        description="Is every champion served, crowned and fresh?",
        doc_md=DOC,
        schedule="*/5 * * * *",
        is_paused_upon_creation=False,
        tags=["operations"],
    ) as dag:

        @task(outlets=[UPDATES], priority_weight=weight(WATCHDOG))
        def look() -> list[str]:
            """Look after every champion, and tell people what they should know."""
            looked = look_after_everything()
            tell(looked.sentence)
            return looked.problems

        look()
    return dag
