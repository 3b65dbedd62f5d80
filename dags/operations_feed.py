"""`operations_feed`: the days that are missing come into the demo tables, ten minutes early.

Without demo use cases there is no such DAG.
"""

from datetime import timedelta

from airflow.sdk import Param, task

from evergreen import settings
from evergreen_airflow import catalog
from evergreen_airflow.edge import final_refusals, our_dag, param, tell, this_run

EARLY = timedelta(minutes=10)
"""Before midnight, when the trainings are due."""
WAYS = ["on_time", "late", "partial", "twice", "corrected", "not_at_all"]
WITH_DAYS = ["churn", "energy", "stocks", "weather"]
FORM = {
    "how": Param("on_time", type=["null", "string"], enum=[*WAYS, None], title="How they come"),
    "days": Param(1, type=["null", "integer"], minimum=1, title="Days late (of `late` alone)"),
    "only": Param(None, type=["null", "string"], enum=[*WITH_DAYS, None], title="Only this table"),
}
DOC = """
Brings to the demo tables (`{names}`) the days that are missing, at ten to midnight UTC, so that the
trainings of midnight see them; the sources of your own use cases are none of its business.
The same day twice changes nothing, and what was missed is made up by the next run.

To see what a bad day does, trigger it with another *How they come*: `late` (the newest days do not
come yet), `partial` (half of the newest day), `twice`, `corrected` (the three days before come
again with other values), `not_at_all`. To keep it from coming, pause this DAG.
"""


declared = catalog().use_cases
names = [name for name in WITH_DAYS if name in declared and "demo" in declared[name].tags]

if names:
    with our_dag(
        "operations",
        "operations",
        {},
        dag_id="operations_feed",
        description="Brings the days that are missing to the demo tables.",
        doc_md=DOC.format(names="`, `".join(names)),
        schedule="50 23 * * *",
        tags=["operations", "demo"],
        params=FORM,
    ):

        @task
        def feed() -> list[str]:
            """Bring what is missing up to the last day that is over, or almost."""
            from evergreen_workshop import demo
            from evergreen_workshop.demo.deliveries import parse

            until = (this_run().as_of + EARLY).date() - timedelta(days=1)
            url, how, days = (
                settings.get().warehouse_url,
                parse(param("how") or "on_time"),
                param("days") or 1,
            )
            loaded = [name for name in names if demo.is_loaded(name, url)]
            with final_refusals():
                done = [
                    demo.deliver(name, url, until, how, days).sentence
                    for name in loaded
                    if param("only") in {None, name}
                ]
            tell(f"Up to {until} ({how}): {', '.join(done) or 'no table is loaded'}.")
            return done

        feed()
