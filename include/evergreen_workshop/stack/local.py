"""Start, stop and look at the local stack.

Usage::

    stack = Stack(Layout(home), Progress(console))
    stack.up()        # PostgreSQL, MLflow, Airflow, the service; returns when all of them answer
    stack.status()    # what runs, where, and whether it is well
    stack.down()
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from evergreen.errors import StackError
from evergreen.settings import PROJECT, seen_from_here
from evergreen_workshop.stack import environment, processes, workers
from evergreen_workshop.stack.airflow import COMPONENTS, AirflowApi, plain_http
from evergreen_workshop.stack.clock import Clock
from evergreen_workshop.stack.layout import Layout, open_private
from evergreen_workshop.stack.ports import PORTS, refuse_shared
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from evergreen_workshop.stack.processes import Service
from evergreen_workshop.stack.progress import Progress, Step

DATABASES = ("evergreen", "airflow", "mlflow")
SERVICES = ("mlflow", "api-server", "scheduler", "dag-processor", "triggerer", "serve")
"""In the order of starting; PostgreSQL comes before them and goes after them."""

LISTENING = {
    "mlflow": "EVERGREEN_MLFLOW_PORT",
    "api-server": "EVERGREEN_UI_PORT",
    "serve": "EVERGREEN_SERVE_PORT",
}
"""The setting of the port of each service that has one."""

IDLE_SECONDS = 120
"""How long a session of Airflow's may idle inside a transaction, holding locks. One whose process
stands still, or is gone while a fork of it holds the connection, would stop all scheduling."""

PATIENCE = 300.0
"""Seconds until a service that does not answer is given up."""


@dataclass(frozen=True)
class ServiceStatus:
    """What is known of a service."""

    name: str
    running: bool
    pid: int | None
    port: int | None
    health: str
    """`healthy`, `degraded` (the service answers, and its /ready says what is wrong), `unhealthy`,
    `stopped`, or `starting` (runs and does not answer yet)."""


@dataclass
class Stack:
    """The services of one `EVERGREEN_HOME`."""

    layout: Layout
    progress: Progress

    def up(self, prepare: Callable[[str], None] = lambda _: None) -> None:
        """Start what does not run yet, and wait until everything answers.

        `prepare` is called with the URL of the stack's database before anything could read it.

        Raises:
            StackError: something does not start; the message holds the end of its log.
            SettingError: a setting is not allowed.
        """
        self.layout.create()
        env = self._settle()
        self._start_postgres(env)
        self._start("mlflow", env)
        prepare(env["EVERGREEN_DATABASE_URL"])
        self._migrate(env)
        self._start("api-server", env)
        self._wait_for_http("mlflow", f"{env['MLFLOW_TRACKING_URI']}/health")
        self._wait_for_http("api-server", f"{env['EVERGREEN_UI_URL']}/api/v2/version")
        for name in ("scheduler", "dag-processor", "triggerer", "serve"):
            self._start(name, env)
        self._wait_for_components()
        self._wait_for_http("serve", f"{service_url(env)}/health")

    def revive(self, name: str) -> None:
        """Start one service that has died, as it was started last; do not wait for it."""
        env = environment.for_services(self.environment)
        if name == "postgres":
            self._start_postgres(env)
        else:
            self._start(name, env)

    def down(self) -> None:
        """Stop everything; the data stays. Harmless when nothing runs."""
        last, first = SERVICES[:2], (*workers.names(self.layout), *SERVICES[2:])
        for group in (first, last):  # tasks report to the API server to the end
            names = [name for name in group if processes.running(self.layout, name)]
            left = {name for name in group if processes.orphans(self.layout, name)}
            if names or left:
                with self.progress.step(f"stopping {', '.join(sorted({*names, *left}))}"):
                    processes.stop(self.layout, group)
        if self.postgres.running:
            with self.progress.step("stopping PostgreSQL"):
                self.postgres.stop()

    def clean(self) -> None:
        """Stop everything and delete the data."""
        self.down()
        self.postgres.destroy()
        shutil.rmtree(self.layout.home, ignore_errors=True)

    def status(self) -> list[ServiceStatus]:
        """Return the state of each service."""
        ports, postgres = self._ports(), self.postgres.running
        health = self._health()
        found = [
            ServiceStatus(
                "postgres", postgres, self.postgres.pid, ports["EVERGREEN_POSTGRES_PORT"],
                "healthy" if postgres else "stopped",
            )
        ]  # fmt: skip
        for name in SERVICES:
            pid = processes.running(self.layout, name)
            port = ports.get(LISTENING.get(name, ""))
            health_now = health.get(name, "starting") if pid else "stopped"
            found.append(ServiceStatus(name, pid is not None, pid, port, health_now))
        return found

    def log(self, name: str) -> Path:
        """Log of a service."""
        return self.postgres.log if name == "postgres" else self.layout.log(name)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the stack, as of its last start."""
        return environment.remembered(self.layout)

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The embedded server, at the port of its last start."""
        return EmbeddedPostgres(self.layout.postgres, self._ports()["EVERGREEN_POSTGRES_PORT"] or 0)

    @property
    def airflow(self) -> AirflowApi:
        """A client of this stack's Airflow."""
        env = self.environment
        return AirflowApi(env["EVERGREEN_UI_URL"], environment.USER, env[environment.PASSWORD])

    def _ports(self) -> dict[str, int | None]:
        known = self.environment
        return {p.setting: int(known[p.setting]) if p.setting in known else None for p in PORTS}

    def _settle(self) -> dict[str, str]:
        """Decide ports and secrets and write them down; what runs keeps what it has."""
        known, set_by_user = self.environment, environment.explicit()
        environment.refuse_other_stores(set_by_user, known)
        known |= environment.password_of(set_by_user)
        runs = {
            setting: processes.running(self.layout, name) is not None
            for name, setting in LISTENING.items()
        } | {"EVERGREEN_POSTGRES_PORT": self.postgres.running}
        refuse_shared(set_by_user)
        ports = {setting: int(known[setting]) for setting, keep in runs.items() if keep}
        for port in sorted(PORTS, key=lambda port: port.setting not in set_by_user):
            keep = runs[port.setting]
            chosen = ports.get(port.setting) or port.choose(set_by_user, known, ports.values())
            wanted = int(set_by_user.get(port.setting, known.get(port.setting, port.default)))
            if chosen != wanted:
                self.progress.say(self._moved(port.service, wanted, chosen, port.setting, keep))
            ports[port.setting] = chosen
        postgres = EmbeddedPostgres(self.layout.postgres, ports["EVERGREEN_POSTGRES_PORT"])
        env = environment.stack_environment(self.layout, ports, postgres, known)
        environment.write(self.layout, env)
        return environment.for_services(env)

    @staticmethod
    def _moved(service: str, wanted: int, chosen: int, setting: str, keep: bool) -> str:
        if keep:
            return f"{service} stays on port {chosen} while it runs ({setting} is {wanted})"
        return f"port {wanted} is taken: {service} uses {chosen} (set {setting} to choose another)"

    def _start_postgres(self, env: Mapping[str, str]) -> None:
        postgres = EmbeddedPostgres(self.layout.postgres, int(env["EVERGREEN_POSTGRES_PORT"]))
        if postgres.running:
            self.progress.say("✓ PostgreSQL runs already")
        else:
            with self.progress.step("starting PostgreSQL"):
                postgres.start()
        for name in DATABASES:
            postgres.create_database(name)
        postgres.limit_idle_transactions("airflow", IDLE_SECONDS)

    def _start(self, name: str, env: Mapping[str, str]) -> None:
        if processes.running(self.layout, name):
            self.progress.say(f"✓ {name} runs already")
        else:
            if left := processes.orphans(self.layout, name):
                self.progress.say(f"{name} died: ending {len(left)} processes that it left")
            service = Service(name, command(name, self.layout, env))
            processes.start(service, self.layout, self.variables_of(name, env))

    def variables_of(self, name: str, env: Mapping[str, str]) -> dict[str, str]:
        """Return what a service is started with; whoever runs tasks loads a clock, if wanted."""
        found = environment.for_service(name, env)
        is_worker = name.startswith(workers.BEGINS)
        if is_worker:
            found |= workers.variables(workers.home(self.layout, name))
        clock = Clock.built(self.layout.clock) if is_worker or name == "scheduler" else None
        return found | (clock.variables if clock else {})

    def _migrate(self, env: Mapping[str, str]) -> None:
        if processes.running(self.layout, "api-server"):
            return
        log = self.layout.log("migrate")
        log.unlink(missing_ok=True)
        with self.progress.step("preparing Airflow's database"), open_private(log) as stream:
            result = subprocess.run(
                (program("airflow"), "db", "migrate"), env=dict(env), cwd=PROJECT, check=False,
                stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
                umask=processes.OURS_ALONE,
            )  # fmt: skip
        if result.returncode:
            raise StackError(f"`airflow db migrate` failed:\n{tail(log)}")

    def _wait_for_http(self, name: str, url: str) -> None:
        def answers() -> bool:
            found = _answer(url)
            return found is not None and found.is_success

        with self.progress.step(f"waiting for {name}") as step:
            self._wait(step, (name,), lambda: None if answers() else url)

    def _wait_for_components(self) -> None:
        api = self.airflow

        def silent() -> str | None:
            beats = api.heartbeats()
            return ", ".join(c for c, beat in beats.items() if not self._is_recent(c, beat)) or None

        with self.progress.step("waiting for Airflow's components") as step:
            self._wait(step, SERVICES, silent)

    def _is_recent(self, component: str, beat: datetime | None) -> bool:
        """Tell whether it was this process that has beaten, not the one before a restart."""
        born = processes.born(self.layout, component.replace("_", "-"))
        return beat is not None and born is not None and beat.timestamp() > born

    def _wait(self, step: Step, names: tuple[str, ...], missing: Callable[[], str | None]) -> None:
        """Poll until nothing is missing; give up when a service ends or patience does."""
        while (still := missing()) is not None:
            for name in names:
                if not processes.running(self.layout, name):
                    raise StackError(f"{name} ended:\n{tail(self.layout.log(name))}")
            if step.seconds > PATIENCE:
                raise StackError(
                    f"gave up {step.what} after {step.seconds} s: {still}; see `make logs`"
                )
            step.update(still)
            time.sleep(0.3)

    def _health(self) -> dict[str, str]:
        """Return what the services that answer say of themselves."""
        env = self.environment
        if not env:
            return {}
        mlflow = _answer(f"{env['MLFLOW_TRACKING_URI']}/health")
        health = {"serve": _readiness(_answer(f"{service_url(env)}/ready"))}
        health["mlflow"] = "healthy" if mlflow and mlflow.is_success else "starting"
        try:
            components = self.airflow.health()
        except httpx.HTTPError:
            return health
        health["api-server"] = components["metadatabase"]
        return health | {c.replace("_", "-"): components[c] for c in COMPONENTS[1:]}


