"""Airflow under CeleryExecutor: two workers that share no folder, and what they do share."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from evergreen import settings
from evergreen.settings import PROJECT, Settings
from evergreen_workshop.rehearsal.scratch import database
from evergreen_workshop.stack import environment, processes, workers
from evergreen_workshop.stack.airflow import AirflowApi
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import SERVICES, Stack, command, program, tail
from evergreen_workshop.stack.ports import PORTS, free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from evergreen_workshop.stack.processes import Service
from evergreen_workshop.stack.progress import Progress
from hosts import Host
from pgbouncer import in_front_of
from s3 import Bucket

WORKERS = ("worker-one", "worker-two")
HEARTBEAT = 30
"""Seconds without a word after which Airflow gives a task to another worker; 300 by default."""


@dataclass(frozen=True)
class Fleet:
    """A stack without a PostgreSQL of its own, and its workers."""

    stack: Stack
    far: Host | None = None
    """Where the second worker runs, if not on this machine."""

    @property
    def env(self) -> dict[str, str]:
        """The variables of the house: scheduler, DAG processor, API server, service."""
        return self.stack.environment

    @property
    def api(self) -> AirflowApi:
        """A client of its Airflow."""
        return self.stack.airflow

    def settings(self, monkeypatch: pytest.MonkeyPatch) -> Settings:
        """Return the settings of the house, as its environment tells them."""
        for name, value in self.env.items():
            if name.startswith(("EVERGREEN_", "MLFLOW_")):
                monkeypatch.setenv(name, value)
        return settings.complete(settings.variables())

    def well(self) -> bool:
        """Tell whether all that the house runs does its work."""
        found = {each.name: each.health for each in self.stack.status()}
        return {found[name] for name in SERVICES} == {"healthy"}

    def start_worker(self, name: str, declarations: Path) -> None:
        """Start a worker with a home, logs and declarations of its own."""
        declared(workers.home(self.stack.layout, name), declarations)
        if self.far is None or name == WORKERS[0]:
            self.stack.revive(name)
            return
        env = environment.for_services(self.env)
        service = Service(name, self.far.command(*command(name, self.stack.layout, env)))
        there = self.far.reaching(self.stack.variables_of(name, env))
        processes.start(service, self.stack.layout, there)

    def who_did(self, dag_id: str, task_id: str) -> set[str]:
        """Return the workers in whose logs the task is."""
        pattern = f"airflow/logs/dag_id={dag_id}/**/task_id={task_id}/**/*.log"
        layout = self.stack.layout
        return {name for name in WORKERS if any(workers.home(layout, name).glob(pattern))}

    def kill(self, name: str) -> None:
        """Kill the process and all that it has started, at once."""
        pid = processes.running(self.stack.layout, name)
        assert pid is not None, self.told(name)
        processes.kill(processes.family(pid))

    def told(self, name: str) -> str:
        """Return the end of a log."""
        return tail(self.stack.layout.log(name))


def declared(home: Path, declarations: Path) -> Path:
    """Make a folder with a copy of these declarations and suites, and nothing else; return it."""
    shutil.copytree(declarations, home)
    (home / "airflow").mkdir()
    return home


@contextmanager
def running(
    folder: Path,
    postgres: EmbeddedPostgres,
    bucket: Bucket,
    *,
    declarations: Path,
    redis: Path,
    pgbouncer: Path,
    variables: Mapping[str, str] = {},
    far: Host | None = None,
) -> Iterator[Fleet]:
    """Yield a fleet: Redis, MLflow, Airflow, our records behind PgBouncer, and two workers.

    All have the declarations and suites of this folder.
    """
    with ExitStack() as ending:
        urls = {
            name: ending.enter_context(database(postgres.url(), f"fleet_{name}"))
            for name in ("evergreen", "airflow", "mlflow")
        }
        shared_url = ending.enter_context(in_front_of(urls["evergreen"], pgbouncer))
        house = declared(folder / "house", declarations)
        stack = Stack(Layout(house / "state"), Progress(Console(quiet=True)))
        stack.layout.create()
        ports = {port.setting: free_port() for port in PORTS}
        env = environment.stack_environment(stack.layout, ports, postgres, {})
        broker = ending.enter_context(_redis(folder, redis))
        airflow, mlflow = (environment.sqlalchemy(urls[name]) for name in ("airflow", "mlflow"))
        known_as = {"MLFLOW_SERVER_ALLOWED_HOSTS": f"{far.here}:*"} if far else {}
        env |= workers.variables(house) | known_as | {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{airflow}",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{env['EVERGREEN_UI_URL']}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow,
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT),
            "EVERGREEN_DATABASE_URL": shared_url,
            "EVERGREEN_DATABASE_DIRECT_URL": urls["evergreen"],
            "EVERGREEN_STORE_URL": bucket.url,
            "EVERGREEN_STORE_OPTIONS": json.dumps(bucket.options),
            "EVERGREEN_COMMIT": "0" * 40,
            "MLFLOW_BACKEND_STORE_URI": mlflow,
            **variables,
        }  # fmt: skip
        environment.write(stack.layout, env)
        fleet = Fleet(stack, far)
        ending.callback(stack.down)
        migrate = (program("airflow"), "db", "migrate")
        env = environment.for_services(env)
        subprocess.run(migrate, env=env, cwd=PROJECT, check=True, capture_output=True)
        for name in SERVICES:
            stack.revive(name)
        for name in WORKERS:
            fleet.start_worker(name, declarations)
        yield fleet


@contextmanager
def _redis(folder: Path, program: Path) -> Iterator[str]:
    """Yield the URL of a Redis with a password."""
    password, port = secrets.token_urlsafe(), free_port()
    said = f'requirepass {password}\nport {port}\nbind 127.0.0.1\nsave ""\n'
    (folder / "redis.conf").write_text(said)
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(
            [program, folder / "redis.conf"], cwd=folder, stdout=log, stderr=log
        )
    try:
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()
