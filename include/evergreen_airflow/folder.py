"""All DAGs of a folder of use cases."""

from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG

from evergreen.catalog import Catalog, load
from evergreen.errors import DeclarationError
from evergreen_airflow.ingest import ingest_dag
from evergreen_airflow.monitoring import monitoring_dag
from evergreen_airflow.operations import backfill_dag, rollback_dag
from evergreen_airflow.training import training_dag
from evergreen_airflow.watchdog import watchdog_dag


def use_case_dags(folder: Path, prefix: str = "") -> dict[str, DAG]:
    """Return the DAGs of every use case of the folder, and those of operations, by their ids.

    A broken use case has none; `refuse_broken`, in a file of its own, shows its error.
    """
    return {dag.dag_id: dag for dag in _dags(load(folder), prefix)}


def refuse_broken(catalog: Catalog) -> None:
    """Show broken use cases where Airflow shows broken DAG files; call it in a file of its own.

    Raises:
        DeclarationError: some are broken; the message holds their errors.
    """
    if catalog.broken:
        told = "\n\n".join(f"{name}.py\n{error}" for name, error in catalog.broken.items())
        allowed = f"files that load:\n\n{told}"
        raise DeclarationError("include/use_cases", sorted(catalog.broken), allowed)


def _dags(catalog: Catalog, prefix: str) -> Iterator[DAG]:
    for use_case in catalog.use_cases.values():
        yield training_dag(use_case, prefix=prefix)
        yield monitoring_dag(use_case, prefix=prefix)
        if use_case.ingest is not None:
            yield ingest_dag(use_case, prefix=prefix)
    if names := sorted(catalog.use_cases):
        yield rollback_dag(names, prefix=prefix)
        yield backfill_dag(names, prefix=prefix)
        yield watchdog_dag(prefix=prefix)
