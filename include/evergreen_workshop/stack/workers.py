"""Celery's workers beside a stack: each with a home of its own, as on a machine of its own.

Usage::

    home(layout, "worker-one").mkdir(parents=True)   # put its declarations there
    stack.revive("worker-one")                       # it starts, where Airflow runs by Celery
    names(layout)                                    # ("worker-one",)
"""

from pathlib import Path

from evergreen_workshop.stack.layout import Layout

BEGINS = "worker-"


def names(layout: Layout) -> tuple[str, ...]:
    """Return the workers that have been started, whether they run or not."""
    every = layout.pid(f"{BEGINS}*")
    return tuple(sorted(file.stem for file in every.parent.glob(every.name)))


def home(layout: Layout, name: str) -> Path:
    """Return the folder of a worker: its state, its declarations, its Airflow's home."""
    return layout.home / name


def command(name: str) -> tuple[str, ...]:
    """Return the command line of a worker, of two tasks at once."""
    options = ("--skip-serve-logs", "--concurrency", "2", "--celery-hostname", f"{name}@here")
    return ("airflow", "celery", "worker", *options)


def variables(home: Path) -> dict[str, str]:
    """Return the settings of the folders of one machine."""
    return {
        "EVERGREEN_HOME": str(home / "state"),
        "EVERGREEN_USE_CASES_DIR": str(home / "use_cases"),
        "EVERGREEN_EXPECTATIONS_DIR": str(home / "expectations"),
        "AIRFLOW_HOME": str(home / "airflow"),
    }
