"""The component of Ray, in the overlay that it is for."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate
import pytest
import yaml

from deploy.kubernetes_objects import DEPLOY, Object, containers, pinned, sealed, values
from evergreen.settings import PROJECT, local_or_ray
from tools import tool

KUBERNETES = ("1.33", "1.36")
KUBERAY = Path(__file__).parent / "vendor" / "raycluster.json"
EXTRA = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """What `kubectl apply -k` would send of production with the component in it."""
    folder = tmp_path_factory.mktemp("deploy") / "kubernetes"
    shutil.copytree(DEPLOY / "kubernetes", folder)
    overlay = folder / "overlays" / "production"
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write("components:\n  - ../../components/ray\n")
    return rendered(overlay)


def rendered(overlay: Path) -> list[Object]:
    done = subprocess.run(
        [tool("kubectl"), "kustomize", overlay], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def one(objects: list[Object], kind: str, name: str) -> Object:
    [found] = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def templates(objects: list[Object]) -> list[Object]:
    """The pods of head and workers."""
    spec = one(objects, "RayCluster", "evergreen")["spec"]
    return [group["template"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_field_of_its_pods_and_policy(
    objects: list[Object], version: str
) -> None:
    for template in templates(objects):
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        pod["metadata"] = template["metadata"] | {"name": "ray"}
        kubernetes_validate.validate(pod, version, strict=True)
    kubernetes_validate.validate(one(objects, "NetworkPolicy", "ray"), version, strict=True)


def closed(schema: Any) -> Any:
    """Return a schema that knows no other fields than those it names, as the API's strict check."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        found.setdefault("additionalProperties", False)
    return found


def test_kuberay_knows_every_field_of_it(objects: list[Object]) -> None:
    schema = closed(json.loads(KUBERAY.read_text()))

    jsonschema.validate(one(objects, "RayCluster", "evergreen"), schema)


@pytest.mark.parametrize(
    ("field", "value"), [("rayVersions", "2.60.0"), ("rayVersion", 2.60)], ids=["unknown", "number"]
)
def test_kuberay_s_schema_refuses_what_it_does_not_know(
    objects: list[Object], field: str, value: Any
) -> None:
    cluster = one(objects, "RayCluster", "evergreen")
    odd = cluster | {"spec": cluster["spec"] | {field: value}}

    with pytest.raises(jsonschema.ValidationError, match=r"rayVersions|2\.6"):
        jsonschema.validate(odd, closed(json.loads(KUBERAY.read_text())))


def test_its_pods_may_do_no_more_than_the_others(objects: list[Object]) -> None:
    for template in templates(objects):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in containers(pod):
            sealed(container)
            assert pinned(container["image"])
            assert container["image"].startswith("registry.example.com/evergreen:")
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
            names = {each["name"]: each["value"] for each in container["env"]}
            assert names["RAY_USAGE_STATS_ENABLED"] == "0"
            assert names["GRPC_ENABLE_FORK_SUPPORT"] == "0"


def test_tasks_ask_the_head_by_a_setting_that_is_allowed(objects: list[Object]) -> None:
    cluster = one(objects, "RayCluster", "evergreen")
    compute = one(objects, "ConfigMap", "evergreen")["data"]["EVERGREEN_COMPUTE"]

    address = urlsplit(local_or_ray(compute))

    assert address.hostname == f"{cluster['metadata']['name']}-head-svc"  # as KubeRay names it
    asked = cluster["spec"]["headGroupSpec"]["rayStartParams"]
    assert str(address.port) == asked["ray-client-server-port"]
    assert asked["include-dashboard"] == "false"


def test_both_sides_have_the_token_from_the_same_secret(objects: list[Object]) -> None:
    held = one(objects, "ExternalSecret", "evergreen-ray")["spec"]["data"]
    tasks = yaml.safe_load(values("values.yaml")["extraEnvFrom"])

    assert [each["secretKey"] for each in held] == ["RAY_AUTH_TOKEN"]
    assert one(objects, "ConfigMap", "evergreen")["data"]["RAY_AUTH_MODE"] == "token"
    assert {"secretRef": {"name": "evergreen-ray", "optional": True}} in tasks
    for container in (one for each in templates(objects) for one in containers(each["spec"])):
        assert {"secretRef": {"name": "evergreen-ray"}} in container["envFrom"]
        assert {"name": "RAY_AUTH_MODE", "value": "token"} in container["env"]


def test_its_version_is_the_one_that_is_tested(objects: list[Object]) -> None:
    version = one(objects, "RayCluster", "evergreen")["spec"]["rayVersion"]

    assert EXTRA["ray"] == [f"ray[client]>={version.rsplit('.', 1)[0]},<2.61"]
    comment = (DEPLOY / "kubernetes" / "components" / "ray" / "kustomization.yaml").read_text()
    assert f"ray[client]=={version}" in comment


def test_workers_alone_have_what_reads_the_store(objects: list[Object]) -> None:
    store = {"secretRef": {"name": "evergreen-store", "optional": True}}

    head, *workers = (containers(each["spec"])[0] for each in templates(objects))

    assert store not in head["envFrom"]
    assert all(store in worker["envFrom"] for worker in workers)
    assert one(objects, "ExternalSecret", "evergreen-store")


def test_only_airflow_reaches_it_and_it_reaches_the_store(objects: list[Object]) -> None:
    spec = one(objects, "NetworkPolicy", "ray")["spec"]
    ray = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "ray"}}}

    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert all(
        template["metadata"]["labels"].items() >= spec["podSelector"]["matchLabels"].items()
        for template in templates(objects)
    )
    assert [rule["from"] for rule in spec["ingress"]] == [
        [{"podSelector": {"matchLabels": {"tier": "airflow"}}}], [ray],
    ]  # fmt: skip
    assert spec["egress"][0] == {"to": [ray]}
    assert {port["port"] for port in spec["egress"][1]["ports"]} == {53}
    assert spec["egress"][2:] == [
        {
            "to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}],
            "ports": [{"port": 443, "protocol": "TCP"}],
        }
    ]
