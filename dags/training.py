"""`<use case>_training` of each declared use case: daily or by hand, from rows to champion."""

from evergreen_airflow import catalog, training_dag

for declared in catalog().use_cases.values():
    globals()[f"{declared.name}_training"] = training_dag(declared)
