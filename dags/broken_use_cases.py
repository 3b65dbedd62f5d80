"""Shows broken use cases where Airflow shows broken DAGs; the DAGs of the others work on."""

from airflow_edge import catalog
from evergreen.errors import DeclarationError

broken = catalog().broken
if broken:
    raise DeclarationError(
        "include/use_cases",
        sorted(broken),
        "files that load:\n\n"
        + "\n\n".join(f"{name}.py\n{error}" for name, error in broken.items()),
    )
