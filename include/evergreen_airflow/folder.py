"""All DAGs of a folder of use cases."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from evergreen.catalog import Catalog, load, load_one
from evergreen.errors import DeclarationError
from evergreen.settings import Variables, variables
from evergreen.spec import UseCase
from evergreen.spec.pace import Schedule, spread
from evergreen_airflow.approval import approval_dag
from evergreen_airflow.edge import RUN_TIMEOUT
from evergreen_airflow.ingest import ingest_dag
from evergreen_airflow.monitoring import monitoring_dag
from evergreen_airflow.operations import FITTING, FORMS
from evergreen_airflow.options import options_of, run_timeout
from evergreen_airflow.scoring import scoring_dag
from evergreen_airflow.training import steps_of, training_dag
from evergreen_airflow.watchdog import watchdog_dag

STORIES = ("training", "monitoring", "scoring", "approval", "ingest")
"""How the ids of the DAGs of a use case end."""


def use_case_dags(folder: Path | None = None, prefix: str | None = None) -> dict[str, DAG]:
    """Return the DAGs of every use case of the folder, and those of operations, by their ids.

    What is left out is `EVERGREEN_USE_CASES_DIR` and `EVERGREEN_DAG_PREFIX`, which the pages need
    as well: they parse no DAG file. A broken use case has no DAG; `refuse_broken`, in a file of its
    own, shows its error. A draft is neither watched nor scored. A task that runs reads the file of
    its own use case, makes its own DAG, and no other. Where there is no use case, nor a folder, the
    watchdog still tells of what is served.
    """
    if folder is not None:
        os.environ["EVERGREEN_USE_CASES_DIR"] = str(folder)
    if prefix is not None:
        os.environ["EVERGREEN_DAG_PREFIX"] = prefix
    known = variables()
    wanted = get_parsing_context().dag_id
    needed = _needed(known.use_cases_dir, (wanted or "").removeprefix(known.dag_prefix))
    return {dag_id: make() for dag_id, make in _makers(needed, known) if wanted in {None, dag_id}}


def refuse_broken(folder: Path | None = None) -> None:
    """Show broken use cases where Airflow shows broken DAG files; call it in a file of its own.

    Raises:
        DeclarationError: some are broken; the message holds their errors. Or there is no folder.
    """
    place = folder or variables().use_cases_dir
    if not place.is_dir():
        raise DeclarationError("EVERGREEN_USE_CASES_DIR", str(place), "a folder that is there")
    broken = load(place).broken
    if broken:
        told = "\n\n".join(f"{name}.py\n{error}" for name, error in broken.items())
        raise DeclarationError(str(place), sorted(broken), f"files that load:\n\n{told}")


def _needed(folder: Path, dag_id: str) -> Catalog:
    """Load the use case that a DAG is of; all of them, where it is of none."""
    name, _, story = dag_id.rpartition("_")
    own = load_one(folder, name) if story in STORIES else Catalog()
    return own if own.use_cases or own.broken else load(folder)


def _makers(catalog: Catalog, known: Variables) -> Iterator[tuple[str, Callable[[], DAG]]]:
    """Yield the id of each DAG, and what makes it."""
    prefix = known.dag_prefix
    for use_case in catalog.use_cases.values():
        for story, make, schedule in _stories(use_case, known.training_pool):
            own = spread(schedule, use_case.name, known.spread)
            dag_id = f"{prefix}{use_case.name}_{story}"
            yield dag_id, partial(make, use_case, prefix=prefix, schedule=own)
    yield f"{prefix}operations_watchdog", partial(watchdog_dag, prefix=prefix)
    names = sorted({*catalog.use_cases, *catalog.broken})  # what is broken is served all the same
    granted = {"granted": longest(catalog)}
    for dag_id, form in FORMS.items() if names else ():
        asked = granted if dag_id in FITTING else {}
        yield f"{prefix}{dag_id}", partial(form, names, prefix=prefix, **asked)


def longest(catalog: Catalog) -> timedelta:
    """Return how long a training may take of whichever use case is granted the most."""
    granted = (run_timeout(options_of(each), steps_of(each)) for each in catalog.use_cases.values())
    return max(granted, default=RUN_TIMEOUT)


def _stories(use_case: UseCase, pool: str) -> Iterator[tuple[str, Callable[..., DAG], Schedule]]:
    """Yield what is told of a use case: how its DAG's id ends, what makes it, its schedule."""
    yield "training", partial(training_dag, pool=pool), use_case.training_schedule
    if not use_case.draft:
        yield "monitoring", monitoring_dag, use_case.monitoring.schedule
    if use_case.scoring is not None and not use_case.draft:
        yield "scoring", scoring_dag, use_case.scoring.schedule
    if use_case.release.approval and not use_case.draft:
        yield "approval", approval_dag, None
    if use_case.ingest is not None:
        yield "ingest", ingest_dag, use_case.ingest.schedule
