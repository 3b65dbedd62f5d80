"""Prometheus and Alertmanager on loopback, with our rules and routes; minutes are seconds there."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from evergreen.settings import PROJECT
from evergreen_workshop.stack.ports import free_port
from tools import tool
from waiting import eventually

DEPLOYED = PROJECT / "deploy" / "prometheus"


@dataclass(frozen=True)
class Watch:
    """Who looks at the services, and who tells of it."""

    url: str
    """Alertmanager's address."""

    def lasting(self, receiver: str) -> dict[str, dict[str, Any]]:
        """Return the alerts that it keeps for a receiver, by their names."""
        found = httpx.get(f"{self.url}/api/v2/alerts", params={"receiver": receiver}).json()
        return {alert["labels"]["alertname"]: alert for alert in found}


@contextmanager
def watching(folder: Path, services: list[str], told: str) -> Iterator[Watch]:
    """Run both over these services (`host:port`); `told` is the address of who is told."""
    metrics, alerts = (f"127.0.0.1:{free_port()}" for _ in range(2))
    routes = folder / "alertmanager.yml"
    routes.write_text(_quick_routes().replace("url: told", f"url: {told}"))
    (folder / "rules.yml").write_text(_quick_rules())
    scraped = folder / "prometheus.yml"
    key = folder / "api_key"
    key.write_text("")  # nobody asks for one
    scraped.write_text(_quick_scrapes(services, metrics, alerts, key))
    with (
        _running("prometheus-alertmanager", f"--config.file={routes}", "--cluster.listen-address=",
                 f"--storage.path={folder / 'alerts'}", f"--web.listen-address={alerts}"),
        _running("prometheus", f"--config.file={scraped}", f"--web.listen-address={metrics}",
                 f"--storage.tsdb.path={folder / 'metrics'}"),
    ):  # fmt: skip
        for address in (alerts, metrics):
            eventually(partial(_ready, address), f"{address} to be ready")
        yield Watch(f"http://{alerts}")


def _quick_routes() -> str:
    """Return our routes; the first three seconds bring together what begins together.

    Debian's Alertmanager is older than `url_file` (0.26).
    """
    text = re.sub(r"url_file: \S+", "url: told", (DEPLOYED / "alertmanager.yml").read_text())
    return re.sub(r"group_wait: \S+", "group_wait: 3s", text).replace(
        "interval: 5m", "interval: 3s"
    )


def _quick_rules() -> str:
    return re.sub(r"\bfor: \w+$", "for: 1s", (DEPLOYED / "rules.yml").read_text(), flags=re.M)


def _quick_scrapes(services: list[str], metrics: str, alerts: str, key: Path) -> str:
    text = re.sub(r"(interval|timeout): 1\ds", r"\1: 1s", (DEPLOYED / "prometheus.yml").read_text())
    for old, new in {
        '"serve:8100"': ", ".join(f'"{each}"' for each in services),
        "alertmanager:9093": alerts,
        "localhost:9090": metrics,
        "/run/secrets/api_key": str(key),
    }.items():
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def _running(name: str, *arguments: str) -> Iterator[None]:
    program = tool(name, name.removeprefix("prometheus-"), of="make test-system")
    process = subprocess.Popen([program, "--log.level=error", *arguments])
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _ready(address: str) -> bool:
    return httpx.get(f"http://{address}/-/ready").is_success
