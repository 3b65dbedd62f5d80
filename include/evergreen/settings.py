"""The environment, read in one place and lazily.

A setting is looked up in the environment, then in `.env`, then in `stack.env` under
`EVERGREEN_HOME` (which `make up` writes). `.env.example` lists them all.
"""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from evergreen.errors import SettingError
from evergreen.spec import pace

PROJECT = Path(__file__).resolve().parents[2]
CHECKOUT = (PROJECT / "pyproject.toml").is_file()
"""Whether this runs from a checkout, or was installed from a wheel."""
NAME_BEGINS = r"^[a-zA-Z0-9._-]{0,64}$"
LONGEST = 36_500
SIZES = {"TB": 10**12, "GB": 10**9, "MB": 10**6, "KB": 10**3}
LOCAL, RAY = "local", "ray"
LOOPBACK = "127.0.0.1"
HOME = PROJECT / ".evergreen" if CHECKOUT else Path.home() / ".evergreen"


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
    heartbeat_url: str = ""
    """Asked for (GET) after each look of the watchdog: whoever owns it tells when that stops."""
    digest: str = ""
    """Cron expression or preset (UTC) of one message that tells what happened since the one before
    it (`@weekly`: Sunday to Sunday); empty: none."""
    ui_url: str = ""
    """Public address of the Airflow UI, for the links in notifications and reports."""
    api_keys: tuple[str, ...] = ()
    """Keys that the prediction service accepts as `X-API-Key`; none: everybody may ask."""
    serve_host: str = ""
    """Where the prediction service is; empty: it is not said that there is one, and none is missed.
    One that is started all the same listens on loopback."""
    serve_port: int = 8100
    airflow_database_url: str = ""
    """`postgresql+psycopg2://…` of Airflow's own, for `evergreen check`; empty: no Airflow."""
    tracking_database_url: str = ""
    """`postgresql+psycopg2://…` of MLflow's own, where `tracking_uri` is a server: for backups."""
    model_prefix: str = "evergreen."
    """Begins the names of our registered models and experiments in MLflow, which others share."""
    apart_warehouse_url: str = ""
    """`postgresql://…` of the users' tables; empty: they are beside the records."""
    direct_url: str = ""
    """The records' database without PgBouncer, to LISTEN to; empty: `database_url`."""
    commit: str = ""
    """Commit of the code, for images without a git checkout."""
    dag_prefix: str = ""
    """What the ids of our DAGs begin with, in an Airflow that others use as well."""
    spread: int = 0
    """Over so many minutes are the DAGs spread that presets make due at once, each use case at a
    minute of its own; 0: none is."""
    training_pool: str = "evergreen_training"
    """Airflow's pool of the tasks of trainings, whose slots bound how many run at once; it is made
    where it is missing. `default_pool`: they are bound by nothing but Airflow's own."""
    training_slots: int = 0
    """So many slots the pool is made with, and `evergreen plan` reckons with; 0: three quarters of
    Airflow's `parallelism`. Once it is made, Airflow's Admin → Pools is where they are changed."""
    store_url: str = ""
    """Where everything is kept that is not in PostgreSQL or MLflow; empty: the home folder."""
    store_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What fsspec's file system of that URL takes: `key`, `secret`, `endpoint_url` …"""
    keep_predictions: timedelta = timedelta(days=730)
    """Age at which `evergreen prune` lets go of what nothing leads to: here predictions and labels,
    then snapshots, reports of all kinds, trainings, logs of tasks."""
    keep_snapshots: timedelta = timedelta(days=180)
    keep_reports: timedelta = timedelta(days=730)
    keep_trainings: timedelta = timedelta(days=180)
    keep_logs: timedelta = timedelta(days=90)
    keep_champions: int = 10
    """So many of the newest champions stay, with all that they lead to."""
    keep_decisions: int = 100
    """So many of the newest decisions of a use case stay, with all that they lead to."""
    keep_bytes: int = 0
    """Of a use case in the store: beyond it the oldest goes before its age; 0: no limit."""
    refused_versions: int = 3
    """So many recipes that the gate refused are fitted and registered, the newest; 0: none is."""
    prune: bool = False
    """The weekly pruning deletes; else it tells only what it would delete."""
    compute: str = LOCAL
    """Where the fits that judge are made: `local`, in the process of the step; `ray://host:port`,
    by that cluster of Ray; `ray`, by the one at RAY_ADDRESS, or by one that is started here."""

    @property
    def warehouse_url(self) -> str:
        """`postgresql://…` of the users' tables; a role that may only SELECT is enough to train."""
        return self.apart_warehouse_url or self.database_url

    @property
    def listen_host(self) -> str:
        """Where a prediction service that is started here listens."""
        return self.serve_host or LOOPBACK

    @property
    def serve_url(self) -> str:
        """Where the prediction service answers, seen from this machine."""
        return seen_from_here(self.listen_host, self.serve_port)


