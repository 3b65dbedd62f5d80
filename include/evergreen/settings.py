"""The environment, read in one place and lazily.

A setting is looked up in the environment, then in `.env`, then in `stack.env` under
`EVERGREEN_HOME` (which `make up` writes). `.env.example` lists them all.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from evergreen.errors import SettingError

PREFIX = re.compile(r"[a-zA-Z0-9._-]{1,64}")
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the engine needs to know about its surroundings."""

    home: Path
    """Folder of all state that is not in PostgreSQL."""
    database_url: str
    """`postgresql://…` of the records, the schema `evergreen`; also through PgBouncer."""
    tracking_uri: str
    """MLflow: `http://…` of a server, or the `postgresql+psycopg2://…` of its database."""
    artifacts_url: str
    """Root of MLflow's artifacts when `tracking_uri` is a database; a server has its own."""
    use_cases_dir: Path
    expectations_dir: Path
    notify_urls: tuple[str, ...] = ()
    """Apprise URLs (`mailto://`, `slack://`, `json://` ...) that are told of incidents."""
    ui_url: str = ""
    """Public address of the Airflow UI, for the links in notifications and reports."""
    api_keys: tuple[str, ...] = ()
    """Keys that the prediction service accepts as `X-API-Key`; none: everybody may ask."""
    serve_host: str = "127.0.0.1"
    serve_port: int = 8100
    airflow_database_url: str = ""
    """`postgresql+psycopg2://…` of Airflow's own, for `evergreen check`; empty: no Airflow."""
    model_prefix: str = "evergreen."
    """Begins the names of our registered models and experiments in MLflow, which others share."""
    apart_warehouse_url: str = ""
    """`postgresql://…` of the users' tables; empty: they are beside the records."""
    direct_url: str = ""
    """The records' database without PgBouncer, to LISTEN to; empty: `database_url`."""
    commit: str = ""
    """Commit of the code, for images without a git checkout."""
    store_url: str = ""
    """Where everything is kept that is not in PostgreSQL or MLflow; empty: the home folder."""
    store_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What fsspec's file system of that URL takes: `key`, `secret`, `endpoint_url` …"""

    @property
    def warehouse_url(self) -> str:
        """`postgresql://…` of the users' tables; a role that may only SELECT is enough to train."""
        return self.apart_warehouse_url or self.database_url

    @property
    def serve_url(self) -> str:
        """Where the prediction service answers, seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1"}.get(self.serve_host, self.serve_host)  # noqa: S104
        return f"http://{host}:{self.serve_port}"


def environment() -> dict[str, str]:
    """Merge the three places a setting may come from; the environment wins."""
    home = Path(os.environ.get("EVERGREEN_HOME", PROJECT / ".evergreen"))
    layers: tuple[Mapping[str, str | None], ...] = (
        dotenv_values(home / "stack.env"),
        dotenv_values(PROJECT / ".env"),
        os.environ,
    )
    merged = {key: value for layer in layers for key, value in layer.items() if value}
    merged.setdefault("EVERGREEN_HOME", str(home))
    return merged


def from_environment(env: Mapping[str, str]) -> Settings:
    """Build the settings from environment variables.

    Raises:
        SettingError: a required variable is missing.
    """
    home = Path(env["EVERGREEN_HOME"])
    return Settings(
        home=home,
        database_url=_required(env, "EVERGREEN_DATABASE_URL"),
        tracking_uri=_required(env, "MLFLOW_TRACKING_URI"),
        artifacts_url=env.get("EVERGREEN_ARTIFACTS_URL", str(home / "artifacts")),
        use_cases_dir=Path(env.get("EVERGREEN_USE_CASES_DIR", PROJECT / "include" / "use_cases")),
        expectations_dir=Path(env.get("EVERGREEN_EXPECTATIONS_DIR", PROJECT / "expectations")),
        notify_urls=tuple(env.get("EVERGREEN_NOTIFY_URLS", "").split()),
        ui_url=env.get("EVERGREEN_UI_URL", ""),
        api_keys=tuple(env.get("EVERGREEN_API_KEYS", "").replace(",", " ").split()),
        serve_host=env.get("EVERGREEN_SERVE_HOST", "127.0.0.1"),
        serve_port=int(env.get("EVERGREEN_SERVE_PORT", "8100")),
        airflow_database_url=env.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", ""),
        model_prefix=_prefix(env.get("EVERGREEN_MODEL_PREFIX", "evergreen.")),
        apart_warehouse_url=env.get("EVERGREEN_WAREHOUSE_URL", ""),
        direct_url=env.get("EVERGREEN_DATABASE_DIRECT_URL", ""),
        commit=env.get("EVERGREEN_COMMIT", ""),
        store_url=env.get("EVERGREEN_STORE_URL", ""),
        store_options=_json(env, "EVERGREEN_STORE_OPTIONS"),
    )


def _prefix(value: str) -> str:
    if not PREFIX.fullmatch(value):
        raise SettingError(f"EVERGREEN_MODEL_PREFIX is {value!r}; allowed: {PREFIX.pattern}")
    return value


@cache
def get() -> Settings:
    """Return the settings of this process."""
    return from_environment(environment())


def _required(env: Mapping[str, str], name: str) -> str:
    if name not in env:
        raise SettingError(f"{name} is not set; run `make up`, or set it as in .env.example")
    return env[name]


def _json(env: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(env.get(name, "{}"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SettingError(f'{name} is no JSON object; such as {{"key": "…", "secret": "…"}}')
    return found
