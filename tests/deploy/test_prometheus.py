"""Alert rules and dashboard, checked by Prometheus' own promtool and against a real /metrics."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from database import records_of
from deciding.champion import make_champion
from deciding.test_policy import NOW, poor
from evergreen import notify
from evergreen.serving.app import create_app
from evergreen.serving.pipeline import QUESTIONS
from evergreen.settings import PROJECT, Settings
from serving.conftest import live, shop

__all__ = ["shop"]  # a fixture

PROMETHEUS = PROJECT / "deploy" / "prometheus"
DASHBOARD = PROJECT / "deploy" / "grafana" / "dashboards" / "evergreen.json"
TRIALS = sorted(Path(__file__).parent.glob("*_test.yml"))
OURS = re.compile(r"\b(?:evergreen|process)[a-z_]*(?::[a-z_0-9:]+)?\b(?!:)")


def run(program: Path, *arguments: object) -> None:
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_configuration_and_the_rules(promtool: Path) -> None:
    run(promtool, "check", "config", PROMETHEUS / "prometheus.yml")
    run(promtool, "check", "rules", "--lint-fatal", PROMETHEUS / "rules.yml")


def test_each_alert_fires_when_it_should_and_only_then(promtool: Path) -> None:
    run(promtool, "test", "rules", *TRIALS)


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_every_alert_has_been_tried() -> None:
    tests = [test for file in TRIALS for test in yaml.safe_load(file.read_text())["tests"]]
    names = {case["alertname"] for test in tests for case in test.get("alert_rule_test", [])}

    alerts = {rule["alert"] for rule in rules() if "alert" in rule}

    assert alerts - names == {"GateRefuses"}  # as Drift, by another label


def test_every_state_that_people_are_told_of_is_an_alert() -> None:
    asked = " ".join(rule["expr"] for rule in rules())

    kinds = "|".join(re.findall(r'incidents_open\{kind=~?"([^"]+)"', asked)).split("|")

    assert sorted(kinds) == sorted([*notify.ALERTS, "failure"])


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return shown + [rule["expr"] for rule in rules()]


def test_what_each_process_tells_of_the_database_is_added_up_nowhere() -> None:
    shared = "|".join(question.name for question in QUESTIONS)
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", [])]

    assert any(re.search(shared, expression) for expression in shown)
    added = rf"sum[^(]*(?:\([^)]*\) )?\((?:\w+\()?evergreen_(?:{shared})"
    assert [expression for expression in shown if re.search(added, expression)] == []


def test_rules_and_dashboard_name_only_metrics_that_the_service_tells(shop: Any) -> None:
    records_of(shop.settings).windows.keep(poor())
    notify.alert(records_of(shop.settings), shop.settings, "weather", "drift", "It drifts.", at=NOW)
    shop.promote(shop.put("iris", "logistic"), 1)
    with shop.open() as client:
        row = client.service.watcher.desks["iris"].champion.contract.examples["single"]
        client.post("/iris/predict", json=row)
        text = client.get("/metrics").text

    families = list(text_string_to_metric_families(text))
    told = {sample.name for family in families for sample in family.samples}
    told |= {f"evergreen_{question.name}{'_total' * question.counter}" for question in QUESTIONS}
    told |= {rule["record"] for rule in rules() if "record" in rule}
    named = {name for expression in expressions() for name in OURS.findall(expression)}
    assert named - told == {"evergreen"}  # the job
    values = {(s.name, s.labels.get("use_case")): s.value for f in families for s in f.samples}
    assert values["evergreen_live_metric", "weather"] == 0.5
    assert values["evergreen_live_metric_floor", "weather"] == 0.68
    assert values["evergreen_estimated_metric", "weather"] == 0.6
    assert values["evergreen_estimated_metric_low", "weather"] == 0.55
    assert values["evergreen_estimated_metric_high", "weather"] == 0.65
    assert values["evergreen_incidents_open", "weather"] == 1
    assert values["evergreen_pipeline_up", None] == 1


def test_a_database_that_is_away_is_told_and_nothing_stale(settings: Settings) -> None:
    away = replace(settings, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    with live(create_app(away), away) as client:
        text = client.get("/metrics").text

    assert "evergreen_pipeline_up 0.0" in text
    assert "evergreen_decisions_total" not in text


def test_the_dashboard_asks_the_provisioned_source() -> None:
    sources = yaml.safe_load(
        (DASHBOARD.parents[1] / "provisioning" / "datasources" / "evergreen.yml").read_text()
    )

    panels = json.loads(DASHBOARD.read_text())["panels"]

    known = {source["uid"] for source in sources["datasources"]}
    assert {panel["datasource"]["uid"] for panel in panels if "datasource" in panel} == known
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.parametrize(
    "metric", ["decisions", "drift_share", "training_seconds", "knowledge_timestamp_seconds"]
)
def test_metrics_follow_what_is_on_record(metric: str, settings: Settings) -> None:
    question = next(each for each in QUESTIONS if each.name == metric)
    make_champion(settings, "weather", 1, until=NOW)
    records_of(settings).windows.keep(poor())

    found = question.metric(records_of(settings).figures.all()[metric])

    expected = {"decisions": [1.0], "drift_share": [0.0], "training_seconds": []}
    expected["knowledge_timestamp_seconds"] = [NOW.timestamp()]
    assert [sample.value for sample in found.samples] == expected[metric]
