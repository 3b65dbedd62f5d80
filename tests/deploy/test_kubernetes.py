"""The manifests: valid, modest, and in step with docker-compose and the images."""

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.kubernetes_objects import (
    DEPLOY,
    OVERLAYS,
    Object,
    containers,
    of,
    pinned,
    pods,
    rendered,
    sealed,
    values,
)
from evergreen.serving import guard
from evergreen.settings import PROJECT
from evergreen_workshop.stack import environment

KUBERNETES = ("1.33", "1.36")
"""The oldest and the newest that the manifests are checked for."""
TMP = "/tmp"  # noqa: S108 (of a container)
OTHERS = {"AlertmanagerConfig", "ExternalSecret", "PrometheusRule", "ServiceMonitor"}
"""Kinds of operators, which have no schema among Kubernetes' own."""
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
MAY_ASK = "evergreen/may-ask"
EVERY = pytest.mark.parametrize("overlay", OVERLAYS)


@EVERY
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_object_and_every_field(overlay: str, version: str) -> None:
    ours = [each for each in rendered(overlay) if each["kind"] not in OTHERS]

    for each in ours:
        kubernetes_validate.validate(each, version, strict=True)

    assert {each["kind"] for each in ours} >= {
        "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget",
        "NetworkPolicy", "Job", "ConfigMap", "Namespace",
    }  # fmt: skip