def _answer(url: str) -> httpx.Response | None:
    try:
        return plain_http().get(url, timeout=5)
    except httpx.HTTPError:
        return None


def _readiness(answer: httpx.Response | None) -> str:
    """Say in the words of `ServiceStatus.health` what the service's /ready says."""
    if answer is None:
        return "starting"
    told = {"ready": "healthy", "degraded": "degraded"}
    return told.get(str(answer.json().get("status")), "unhealthy")


def service_url(env: Mapping[str, str]) -> str:
    """Return the address of the prediction service."""
    host = env.get("EVERGREEN_SERVE_HOST", "127.0.0.1")
    return seen_from_here(host, int(env.get("EVERGREEN_SERVE_PORT", 8100)))


def command(name: str, layout: Layout, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command line of a service."""
    port = env["EVERGREEN_MLFLOW_PORT"]
    hosts = [f"127.0.0.1:{port}", f"localhost:{port}", env.get("MLFLOW_SERVER_ALLOWED_HOSTS")]
    commands = {
        "mlflow": (
            "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1",
            "--allowed-hosts", ",".join(filter(None, hosts)),
            "--artifacts-destination", str(layout.artifacts),
        ),
        "api-server": ("airflow", "api-server"),
        "scheduler": ("airflow", "scheduler", "--skip-serve-logs"),
        "dag-processor": ("airflow", "dag-processor"),
        "triggerer": ("airflow", "triggerer", "--skip-serve-logs"),
        "serve": ("python", "-m", "evergreen.serving"),
    }  # fmt: skip
    head, *rest = commands[name] if name in commands else workers.command(name)
    return (program(head), *rest)


def program(name: str) -> str:
    """Return the path of a program of this virtual environment."""
    return str(Path(sys.executable).with_name(name))


def tail(log: Path, characters: int = 3000) -> str:
    """Return the end of a log."""
    return log.read_text(errors="replace")[-characters:] if log.exists() else "(no log)"
