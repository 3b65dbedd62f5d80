"""Every DAG of every declared use case, and those of operations."""

from evergreen_airflow import use_case_dags

globals().update(use_case_dags())
