"""What the wheel asks for is what is installed here, and what runs together."""

import re
import tomllib
from importlib.metadata import entry_points

from evergreen.settings import PROJECT

DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
EXTRAS = DECLARED["optional-dependencies"]
OF_THE_STACK = {
    "apache-airflow-providers-celery",
    "apache-airflow-providers-cncf-kubernetes",
    "apache-airflow-providers-smtp",
}
"""What our own Airflow has besides, for its deployment."""
NAME = re.compile(r"[A-Za-z0-9_.-]+")


def names(requirements: list[str]) -> set[str]:
    return {found[0].lower() for line in requirements if (found := NAME.match(line))}


def required(file: str) -> set[str]:
    return names((PROJECT / file).read_text().splitlines())


def test_the_wheel_asks_for_what_the_lock_holds() -> None:
    everything = names(DECLARED["dependencies"]).union(*map(names, EXTRAS.values()))

    locked = required("requirements.txt") | required("requirements-dev.txt")
    assert everything - names(EXTRAS["ray"]) <= locked  # which `make test-ray` brings
    assert required("requirements.in") - OF_THE_STACK <= everything


def test_the_service_asks_for_what_its_image_holds() -> None:
    assert names(EXTRAS["serve"]) <= required("requirements-serve.txt")


def test_airflow_finds_the_plugin_and_the_command_the_workshop() -> None:
    plugins = {each.value for each in entry_points(group="airflow.plugins")}
    commands = {each.value for each in entry_points(group="evergreen.commands")}

    assert "evergreen_airflow.plugin:EvergreenPlugin" in plugins
    assert "evergreen_workshop.commands" in commands
