"""Import what tasks need once, in the process that forks them.

Airflow imports this module when one of its processes starts. LocalExecutor's workers are forked
from the scheduler, Celery's from the worker, and the tasks from those: they inherit the modules
instead of importing them again, which takes longer than most of a task's work.
"""

import importlib
import logging
import sys
import warnings

MODULES = (
    "pandas",
    "pyarrow.parquet",
    "adbc_driver_postgresql.dbapi",
    "matplotlib.figure",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "skops.io",
    "mlflow",
    "mlflow.sklearn",
    "great_expectations",
    "evergreen.steps",
    "evergreen.data.extraction",
    "evergreen.quality.validation",
    "evergreen.learning.features",
    "evergreen.learning.training",
    "evergreen.judging.evaluation",
    "evergreen.judging.gate",
    "evergreen.judging.report",
    "evergreen.champions.promotion",
    "evergreen.deciding",
    "evergreen.watching.watcher",
    "evidently.metrics",
    "evidently.legacy.calculations.stattests.registry",
)


def forks_tasks(arguments: list[str]) -> bool:
    """Tell from its command line whether this process forks the workers that run tasks."""
    return "scheduler" in arguments or ("celery" in arguments and "worker" in arguments)


def preload() -> None:
    """Import the modules; one that cannot be imported is left for the tasks to report."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    for name in MODULES:
        try:
            with warnings.catch_warnings(action="ignore"):  # Evidently's, of its own past
                importlib.import_module(name)
        except Exception:
            logging.getLogger(__name__).exception("%s could not be preloaded", name)


if forks_tasks(sys.argv):
    preload()
