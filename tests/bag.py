"""Loads the project's DAG files the way Airflow does, in a fresh process, and says what it saw."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evergreen.settings import PROJECT

if TYPE_CHECKING:
    from airflow.sdk import DAG

USE_CASES = PROJECT / "include" / "use_cases"
HEAVY = (
    "pandas", "sklearn", "mlflow", "great_expectations", "evidently", "pyarrow", "scipy",
    "matplotlib", "evergreen.steps",
)  # fmt: skip

Report = dict[str, Any]


def load_dags(home: Path, use_cases: Path) -> Report:
    """Load dags/ in a fresh process, with these use cases."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "EVERGREEN_HOME": str(home),
        "EVERGREEN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:1",
        "EVERGREEN_USE_CASES_DIR": str(use_cases),
        "PYTHONPATH": str(PROJECT / "include"),
    }
    command = [sys.executable, __file__, str(PROJECT / "dags")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report: Report = json.loads(done.stdout.splitlines()[-1])
    return report


def missing(dag: "DAG", name: str) -> bool:
    """Tell whether Airflow's form is dead until a person fills in this field."""
    param = dag.params.get_param(name)
    types = param.schema.get("type", "null")
    return "null" not in types and not param.has_value


def describe(dag: "DAG") -> dict[str, object]:
    tasks = [task for task in dag.tasks if not task.is_setup]
    return {
        "owner": dag.owner,
        "tags": sorted(dag.tags),
        "doc_md": dag.doc_md or "",
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "paused": dag.is_paused_upon_creation,
        "dagrun_timeout": bool(dag.dagrun_timeout),
        "on_failure": bool(dag.on_failure_callback),
        "params": sorted(dag.params),
        "must_be_filled_in": sorted(filter(lambda name: missing(dag, name), dag.params)),
        "backfilled": dag.allowed_run_types is None,
        "schedule": dag.schedule,
        "edges": sorted(
            [task.task_id, below] for task in tasks for below in task.downstream_task_ids
        ),
        "tasks": {
            task.task_id: {
                "retries": task.retries,
                "pool": task.pool,
                "queue": task.queue,
                "minutes": task.execution_timeout and task.execution_timeout.total_seconds() / 60,
                "timeout": bool(task.execution_timeout),
                "mapped": task.is_mapped,
                "doc": bool(task.doc_md or task.doc),
            }
            for task in tasks
        },
    }


def main(folder: str) -> None:
    from airflow.dag_processing.dagbag import DagBag

    sys.path.insert(0, folder)
    bag = DagBag(folder)
    report = {
        "heavy": [name for name in HEAVY if name in sys.modules],
        "import_errors": {Path(file).name: error for file, error in bag.import_errors.items()},
        "dags": {dag_id: describe(dag) for dag_id, dag in bag.dags.items()},
    }
    sys.stdout.write("\n" + json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
