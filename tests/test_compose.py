"""The container stack, as far as it can be checked where no Docker engine runs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from evergreen.settings import PROJECT
from evergreen.stack import container, environment

FILE = PROJECT / "docker-compose.yaml"
SCHEMA = PROJECT / "tests" / "stack" / "vendor" / "compose-spec.json"
OF_THIS_MACHINE = {
    "AIRFLOW_HOME",
    "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__PLUGINS_FOLDER",
    "AIRFLOW__CORE__EXECUTOR",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__API__HOST",
    "AIRFLOW__API__PORT",
    "AIRFLOW__API__BASE_URL",
    "PYTHONPATH",
}
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}


def tool(name: str) -> str:
    """A program of the development requirements."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    assert found, f"{name} is not installed: make test installs it"
    return found


def compose(env_file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What docker-compose says. (The wrapper of the wheel exits with 0 whatever happens.)"""
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [tool("docker-compose"), "--file", str(FILE), "--env-file", str(env_file), *arguments],
        capture_output=True, text=True, check=False, env=clean,
    )  # fmt: skip


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("compose") / "env"
    example = (PROJECT / ".env.example").read_text()
    file.write_text(example + "\n".join(container.secret_lines()) + "\n")
    return file


@pytest.fixture(scope="module")
def services(env_file: Path) -> dict[str, Any]:
    """The services as docker-compose understands them, those of the profiles included."""
    answer = compose(env_file, "--profile", "*", "config", "--format", "json")
    assert answer.stdout, answer.stderr
    return dict(json.loads(answer.stdout)["services"])


def test_the_file_follows_the_compose_specification() -> None:
    document = yaml.safe_load(FILE.read_text())

    jsonschema.validate(document, json.loads(SCHEMA.read_text()))


def test_docker_compose_understands_the_example_with_new_secrets(env_file: Path) -> None:
    answer = compose(env_file, "config", "--services")

    assert answer.stdout, answer.stderr
    assert set(answer.stdout.split()) == {"postgres", "mlflow", "init"} | AIRFLOW - {"worker"}


@pytest.mark.parametrize("name", [*container.PASSWORDS, "EVERGREEN_FERNET_KEY"])
def test_no_secret_has_a_default(name: str, env_file: Path, tmp_path: Path) -> None:
    lacking = tmp_path / "env"
    lines = env_file.read_text().splitlines()
    lacking.write_text("\n".join(line for line in lines if not line.startswith(f"{name}=")))

    answer = compose(lacking, "--profile", "*", "config")

    assert not answer.stdout
    assert f"{name} is missing" in answer.stderr


def test_containers_cannot_gain_privileges(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service.get("user", "image") != "root", name


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]

    assert published
    assert all(port["host_ip"] == "127.0.0.1" for port in published)


def test_images_are_pinned(services: dict[str, Any]) -> None:
    for name, service in services.items():
        tag = service["image"].partition(":")[2]
        assert tag.count(".") >= 1, f"{name}: {service['image']}"


def test_every_service_that_stays_has_a_health_check(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"init"}


@pytest.mark.parametrize("name", sorted(AIRFLOW - {"api-server"}))
def test_the_api_server_answers_before_anything_that_runs_tasks(
    name: str, services: dict[str, Any]
) -> None:
    needs = services[name]["depends_on"]

    assert needs["api-server"]["condition"] == "service_healthy"
    assert services["api-server"]["depends_on"]["init"]["condition"] == (
        "service_completed_successfully"
    )


def test_redis_and_the_worker_come_with_the_profile(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if service.get("profiles")} == {
        "redis",
        "worker",
    }


@pytest.mark.parametrize("name", sorted(AIRFLOW))
def test_airflow_is_configured_as_by_make_up(name: str, services: dict[str, Any]) -> None:
    local = environment.airflow_environment(
        home=Path("/home"), database_url="", ui_url="", port=8080
    )
    local |= environment.QUIET | environment.MODEST
    here = {key: value for key, value in local.items() if key not in OF_THIS_MACHINE}

    assert {key: services[name]["environment"].get(key) for key in here} == here


def test_only_the_init_job_knows_the_password_of_the_ui(services: dict[str, Any]) -> None:
    knowing = {
        name
        for name, service in services.items()
        if environment.PASSWORD in service.get("environment", {})
    }

    assert knowing == {"init"}


def test_the_dockerfile_has_nothing_to_criticise() -> None:
    answer = subprocess.run(
        [tool("hadolint"), str(PROJECT / "Dockerfile")], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stdout


def test_the_image_gets_what_it_copies() -> None:
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    copied = {source for line in lines if line.startswith("COPY") for source in line.split()[1:-1]}
    allowed = (PROJECT / ".dockerignore").read_text().splitlines()

    assert all((PROJECT / source).exists() for source in copied)
    assert {f"!{source}" for source in copied} == {line for line in allowed if line[0] == "!"}


def test_the_image_runs_as_nobody_special() -> None:
    users = [
        line for line in (PROJECT / "Dockerfile").read_text().splitlines() if line[:4] == "USER"
    ]

    assert users == ["USER 50000:50000"]
