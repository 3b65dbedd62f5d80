"""What operators do by hand, each by a form, and what looks after everything."""

from evergreen_airflow import backfill_dag, catalog, rollback_dag, watchdog_dag

if names := sorted(catalog().use_cases):
    operations_rollback = rollback_dag(names)
    operations_backfill = backfill_dag(names)
    operations_watchdog = watchdog_dag()
