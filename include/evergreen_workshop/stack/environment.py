"""The variables of the stack's processes, and the secrets among them.

All of them are written to `stack.env`: the `evergreen` command reads it, and so can a shell that
wants to use the `airflow` command beside the stack (`set -a; . .evergreen/stack.env`).
"""

import base64
import json
import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from evergreen.errors import SettingError
from evergreen.settings import PROJECT, of_stack
from evergreen_workshop.stack.container import check_password
from evergreen_workshop.stack.layout import Layout, write_private
from evergreen_workshop.stack.postgres import EmbeddedPostgres

USER = "admin"
PASSWORD = "EVERGREEN_ADMIN_PASSWORD"  # noqa: S105 (the name of the variable)

QUIET = {
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "SCARF_ANALYTICS": "false",
}
"""Nobody is told what happens here. (Telemetry threads would not survive the fork either.)"""

MODEST = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
"""Tasks run side by side, so each keeps to one thread and to little memory."""


def explicit() -> dict[str, str]:
    """Return what the user has set, in the environment or in `.env`."""
    layers: tuple[Mapping[str, str | None], ...] = (dotenv_values(PROJECT / ".env"), os.environ)
    return {key: value for layer in layers for key, value in layer.items() if value}


def remembered(layout: Layout) -> dict[str, str]:
    """Return the variables of the last start, or nothing before the first."""
    return {key: value for key, value in of_stack(layout.environment).items() if value}


def refuse_other_stores(set_by_user: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Refuse to start beside a database or an MLflow that the user's own settings point to.

    Raises:
        SettingError: the `evergreen` command would use another store than the stack.
    """
    for name in ("EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        if name in set_by_user and set_by_user[name] != known.get(name):
            raise SettingError(
                f"{name} is set, but `make up` starts a store of its own;"
                f" unset it (in the environment or in .env), or work without `make up`"
            )


def password_of(set_by_user: Mapping[str, str]) -> dict[str, str]:
    """Return the UI's password if the user has set it.

    Raises:
        SettingError: it is too short.
    """
    if PASSWORD not in set_by_user:
        return {}
    check_password(set_by_user[PASSWORD])
    return {PASSWORD: set_by_user[PASSWORD]}


def stack_environment(
    layout: Layout, ports: Mapping[str, int], postgres: EmbeddedPostgres, known: Mapping[str, str]
) -> dict[str, str]:
    """Return every variable of the stack; secrets are kept from `known` or made."""
    ui = f"http://127.0.0.1:{ports['EVERGREEN_UI_PORT']}"
    return {
        "EVERGREEN_HOME": str(layout.home),
        **{setting: str(port) for setting, port in ports.items()},
        "EVERGREEN_DATABASE_URL": postgres.url("evergreen"),
        "EVERGREEN_SERVE_HOST": explicit().get("EVERGREEN_SERVE_HOST", "127.0.0.1"),
        "EVERGREEN_UI_URL": ui,
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{ports['EVERGREEN_MLFLOW_PORT']}",
        **mlflow_environment(postgres.url("mlflow")),
        **airflow_environment(
            home=layout.airflow, database_url=postgres.url("airflow"), ui_url=ui,
            port=ports["EVERGREEN_UI_PORT"],
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.passwords),
        **make_secrets(known),
        **QUIET,
        **MODEST,
    }  # fmt: skip


def for_services(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a service is started with: the user's own variables under the stack's."""
    mine = {key: value for key, value in environment.items() if key != PASSWORD}
    return {**explicit(), **mine}


NOT_FOR = {
    "mlflow": ("AIRFLOW", "EVERGREEN_"),
    "serve": ("AIRFLOW", "MLFLOW_BACKEND_STORE_URI"),
}
"""How variables begin that a service has no use for, the secrets of the others among them."""


def for_service(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what one service is started with: what reads models from others gets no secret."""
    withheld = (*NOT_FOR.get(name, ("MLFLOW_BACKEND_STORE_URI",)), PASSWORD)
    return {key: value for key, value in environment.items() if not key.startswith(withheld)}


def mlflow_environment(database_url: str) -> dict[str, str]:
    """Return the MLflow server's variables; a password on its command line could be seen."""
    return {
        "MLFLOW_BACKEND_STORE_URI": sqlalchemy(database_url),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def airflow_environment(*, home: Path, database_url: str, ui_url: str, port: int) -> dict[str, str]:
    """Return Airflow's configuration: one machine, small, and quick between tasks."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": explicit().get("EVERGREEN_DAGS_DIR", str(PROJECT / "dags")),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__MP_START_METHOD": "fork",
        "AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "false",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlalchemy(database_url),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "5",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": ui_url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__EXPOSE_CONFIG": "false",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "config"), str(PROJECT / "include")]),
    }


def sqlalchemy(database_url: str) -> str:
    """Return the URL with the driver's name, as SQLAlchemy wants it."""
    return database_url.replace("postgresql://", "postgresql+psycopg2://", 1)


def make_secrets(known: Mapping[str, str]) -> dict[str, str]:
    """Return the stack's secrets: those of `known`, and new ones for the others."""
    makers: dict[str, Callable[[], str]] = {
        "AIRFLOW__CORE__FERNET_KEY": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "AIRFLOW__API_AUTH__JWT_SECRET": lambda: secrets.token_urlsafe(64),
        "AIRFLOW__API__SECRET_KEY": lambda: secrets.token_urlsafe(32),
        PASSWORD: lambda: secrets.token_urlsafe(12),
    }
    return {name: known.get(name) or make() for name, make in makers.items()}


def write(layout: Layout, environment: Mapping[str, str]) -> None:
    """Keep the environment, and the login of the UI, in files that only the owner can read."""
    lines = [f"{key}={shlex.quote(value)}" for key, value in environment.items()]
    write_private(layout.environment, "\n".join(lines) + "\n")
    password = environment[PASSWORD]
    write_private(layout.passwords, json.dumps({USER: password}) + "\n")
    write_private(
        layout.login,
        f"url:      {environment['EVERGREEN_UI_URL']}\nuser:     {USER}\npassword: {password}\n",
    )
