"""The pages of Evergreen inside the Airflow UI. They read the ledger and JSON, never a model."""

PREFIX = "/evergreen"
"""Where Airflow mounts them."""