def seen_from_here(host: str, port: int) -> str:
    """Return the address of a service that listens on that host and port.

    >>> seen_from_here("0.0.0.0", 8100)
    'http://127.0.0.1:8100'
    """
    near = {"0.0.0.0": LOOPBACK}.get(host, host)  # noqa: S104
    return f"http://{near}:{port}"


def words(separators: str) -> BeforeValidator:
    """Read what is separated by blanks, or by one of these.

    Raises:
        ValueError: there are separators only.
    """

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = value.translate(str.maketrans(separators, " " * len(separators))).split()
        if value.strip() and not found:  # a key that is missing must not let everybody in
            raise ValueError("it holds separators, and nothing between them")
        return tuple(found)

    return BeforeValidator(read)


def json_object(value: Any) -> Any:
    """Read an object of JSON.

    Raises:
        ValueError: it is none; what it holds, as it may be secret, is not told.
    """
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError('a JSON object is expected, such as {"key": "…", "secret": "…"}')  # noqa: TRY004
    return found


def days(value: Any) -> Any:
    """Read `90d`.

    Raises:
        ValueError: it is no number of days above 0.
    """
    if isinstance(value, timedelta):
        return value
    number = str(value).strip().removesuffix("d")
    if not number.isdecimal() or not 0 < int(number) <= LONGEST:
        raise ValueError(f"{value!r} is no number of days from 1d to {LONGEST}d, such as 90d")
    return timedelta(days=int(number))


def size(value: Any) -> Any:
    """Read `50GB`, or a number of bytes.

    Raises:
        ValueError: it is neither.
    """
    text = str(value).strip().upper()
    factor, number = next(
        ((by, text.removesuffix(unit)) for unit, by in SIZES.items() if text.endswith(unit)),
        (1, text),
    )
    if not number.strip().isdecimal():
        raise ValueError(f"{value!r} is no size, such as 500MB, 50GB or a number of bytes")
    return int(number) * factor


def schedule(value: str) -> str:
    """Check a cron expression, or a preset.

    Raises:
        ValueError: it is neither.
    """
    if value and (allowed := pace.instead_of(value, never="nothing")):
        raise ValueError(f"{value!r} is no schedule; allowed: {allowed}")
    return value


def local_or_ray(value: str) -> str:
    """Check where fits are to be made.

    Raises:
        ValueError: it is none of what is allowed.
    """
    address = urlsplit(value)
    if value in {LOCAL, RAY} or (address.scheme == RAY and address.hostname and _port(address)):
        return value
    raise ValueError(f"{value!r} is none of: local, ray, ray://host:port as ray://10.0.0.5:10001")


def _port(address: SplitResult) -> int | None:
    try:
        return address.port
    except ValueError:
        return None


