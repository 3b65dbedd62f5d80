"""Who is told of what Prometheus sees: checked by Alertmanager's own amtool."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.kubernetes_objects import of
from deploy.test_prometheus import PROMETHEUS, rules
from evergreen.settings import PROJECT

FILE = PROMETHEUS / "alertmanager.yml"
CONFIG = yaml.safe_load(FILE.read_text())
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
BY_EVERGREEN = {name for name, rule in ALERTS.items() if "evergreen_incidents_open" in rule["expr"]}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The file as an Alertmanager takes it that does not know `url_file` yet (before 0.26)."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(re.sub(r"url_file: \S+", "url: http://127.0.0.1/", FILE.read_text()))
    return file


def run(program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_alertmanager_takes_the_configuration(amtool: Path, config: Path) -> None:
    done = run(amtool, "check-config", config)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_people_are_told_of_what_evergreen_does_not_tell_them(
    amtool: Path, config: Path, name: str
) -> None:
    severity = ALERTS[name]["labels"]["severity"]

    done = run(
        amtool, "config", "routes", "test", f"--config.file={config}",
        f"alertname={name}", f"severity={severity}", "use_case=iris",
    )  # fmt: skip

    assert done.stdout.strip() == ("shown" if name in BY_EVERGREEN else "people"), done.stderr


def test_only_alerts_that_there_are_keep_others_quiet() -> None:
    said = str(CONFIG["inhibit_rules"])

    named = set(re.findall(r"[A-Z][a-z]+(?:[A-Z][a-z]+)+", said))

    assert named <= ALERTS.keys()
    assert not named & BY_EVERGREEN


def matchers(lines: list[str]) -> list[dict[str, str]]:
    """Write matchers as the operator takes them; `=` is what they are without a type."""
    found = [re.fullmatch(r'(\w+)(=~|=)"(.*)"', line) for line in lines]
    return [
        {"name": one[1], "value": one[3]} | ({"matchType": one[2]} if one[2] != "=" else {})
        for one in found
        if one is not None
    ]


def in_kubernetes(route: dict[str, Any]) -> dict[str, Any]:
    names = {"group_by": "groupBy", "group_wait": "groupWait", "group_interval": "groupInterval",
             "repeat_interval": "repeatInterval"}  # fmt: skip
    told = {names.get(key, key): value for key, value in route.items()}
    if "matchers" in told:
        told["matchers"] = matchers(told["matchers"])
    if "routes" in told:
        told["routes"] = [in_kubernetes(each) for each in told["routes"]]
    return told


def test_kubernetes_has_the_same_routes_and_the_address_as_a_secret() -> None:
    spec = of("production", "AlertmanagerConfig", "evergreen")["spec"]
    secret = of("production", "ExternalSecret", "evergreen")["spec"]["data"]

    assert spec["route"] == in_kubernetes(CONFIG["route"])
    assert [
        (rule["sourceMatch"], rule["targetMatch"]) for rule in spec["inhibitRules"]
    ] == [
        (matchers(rule["source_matchers"]), matchers(rule["target_matchers"]))
        for rule in CONFIG["inhibit_rules"]
    ]  # fmt: skip
    [people, shown] = spec["receivers"]
    assert shown == {"name": "shown"}
    [webhook] = people["webhookConfigs"]
    assert webhook["urlSecret"]["key"] in {each["secretKey"] for each in secret}


def test_prometheus_and_grafana_lead_to_the_alertmanager_of_docker_compose() -> None:
    services = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]
    prometheus = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    folder = PROJECT / "deploy" / "grafana" / "provisioning" / "alerting"
    grafana = yaml.safe_load((folder / "evergreen.yml").read_text())

    [managers] = prometheus["alerting"]["alertmanagers"][0]["static_configs"]
    [contact] = grafana["contactPoints"]
    [receiver] = contact["receivers"]
    assert receiver["settings"]["url"] == f"http://{managers['targets'][0]}"
    assert managers["targets"] == ["alertmanager:9093"]
    assert "alertmanager" in services
    assert [policy["receiver"] for policy in grafana["policies"]] == [contact["name"]]
    path = CONFIG["receivers"][0]["webhook_configs"][0]["url_file"]
    assert path in services["alertmanager"]["entrypoint"][2]
