"""Airflow's REST API, as far as the stack needs it.

Usage::

    api = AirflowApi("http://127.0.0.1:8080", "admin", password)
    api.unhealthy()                                # [] when every component beats
    run = api.trigger("weather_training", note="first training")
    api.state("weather_training", run)             # "running"
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx

from evergreen.errors import StackError

COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


@cache
def plain_http() -> httpx.Client:
    """Return the one client for loopback: to make its TLS context anew costs 30 ms a request."""
    return httpx.Client(verify=False, trust_env=False)  # noqa: S501 (http on loopback)


@dataclass
class AirflowApi:
    """A client that logs in when it must."""

    url: str
    user: str
    password: str
    _token: str | None = field(default=None, repr=False)

    def health(self) -> dict[str, str]:
        """Return the status of each component: `healthy`, `unhealthy` or `unknown`.

        Raises:
            httpx.HTTPError: the API server does not answer.
        """
        return {name: told.get("status") or "unknown" for name, told in self._monitor().items()}

    def heartbeats(self) -> dict[str, datetime | None]:
        """Return when each component has beaten last; None: never.

        For half a minute Airflow takes a component that was killed for healthy.
        """
        beats = {c: told.get(f"latest_{c}_heartbeat") for c, told in self._monitor().items()}
        return {
            c: datetime.fromisoformat(beat) if beat else None
            for c, beat in beats.items()
            if c != "metadatabase"
        }

    def _monitor(self) -> dict[str, dict[str, Any]]:
        answer = plain_http().get(f"{self.url}/api/v2/monitor/health", timeout=10)
        answer.raise_for_status()
        told = answer.json()
        return {component: told.get(component) or {} for component in COMPONENTS}

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """Return the DAG as the API describes it, or None while Airflow does not know it."""
        answer = self._request("GET", f"/dags/{dag_id}", allowed=(404,))
        return None if answer.status_code == 404 else dict(answer.json())

    def import_errors(self) -> dict[str, str]:
        """Return the error of each DAG file that cannot be imported."""
        errors = self._request("GET", "/importErrors").json()["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def active_run(self, dag_id: str) -> str | None:
        """Return the id of a run of the DAG that is queued or running."""
        query = {"state": ["running", "queued"], "limit": 1}
        runs = self._request("GET", f"/dags/{dag_id}/dagRuns", params=query).json()["dag_runs"]
        return str(runs[0]["dag_run_id"]) if runs else None

    def trigger(self, dag_id: str, note: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run of the DAG and return its id; without `conf`, its parameters' defaults."""
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf or {}), "note": note}
        return str(self._request("POST", f"/dags/{dag_id}/dagRuns", json=body).json()["dag_run_id"])

    def clear(self, dag_id: str, run_id: str, task: str) -> None:
        """Let a task of a run, and all after it, be run again."""
        body = {
            "dry_run": False, "dag_run_id": run_id, "task_ids": [task],
            "include_downstream": True, "only_failed": False,
        }  # fmt: skip
        self._request("POST", f"/dags/{dag_id}/clearTaskInstances", json=body)

    def run(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        """Return the run as the API describes it (`state`, `note`, `conf` ...); None: no such run.

        The run id may hold what an address must quote, such as the `+` of a time zone.
        """
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
        answer = self._request("GET", path, allowed=(404,))
        return None if answer.status_code == 404 else dict(answer.json())

    def state(self, dag_id: str, run_id: str) -> str:
        """Return the state of the run: `queued`, `running`, `success` or `failed`."""
        return str(self._request("GET", f"/dags/{dag_id}/dagRuns/{run_id}").json()["state"])

    def tasks(self, dag_id: str, run_id: str) -> dict[str, list[str]]:
        """Return the task ids of the run by state."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        by_state: dict[str, list[str]] = {}
        for task in self._request("GET", path).json()["task_instances"]:
            by_state.setdefault(task["state"] or "none", []).append(task["task_id"])
        return by_state

    def page(self, path: str) -> str:
        """Return the HTML of a plugin's page."""
        if self._token is None:
            self._token = self._login()
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = plain_http().get(f"{self.url}{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.text

    def _request(
        self, method: str, path: str, *, allowed: tuple[int, ...] = (), **options: Any
    ) -> httpx.Response:
        if self._token is None:
            self._token = self._login()
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = plain_http().request(
            method, f"{self.url}/api/v2{path}", headers=headers, timeout=30, **options
        )
        if answer.is_error and answer.status_code not in allowed:
            raise StackError(f"Airflow answered {answer.status_code} to {path}: {answer.text}")
        return answer

    def _login(self) -> str:
        body = {"username": self.user, "password": self.password}
        answer = plain_http().post(f"{self.url}/auth/token", json=body, timeout=30)
        if answer.is_error:
            raise StackError(f"Airflow refused the login of {self.user!r}: {answer.status_code}")
        return str(answer.json()["access_token"])