class Variables(BaseSettings):
    """The variables, by the names of the settings: `EVERGREEN_HOME` is `home`."""

    model_config = SettingsConfigDict(
        env_prefix="EVERGREEN_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    home: Path = HOME
    database_url: str = ""
    direct_url: str = Field("", validation_alias=AliasChoices("EVERGREEN_DATABASE_DIRECT_URL"))
    apart_warehouse_url: str = Field("", validation_alias=AliasChoices("EVERGREEN_WAREHOUSE_URL"))
    tracking_uri: str = Field("", validation_alias=AliasChoices("MLFLOW_TRACKING_URI"))
    artifacts_url: str = ""
    store_url: str = ""
    store_options: Annotated[dict[str, Any], NoDecode, BeforeValidator(json_object)] = Field({})
    use_cases_dir: Path = PROJECT / "include" / "use_cases" if CHECKOUT else Path("use_cases")
    expectations_dir: Path | None = PROJECT / "expectations" if CHECKOUT else None
    dag_prefix: str = Field("", pattern=NAME_BEGINS)
    spread: int = Field(0, ge=0, le=59)
    training_pool: str = Field("evergreen_training", max_length=250)
    training_slots: int = Field(0, ge=0)
    model_prefix: str = Field("evergreen.", min_length=1, pattern=NAME_BEGINS)
    notify_urls: Annotated[tuple[str, ...], NoDecode, words("")] = ()
    heartbeat_url: str = ""
    digest: Annotated[str, AfterValidator(schedule)] = ""
    ui_url: str = ""
    api_keys: Annotated[tuple[str, ...], NoDecode, words(",")] = ()
    serve_host: str = ""
    serve_port: int = 8100
    airflow_database_url: str = Field(
        "", validation_alias=AliasChoices("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
    )
    tracking_database_url: str = Field(
        "", validation_alias=AliasChoices("MLFLOW_BACKEND_STORE_URI")
    )
    commit: str = ""
    keep_predictions: Annotated[timedelta, BeforeValidator(days)] = timedelta(days=730)
    keep_snapshots: Annotated[timedelta, BeforeValidator(days)] = timedelta(days=180)
    keep_reports: Annotated[timedelta, BeforeValidator(days)] = timedelta(days=730)
    keep_trainings: Annotated[timedelta, BeforeValidator(days)] = timedelta(days=180)
    keep_logs: Annotated[timedelta, BeforeValidator(days)] = timedelta(days=90)
    keep_champions: int = Field(10, ge=2)
    keep_decisions: int = Field(100, ge=1)
    keep_bytes: Annotated[int, BeforeValidator(size)] = 0
    refused_versions: int = Field(3, ge=0)
    prune: bool = False
    compute: Annotated[str, AfterValidator(local_or_ray)] = LOCAL

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: Any,
        **__: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the three places as one."""
        merged = EnvSettingsSource(settings_cls)
        merged.env_vars = {name.lower(): value for name, value in environment().items()}
        return init_settings, merged

    @property
    def suites_dir(self) -> Path:
        """Folder of the suites: as it is set, or beside that of the use cases."""
        return self.expectations_dir or self.use_cases_dir.parent / "expectations"


def variables() -> Variables:
    """Read the three places a setting may come from; the environment wins.

    Raises:
        SettingError: a variable has a value that is not allowed.
    """
    try:
        return Variables()  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingError("; ".join(map(_told, error.errors()))) from None


def environment() -> dict[str, str]:
    """Merge the same places into one mapping, for variables that a use case names."""
    own = dotenv_values(PROJECT / ".env")
    home = Path(os.environ.get("EVERGREEN_HOME") or own.get("EVERGREEN_HOME") or HOME)
    layers: tuple[Mapping[str, str | None], ...] = (of_stack(home / "stack.env"), own, os.environ)
    merged = {key: value for layer in layers for key, value in layer.items() if value}
    merged.setdefault("EVERGREEN_HOME", str(HOME))
    return merged


def of_stack(file: Path) -> dict[str, str]:
    """Return the variables of a `stack.env`, quoted for a shell; nothing where there is none."""
    try:
        text = file.read_text()
    except OSError:
        return {}
    return dict(word.split("=", 1) for word in shlex.split(text) if "=" in word)


def complete(found: Variables) -> Settings:
    """Return the settings; what is not set follows from what is.

    Raises:
        SettingError: it is not said where the records are, or MLflow, or its artifacts.
    """
    return Settings(
        **found.model_dump()
        | {
            "database_url": _required(found.database_url, "EVERGREEN_DATABASE_URL"),
            "tracking_uri": _required(found.tracking_uri, "MLFLOW_TRACKING_URI"),
            "artifacts_url": _artifacts(found),
            "expectations_dir": found.suites_dir,
        }
    )


@cache
def get() -> Settings:
    """Return the settings of this process."""
    return complete(variables())


def _required(value: str, name: str) -> str:
    if not value:
        raise SettingError(f"{name} is not set; run `make up`, or set it as in .env.example")
    return value


def _artifacts(found: Variables) -> str:
    """Return where artifacts lie when no server keeps them: below home, unless homes are apart."""
    apart = urlsplit(found.store_url).scheme not in {"", "file"}
    if apart and not found.artifacts_url and not found.tracking_uri.startswith("http"):
        raise SettingError(
            f"EVERGREEN_ARTIFACTS_URL is not set, and workers that share {found.store_url} share no"
            " home folder: set it to such a URL, or MLFLOW_TRACKING_URI to the http://… of a server"
        )
    return found.artifacts_url or str(found.home / "artifacts")


def _told(error: Any) -> str:
    """Say of an error which variable it is about, and what is wrong with it."""
    field = str(error["loc"][0])
    name = field if field.isupper() else f"EVERGREEN_{field.upper()}"
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"
