"""Shows broken use cases where Airflow shows broken DAGs; the DAGs of the others work on."""

from evergreen_airflow import refuse_broken

refuse_broken()
