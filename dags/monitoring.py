"""`<use case>_monitoring` of each declared use case: hourly, from traffic to decision."""

from evergreen_airflow import catalog, monitoring_dag

for declared in catalog().use_cases.values():
    globals()[f"{declared.name}_monitoring"] = monitoring_dag(declared)
