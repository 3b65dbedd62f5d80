"""The world that is disturbed: the running stack, seen from outside, and its processes.

Airflow's database is read, and not its API, which may be the one that is struck.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg2

from evergreen.errors import StackError
from evergreen.records import Records
from evergreen.records.pool import libpq
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen_workshop.chaos.cells import TASK, Need, Victim
from evergreen_workshop.stack import processes, workers
from evergreen_workshop.stack.clock import Clock
from evergreen_workshop.stack.local import SERVICES, Stack, service_url

TASKS = """
SELECT task_id, map_index, try_number, state, pid FROM task_instance
WHERE dag_id = %s AND run_id = %s
"""
STATE = "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s"
TIMEOUT = "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"
USUAL_TIMEOUT = 300.0
"""Seconds, where Airflow is not told otherwise."""
DEPENDENTS = (
    Victim.MLFLOW, Victim.API_SERVER, Victim.SCHEDULER, Victim.DAG_PROCESSOR, Victim.TRIGGERER,
    Victim.SERVICE,
)  # fmt: skip
"""Who must work again after PostgreSQL: Airflow's components end without their database."""
ENDED = ("success", "failed")
PATIENCE = 120.0
"""Seconds that the API is given to take a request, after whatever has happened to it."""


class Gone(StackError):
    """Whom a fault was to strike does not run, or not any more."""


@dataclass(frozen=True)
class TaskRun:
    """A task of a run, as Airflow has it."""

    task: str
    map_index: int
    tries: int
    state: str | None
    pid: int | None
    """Of the process that runs the step."""


