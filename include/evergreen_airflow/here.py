"""The settings, inside Airflow: from the environment, else from Airflow's Connections.

| connection | instead of |
| --- | --- |
| `evergreen_records` | `EVERGREEN_DATABASE_URL` |
| `evergreen_warehouse` | `EVERGREEN_WAREHOUSE_URL` |
| `evergreen_mlflow` | `MLFLOW_TRACKING_URI`, and MLflow's user and password |

So they may lie in a secrets backend, too. They are asked for when a task runs or a page is shown,
never when a DAG is parsed.
"""

import os
import time
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from evergreen.settings import Settings, Variables, complete, variables

LASTS = 60
"""Seconds until a connection is asked for again: the API server lives for long."""


def settings() -> Settings:
    """Return the settings of this task, or of this request for a page.

    Raises:
        SettingError: neither environment nor connections say where the records are, or MLflow.
    """
    return _settings(int(time.monotonic() / LASTS))


@lru_cache(maxsize=1)
def _settings(_minute: int) -> Settings:
    return complete(with_connections(variables()))


def with_connections(found: Variables) -> Variables:
    """Return the variables; what the environment does not say, the connections do."""
    said: dict[str, str] = {}
    if not found.database_url and (records := _connection("evergreen_records")):
        said["database_url"] = postgres_url(records)
    if not found.apart_warehouse_url and (warehouse := _connection("evergreen_warehouse")):
        said["apart_warehouse_url"] = postgres_url(warehouse)
    if not found.tracking_uri and (mlflow := _connection("evergreen_mlflow")):
        said["tracking_uri"] = http_url(mlflow)
        log_in(mlflow)
    return found.model_copy(update=said)


def postgres_url(connection: Any) -> str:
    """Return the `postgresql://…` of a connection; what stands in its extra are parameters."""
    login = quote(connection.login or "", safe="")
    if connection.password:  # without a login it stands where a password stands: nobody prints it
        login = f"{login}:{quote(connection.password, safe='')}"
    port = f":{connection.port}" if connection.port else ""
    options = urlencode(connection.extra_dejson)
    place = f"{_bracketed(connection.host or '')}{port}/{connection.schema or ''}"
    return f"postgresql://{login}{'@' if login else ''}{place}{'?' if options else ''}{options}"


def http_url(connection: Any) -> str:
    """Return the address of a server; its host may begin with `https://`.

    Its schema is `http`, `https` or a path, which is what Airflow makes of that of a URI.
    """
    said, _, place = str(connection.host).rpartition("://")
    host, _, path = place.partition("/")
    if connection.schema in {"http", "https"}:
        said = said or connection.schema
    else:
        path = path or connection.schema or ""
    port = f":{connection.port}" if connection.port else ""
    return f"{said or connection.conn_type}://{_bracketed(host)}{port}/{path}".rstrip("/")


def log_in(mlflow: Any) -> None:
    """Let MLflow's client, and our proxy, send the user and the password of the connection."""
    login = {"USERNAME": mlflow.login, "PASSWORD": mlflow.password}
    os.environ.update({f"MLFLOW_TRACKING_{name}": said for name, said in login.items() if said})


def _bracketed(host: str) -> str:
    """Return a host as an address has it: Airflow takes the brackets off those of IPv6."""
    return f"[{host}]" if host.count(":") > 1 and not {",", "["} & set(host) else host


def _connection(name: str) -> Any:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        return None
