"""`<use case>_ingest` of each use case that declares `ingest`: from files or an API to rows."""

from evergreen_airflow import catalog, ingest_dag

for declared in catalog().use_cases.values():
    if declared.ingest is not None:
        globals()[f"{declared.name}_ingest"] = ingest_dag(declared)