@dataclass
class World:
    """A use case on a running stack."""

    use_case: UseCase
    records: Records
    settings: Settings
    stack: Stack

    @property
    def training(self) -> str:
        """The id of the training DAG."""
        return f"{self.settings.dag_prefix}{self.use_case.name}_training"

    @property
    def monitoring(self) -> str:
        """The id of the monitoring DAG."""
        return f"{self.settings.dag_prefix}{self.use_case.name}_monitoring"

    @cached_property
    def heartbeat_timeout(self) -> float:
        """Seconds after which the scheduler gives up a task that does not beat."""
        return float(self._variables.get(TIMEOUT, USUAL_TIMEOUT))

    @cached_property
    def clock(self) -> Clock:
        """The clock that tasks load: the scheduler's, as a task's process does not show its own.

        Raises:
            StackError: they have the machine's, which is not moved.
        """
        if clock := Clock.of(self._variables):
            return clock
        raise StackError(Need.CLOCK)

    @cached_property
    def _variables(self) -> dict[str, str]:
        """What the scheduler was started with."""
        if found := processes.variables(self.stack.layout, "scheduler"):
            return found
        raise StackError("no scheduler runs here: `make up` first")

    def trigger(self, dag: str, conf: dict[str, Any]) -> str:
        """Start a run, as soon as the API takes it; return its id."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.stack.airflow.trigger(dag, "evergreen chaos", conf)
            except (httpx.HTTPError, StackError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def tasks(self, dag: str, run: str) -> list[TaskRun]:
        """Return the tasks of a run; none while the database is away."""
        return [TaskRun(*row) for row in self._read(TASKS, (dag, run))]

    def state(self, dag: str, run: str) -> str:
        """Return the state of a run; empty while the database is away."""
        rows = self._read(STATE, (dag, run))
        return str(rows[0][0]) if rows else ""

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        url = libpq(self.settings.airflow_database_url)
        with (
            contextlib.suppress(psycopg2.Error),
            contextlib.closing(psycopg2.connect(url, connect_timeout=2)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SET statement_timeout = '2s'")
            cursor.execute(sql, values)
            return list(cursor.fetchall())
        return []

    def leader(self, victim: Victim, task: TaskRun | None) -> psutil.Process:
        """Return the process that is struck.

        Raises:
            Gone: it does not run.
        """
        try:
            pid = self._pid(victim, task)
            found = psutil.Process(pid) if pid else None
            if found and victim is Victim.SUPERVISOR:
                found = psutil.Process(found.ppid())
        except psutil.NoSuchProcess:
            found = None
        if found is None or found.pid in {0, 1, os.getpid()}:
            raise Gone(f"{victim} does not run")
        return found

    def _pid(self, victim: Victim, task: TaskRun | None) -> int | None:
        if victim in TASK:
            return task.pid if task else None
        if victim is Victim.POSTGRES:
            return self.stack.postgres.pid
        if victim is Victim.WORKER:
            return self._worker(task)
        return processes.running(self.stack.layout, victim)

    def _worker(self, task: TaskRun | None) -> int | None:
        """Return the Celery worker below which a task runs."""
        layout = self.stack.layout
        running = {processes.running(layout, name) for name in workers.names(layout)}
        above = psutil.Process(task.pid).parents() if task and task.pid else ()
        return next((each.pid for each in above if each.pid in running), None)

    def members(self, victim: Victim, task: TaskRun | None) -> set[psutil.Process]:
        """Return the processes that stand still together: of a service, all."""
        leader = self.leader(victim, task)
        if victim in TASK:
            return {leader}
        if victim is Victim.SCHEDULER:  # what its executor has forked goes on
            return {leader}
        return processes.family(leader.pid)

    def kill(self, victim: Victim, task: TaskRun | None) -> None:
        """Kill -9 the process, and not what it has forked; of a Celery worker, all."""
        if victim is Victim.WORKER:
            processes.kill(self.members(victim, task))
        else:
            os.kill(self.leader(victim, task).pid, signal.SIGKILL)

    def revive(self, victim: Victim) -> None:
        """Start a service that has died, as whoever keeps it running would; nothing else."""
        if victim is Victim.WORKER:
            self.keep()
        elif victim not in TASK:
            deadline = time.monotonic() + 10
            while self._pid(victim, None) and time.monotonic() < deadline:
                time.sleep(0.05)
            self.stack.revive(victim)

    def keep(self) -> None:
        """Start again what has died of a fault of another: Airflow's, without its database."""
        for name in (*SERVICES, *workers.names(self.stack.layout)):
            if processes.running(self.stack.layout, name) is None:
                with contextlib.suppress(StackError, psycopg2.Error):
                    self.stack.revive(name)

    @contextlib.contextmanager
    def without(self, victim: Victim) -> Iterator[None]:
        """Stop a service, as a person would, and start it again afterwards."""
        processes.stop(self.stack.layout, [victim])
        try:
            yield
        finally:
            self.stack.revive(victim)

    def works(self, victim: Victim, since: datetime) -> bool:
        """Tell whether a service does its work: it has answered, or beaten, since a moment.

        After what strikes no process, the service is asked.
        """
        if victim in TASK:
            return True
        if victim is Victim.WORKER:
            layout = self.stack.layout
            return all(processes.running(layout, name) for name in workers.names(layout))
        struck = {Victim.POSTGRES: DEPENDENTS}.get(victim, (_asked(victim),))
        try:
            return all(self._answers(each, since) for each in struck)
        except (httpx.HTTPError, StackError):
            return False

    def _answers(self, victim: Victim, since: datetime) -> bool:
        env = self.stack.environment
        if victim in {Victim.SCHEDULER, Victim.DAG_PROCESSOR, Victim.TRIGGERER}:
            beat = self.stack.airflow.heartbeats()[str(victim).replace("-", "_")]
            return beat is not None and beat > since
        url = {
            Victim.MLFLOW: f"{env['MLFLOW_TRACKING_URI']}/health",
            Victim.API_SERVER: f"{env['EVERGREEN_UI_URL']}/api/v2/version",
            Victim.SERVICE: f"{service_url(env)}/health",
        }[victim]
        return httpx.get(url, timeout=2, trust_env=False).is_success


def _asked(victim: Victim) -> Victim:
    return victim if victim in DEPENDENTS else Victim.SERVICE
