"""Airflow under CeleryExecutor: two workers that share no folder, and what they do share."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evergreen.settings import PROJECT
from evergreen_workshop.stack import environment, processes
from evergreen_workshop.stack.airflow import AirflowApi
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import program
from evergreen_workshop.stack.ports import PORTS, free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from mlflow_server import MlflowServer
from pgbouncer import in_front_of
from s3 import Bucket

AIRFLOW = program("airflow")
WORKERS = ("one", "two")
HEARTBEAT = 30
"""Seconds without a word after which Airflow gives a task to another worker; 300 by default."""


@dataclass
class Fleet:
    """Its processes, each by its name, and the folder of each."""

    folder: Path
    env: dict[str, str]
    """Of the house: scheduler, DAG processor, API server."""
    services: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def api(self) -> AirflowApi:
        """A client of its Airflow."""
        env = self.env
        return AirflowApi(env["EVERGREEN_UI_URL"], environment.USER, env[environment.PASSWORD])

    def start(self, name: str, *command: str, env: Mapping[str, str] | None = None) -> None:
        """Start a program in a session of its own."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.services[name] = subprocess.Popen(
                command, cwd=self.folder, env=dict(env or self.env), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def start_worker(self, name: str) -> None:
        """Start a worker with a home, logs and declarations of its own."""
        home = declared(self.folder / name)
        env = self.env | folders(home)
        command = ("celery", "worker", "--skip-serve-logs", "--concurrency", "2")
        self.start(name, AIRFLOW, *command, "--celery-hostname", f"{name}@here", env=env)

    def who_did(self, dag_id: str, task_id: str) -> set[str]:
        """Return the workers in whose logs the task is."""
        pattern = f"airflow/logs/dag_id={dag_id}/**/task_id={task_id}/**/*.log"
        return {name for name in WORKERS if any((self.folder / name).glob(pattern))}

    def kill(self, name: str) -> None:
        """Kill the process and all that it has started, at once."""
        started = self.services.pop(name)
        processes.kill(processes.family(started.pid))
        started.wait()

    def stop(self) -> None:
        """End what runs."""
        for name in list(self.services):
            if self.services[name].poll() is None:
                self.kill(name)

    def told(self, name: str, characters: int = 3000) -> str:
        """Return the end of a log."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-characters:]


def declared(home: Path) -> Path:
    """Make a folder with a copy of the declarations, and nothing else; return it."""
    shutil.copytree(PROJECT / "include" / "use_cases", home / "use_cases")
    shutil.copytree(PROJECT / "expectations", home / "expectations")
    (home / "airflow").mkdir()
    return home


def folders(home: Path) -> dict[str, str]:
    """Return the settings of a machine's own folders."""
    return {
        "EVERGREEN_HOME": str(home / "state"),
        "EVERGREEN_USE_CASES_DIR": str(home / "use_cases"),
        "EVERGREEN_EXPECTATIONS_DIR": str(home / "expectations"),
        "AIRFLOW_HOME": str(home / "airflow"),
    }


@contextmanager
def running(
    folder: Path, postgres: EmbeddedPostgres, bucket: Bucket, *, redis: Path, pgbouncer: Path
) -> Iterator[Fleet]:
    """Yield a fleet without workers: Redis, MLflow, Airflow, our records behind PgBouncer."""
    with ExitStack() as ending:
        for name in ("evergreen", "airflow", "mlflow"):
            postgres.create_database(f"fleet_{name}")
        shared_url = ending.enter_context(in_front_of(postgres.url("fleet_evergreen"), pgbouncer))
        backend = environment.sqlalchemy(postgres.url("fleet_mlflow"))
        mlflow = MlflowServer(backend, folder / "mlflow", free_port())
        ending.callback(mlflow.stop)
        house = declared(folder / "house")
        layout, ports = Layout(house), {port.setting: free_port() for port in PORTS}
        env = environment.stack_environment(layout, ports, postgres, {})
        environment.write(layout, env)
        password, broker = secrets.token_urlsafe(), free_port()
        airflow = postgres.url("fleet_airflow")
        env = os.environ | env | folders(house) | {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": f"redis://:{password}@127.0.0.1:{broker}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{environment.sqlalchemy(airflow)}",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{env['EVERGREEN_UI_URL']}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": environment.sqlalchemy(airflow),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT),
            "EVERGREEN_DATABASE_URL": shared_url,
            "EVERGREEN_DATABASE_DIRECT_URL": postgres.url("fleet_evergreen"),
            "EVERGREEN_STORE_URL": bucket.url,
            "EVERGREEN_STORE_OPTIONS": json.dumps(bucket.options),
            "EVERGREEN_COMMIT": "0" * 40,
            "MLFLOW_TRACKING_URI": mlflow.url,
        }  # fmt: skip
        fleet = Fleet(folder, env)
        ending.callback(fleet.stop)
        said = f'requirepass {password}\nport {broker}\nbind 127.0.0.1\nsave ""\n'
        (folder / "redis.conf").write_text(said)
        fleet.start("redis", str(redis), str(folder / "redis.conf"))
        mlflow.wait()
        subprocess.run([AIRFLOW, "db", "migrate"], env=env, check=True, capture_output=True)
        fleet.start("api-server", AIRFLOW, "api-server")
        fleet.start("scheduler", AIRFLOW, "scheduler", "--skip-serve-logs")
        fleet.start("dag-processor", AIRFLOW, "dag-processor")
        yield fleet
