"""`operations_watchdog`: every five minutes, is every champion served and fresh?"""

from datetime import UTC, datetime

from airflow.sdk import DAG, task

from airflow_edge import EVERY_DAG, EVERY_TASK, catalog, tell
from retraining import look_after_everything

DOC = """
Asks the prediction service whether it serves each champion, looks for champions that no challenger
has been held against for too long (`retraining.stale_after`), and tells again what did not get
through. One message when a state begins, one when it is over; addresses: `EVERGREEN_NOTIFY_URLS`.
"""


def watchdog() -> DAG:
    """Return the DAG."""
    with DAG(
        dag_id="operations_watchdog",
        description="Is every champion served and fresh?",
        doc_md=DOC,
        schedule="*/5 * * * *",
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        tags=["operations"],
        default_args={**EVERY_TASK, "owner": "operations"},
        **EVERY_DAG,
    ) as dag:

        @task
        def look() -> list[str]:
            """Look after every champion, and tell people what they should know."""
            problems = look_after_everything()
            tell("; ".join(problems) or "Every champion is served and fresh.")
            return problems

        look()
    return dag


if catalog().use_cases:
    operations_watchdog = watchdog()
