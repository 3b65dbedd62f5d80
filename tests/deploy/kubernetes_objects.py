"""The manifests of deploy/, as Kubernetes gets them."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from evergreen.settings import PROJECT
from tools import tool

DEPLOY = PROJECT / "deploy"
OVERLAYS = ("local", "production")
Object = dict[str, Any]


@cache
def rendered(overlay: str) -> list[Object]:
    """The objects of an overlay, as `kubectl apply -k` would send them."""
    folder = DEPLOY / "kubernetes" / "overlays" / overlay
    done = subprocess.run(
        [tool("kubectl"), "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # it warns of what is deprecated
    return list(yaml.safe_load_all(done.stdout))


def of(overlay: str, kind: str, name: str) -> Object:
    """The one object of that kind and name."""
    [found] = [
        each for each in rendered(overlay)
        if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]  # fmt: skip
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """The pods' specs of what makes pods, by name."""
    for each in objects:
        if "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def sealed(container: Object) -> None:
    """Nobody special, on a file system that is only read, within limits."""
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }, container["name"]
    for of_what in ("requests", "limits"):
        assert set(container["resources"][of_what]) == {"cpu", "memory"}, container["name"]


def pinned(image: str) -> bool:
    """By its digest, or by a version of two numbers or more."""
    return "@sha256:" in image or re.search(r":v?\d+\.\d+[\w.-]*$", image) is not None


def values(*files: str) -> Object:
    """The values of the chart of Airflow, the later file over the earlier."""
    merged: Object = {}
    for file in files:
        merged = over(merged, yaml.safe_load((DEPLOY / "helm" / file).read_text()))
    return merged


def over(under: Any, upper: Any) -> Any:
    """Lay one mapping over another, as Helm does."""
    if not isinstance(under, dict) or not isinstance(upper, dict):
        return upper
    return under | {key: over(under.get(key), value) for key, value in upper.items()}
