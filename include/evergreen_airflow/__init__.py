"""Evergreen on Airflow: each DAG is made by a function, so that yours and ours can be told apart.

    from evergreen_airflow import use_case_dags

    globals().update(use_case_dags(Path(__file__).parent / "use_cases", prefix="ml_"))

makes every DAG of every use case of that folder; `training_dag` and the others make one, and
`training_tasks` adds a training to a DAG of your own.
"""

from evergreen_airflow.approval import approval_dag
from evergreen_airflow.edge import catalog
from evergreen_airflow.folder import refuse_broken, use_case_dags
from evergreen_airflow.ingest import ingest_dag
from evergreen_airflow.monitoring import monitoring_dag
from evergreen_airflow.operations import backfill_dag, rollback_dag
from evergreen_airflow.scoring import scoring_dag
from evergreen_airflow.training import training_dag, training_tasks
from evergreen_airflow.watchdog import watchdog_dag

__all__ = [
    "approval_dag",
    "backfill_dag",
    "catalog",
    "ingest_dag",
    "monitoring_dag",
    "refuse_broken",
    "rollback_dag",
    "scoring_dag",
    "training_dag",
    "training_tasks",
    "use_case_dags",
    "watchdog_dag",
]