@EVERY
def test_no_pod_may_do_more_than_it_must(overlay: str) -> None:
    for name, pod in pods(rendered(overlay)):
        about = pod["securityContext"]
        assert about["runAsNonRoot"] is True and about["runAsUser"] > 0, name
        assert about["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert all("hostPath" not in volume for volume in pod["volumes"]), name
        for container in containers(pod):
            sealed(container)


@EVERY
def test_the_namespace_refuses_other_pods(overlay: str) -> None:
    labels = of(overlay, "Namespace", "evergreen")["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@EVERY
def test_what_stays_is_asked_whether_it_is_well(overlay: str) -> None:
    stays = [each for each in rendered(overlay) if each["kind"] in {"Deployment", "StatefulSet"}]

    for container in (one for _, pod in pods(stays) for one in pod["containers"]):
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


@EVERY
def test_every_image_is_pinned(overlay: str) -> None:
    images = {one["image"] for _, pod in pods(rendered(overlay)) for one in containers(pod)}

    assert images
    assert all(pinned(image) for image in images), images


@EVERY
def test_there_is_no_secret_in_any_file(overlay: str) -> None:
    assert {each["kind"] for each in rendered(overlay)}.isdisjoint({"Secret"})
    for name, pod in pods(rendered(overlay)):
        for variable in (one for each in containers(pod) for one in each.get("env", ())):
            secret = re.search(r"PASSWORD|_KEYS|DATABASE_URL|STORE_URI", variable["name"])
            if secret:
                assert set(variable["valueFrom"]) == {"secretKeyRef"}, (name, variable["name"])


def test_a_secret_that_is_asked_for_is_fetched_with_that_key() -> None:
    held = {
        (each["metadata"]["name"], one["secretKey"])
        for each in rendered("production") if each["kind"] == "ExternalSecret"
        for one in each["spec"]["data"]
    }  # fmt: skip
    template = yaml.safe_load(values("values-kubernetes.yaml")["podTemplate"])

    found = references([*rendered("production"), template])
    asked = {(each["name"], each["key"]) for each in found}
    assert asked
    assert asked <= held


def test_a_role_of_the_cloud_needs_no_keys_of_the_object_store() -> None:
    everywhere = [
        *rendered("production"),
        yaml.safe_load(values("values-kubernetes.yaml")["podTemplate"]),
        yaml.safe_load(values("values.yaml")["extraEnvFrom"]),
    ]

    found = [each for each in secrets(everywhere) if each["name"] == "evergreen-store"]
    assert len(found) == 3
    assert all(each.get("optional") for each in found)


def secrets(node: Any) -> list[Object]:
    """Every secret that is taken whole, somewhere in a document."""
    if isinstance(node, dict):
        own = [node["secretRef"]] if "secretRef" in node else []
        return own + [found for value in node.values() for found in secrets(value)]
    return [found for each in node for found in secrets(each)] if isinstance(node, list) else []


def references(node: Any) -> list[Object]:
    """Every {name, key} that stands somewhere in a document."""
    if isinstance(node, dict):
        own = [node] if set(node) == {"name", "key"} else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for each in node for found in references(each)] if isinstance(node, list) else []


@EVERY
@pytest.mark.parametrize("name", ["serve", "mlflow"])
def test_names_and_ports_are_those_of_compose(overlay: str, name: str) -> None:
    service = of(overlay, "Service", name)
    [container] = of(overlay, "Deployment", name)["spec"]["template"]["spec"]["containers"]

    published = COMPOSE["services"][name]["ports"][0].rpartition(":")[2]
    assert str(service["spec"]["ports"][0]["port"]) == published
    assert str(container["ports"][0]["containerPort"]) == published


def test_the_services_image_listens_where_it_is_asked() -> None:
    dockerfile = (PROJECT / "Dockerfile.serve").read_text()
    [port] = of("local", "Service", "serve")["spec"]["ports"]

    assert f"EXPOSE {port['port']}" in dockerfile


@EVERY
def test_pods_run_as_the_images_user(overlay: str) -> None:
    for name, pod in pods(rendered(overlay)):
        if any("evergreen" in each["image"] for each in containers(pod)):
            about = pod["securityContext"]
            assert (about["runAsUser"], about["runAsGroup"]) == (50000, 50000), name


@EVERY
def test_what_is_written_lies_on_volumes(overlay: str) -> None:
    home = re.search(r"VOLUME (\S+)", (PROJECT / "Dockerfile.serve").read_text())
    assert home

    for name, pod in pods(rendered(overlay)):
        for container in containers(pod):
            mounted = {each["mountPath"] for each in container["volumeMounts"]}
            expected = {home[1], TMP} if "evergreen" in container["image"] else {TMP}
            assert mounted >= expected, (name, container["name"])


@EVERY
def test_mlflow_is_started_as_by_compose(overlay: str) -> None:
    [container] = of(overlay, "Deployment", "mlflow")["spec"]["template"]["spec"]["containers"]

    def but_artifacts(command: list[str]) -> list[str]:
        return [word for word in command if not word.startswith("--artifacts")]

    assert but_artifacts(container["command"]) == but_artifacts(
        COMPOSE["services"]["mlflow"]["command"]
    )


def test_the_settings_of_all_are_those_of_make_up() -> None:
    data = of("local", "ConfigMap", "evergreen")["data"]

    known = environment.QUIET | environment.MODEST | environment.mlflow_environment("")
    ours = {name: value for name, value in data.items() if name in known}
    assert ours == {name: known[name] for name in ours}
    assert set(data) - set(known) == {"MLFLOW_TRACKING_URI"}
    assert data["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"


@EVERY
def test_a_bad_image_takes_over_from_nobody(overlay: str) -> None:
    spec = of(overlay, "Deployment", "serve")["spec"]

    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert spec["progressDeadlineSeconds"] <= 600
    assert "replicas" not in spec  # the autoscaler's
    [container] = spec["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"


@EVERY
def test_migrations_come_before_what_needs_them(overlay: str) -> None:
    waves = {
        (each["kind"], each["metadata"]["name"]): int(
            each["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", 0)
        )
        for each in rendered(overlay)
    }

    migrate = waves["Job", "migrate"]
    assert waves["ConfigMap", "evergreen"] < migrate < waves["Deployment", "serve"]
    assert all(wave < migrate for (kind, _), wave in waves.items() if kind == "ExternalSecret")


@EVERY
def test_only_those_who_are_named_reach_a_pod(overlay: str) -> None:
    policies = [each for each in rendered(overlay) if each["kind"] == "NetworkPolicy"]
    closed = next(each["spec"] for each in policies if each["metadata"]["name"] == "nothing")
    [selector] = closed["podSelector"]["matchExpressions"]

    assert set(selector["values"]) == {"serve", "mlflow", "migrate"}
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in closed and "egress" not in closed
    for each in policies:
        for rule in each["spec"].get("ingress", ()):
            assert rule["from"] and rule["ports"], each["metadata"]["name"]


@EVERY
def test_people_reach_of_airflow_the_ui_only(overlay: str) -> None:
    reached = {
        each["metadata"]["name"]: each["spec"]["podSelector"]["matchLabels"]
        for each in rendered(overlay)
        if each["kind"] == "NetworkPolicy" and MAY_ASK in str(each["spec"].get("ingress"))
    }

    assert reached == {
        "serve": {"app.kubernetes.io/name": "serve"},
        "airflow-ui": {"tier": "airflow", "component": "api-server"},
    }


def test_the_ingress_lets_through_what_the_service_takes() -> None:
    ingress = of("production", "Ingress", "serve")

    allowed = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert int(allowed) == guard.MAX_BODY


def test_prometheus_scrapes_the_job_that_the_rules_ask_for() -> None:
    monitor = of("production", "ServiceMonitor", "serve")
    service = of("production", "Service", "serve")
    [endpoint] = monitor["spec"]["endpoints"]

    job = service["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    assert f'job="{job}"' in (DEPLOY / "prometheus" / "rules.yml").read_text()
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_the_operators_prometheus_has_the_rules_of_the_others() -> None:
    ours = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())

    assert of("production", "PrometheusRule", "evergreen")["spec"] == ours
