"""The pages of Evergreen inside the Airflow UI. They read the ledger and JSON, never a model."""

from urllib.parse import urlsplit

from airflow.configuration import conf

MOUNT = "/evergreen"
"""Where Airflow mounts them."""
AIRFLOW = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
"""Where Airflow is on its host: nothing, or a path as `/airflow`."""
PREFIX = f"{AIRFLOW}{MOUNT}"
"""Where a browser finds them."""
