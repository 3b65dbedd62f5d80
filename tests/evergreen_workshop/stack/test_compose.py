"""The container stack, as far as it can be checked where no Docker engine runs."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from evergreen.backups import story
from evergreen.settings import PROJECT, Variables, complete
from evergreen_workshop.stack import container, environment
from tools import tool

FILE = PROJECT / "docker-compose.yaml"
SCHEMA = Path(__file__).parent / "vendor" / "compose-spec.json"
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
OF_THE_IMAGE = {
    "EVERGREEN_USE_CASES_DIR", "EVERGREEN_EXPECTATIONS_DIR", "EVERGREEN_COMMIT",
    "MLFLOW_BACKEND_STORE_URI",
}  # fmt: skip
"""Settings that the image has, or that Airflow is not told."""
DOCKERFILES = ("Dockerfile", "Dockerfile.serve")
PATHS = {"PATH": os.environ["PATH"]}
ONCE = {"init", "mlflow-migrate", "backup"}
"""Services that do their work and end."""
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}


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
    others = {"postgres", "mlflow", "serve", "prometheus", "alertmanager", "grafana"}
    assert set(answer.stdout.split()) == others | (ONCE | AIRFLOW) - {"worker", "backup"}


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
    assert {name for name, service in services.items() if "healthcheck" not in service} == ONCE


@pytest.mark.parametrize(("keys", "first"), [("", ""), ("one", "one"), ("one two", "one"),
                                              ("one,two", "one")])  # fmt: skip
def test_prometheus_asks_by_the_first_of_the_keys(
    services: dict[str, Any], tmp_path: Path, keys: str, first: str
) -> None:
    shell, flag, script, name = services["prometheus"]["entrypoint"]
    [file] = re.findall(r"/run/secrets/\w+", script)
    scrapes = yaml.safe_load((PROJECT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    [ours] = [job for job in scrapes["scrape_configs"] if job["job_name"] == "evergreen"]
    here = script.replace("$$", "$").replace(file, str(tmp_path / "key"))

    subprocess.run(
        [shell, flag, here, name, "true"], check=True, env={"EVERGREEN_API_KEYS": keys, **PATHS}
    )

    assert (tmp_path / "key").read_text() == first
    assert ours["basic_auth"]["password_file"] == file
    assert services["prometheus"]["command"][0] == "/bin/prometheus"


def test_mlflows_database_is_brought_up_to_date_before_it_starts(services: dict[str, Any]) -> None:
    migrate, server = services["mlflow-migrate"], services["mlflow"]

    assert migrate["command"][-1].startswith("exec mlflow db upgrade ")
    assert (migrate["image"], migrate["restart"]) == (server["image"], "no")
    assert server["depends_on"]["mlflow-migrate"]["condition"] == "service_completed_successfully"
    uri = "MLFLOW_BACKEND_STORE_URI"
    assert migrate["environment"][uri] == server["environment"][uri]


@pytest.mark.parametrize(("lines", "place"), [
    ("", None),
    ("MLFLOW_TRACKING_URI=https://my.own", ""),
    ("MLFLOW_TRACKING_URI=https://my.own\nMLFLOW_BACKEND_STORE_URI=postgresql://my/db",
     "postgresql://my/db"),
])  # fmt: skip
def test_a_backup_is_told_where_mlflows_database_is(
    env_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, place: str | None
) -> None:
    mine = tmp_path / "env"
    mine.write_text(f"{env_file.read_text()}{lines}\n")

    answer = compose(mine, "--profile", "*", "config", "--format", "json")

    told = json.loads(answer.stdout)["services"]
    server = told["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"]
    for name in ("EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI"):
        monkeypatch.setenv(name, told["backup"]["environment"][name])
    assert story.mlflow_url(complete(Variables())) == (server if place is None else place)


@pytest.mark.parametrize("name", sorted(AIRFLOW - {"api-server"}))
def test_the_api_server_answers_before_anything_that_runs_tasks(
    name: str, services: dict[str, Any]
) -> None:
    needs = services[name]["depends_on"]

    assert needs["api-server"]["condition"] == "service_healthy"
    assert services["api-server"]["depends_on"]["init"]["condition"] == (
        "service_completed_successfully"
    )


def test_redis_the_worker_and_the_backup_come_with_a_profile(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if service.get("profiles")} == {
        "redis",
        "worker",
        "backup",
    }


@pytest.mark.parametrize("name", sorted(AIRFLOW))
def test_airflow_is_configured_as_by_make_up(name: str, services: dict[str, Any]) -> None:
    local = environment.airflow_environment(
        home=Path("/home"), database_url="", ui_url="", port=8080
    )
    local |= environment.QUIET | environment.MODEST
    here = {key: value for key, value in local.items() if key not in OF_THIS_MACHINE}

    assert {key: services[name]["environment"].get(key) for key in here} == here


@pytest.mark.parametrize("name", sorted(AIRFLOW))
def test_every_setting_of_the_example_reaches_airflow(name: str, services: dict[str, Any]) -> None:
    example = (PROJECT / ".env.example").read_text().partition("# --- `make up`")[0]
    settings = set(re.findall(r"^#((?:EVERGREEN|MLFLOW)_[A-Z_]+)=", example, re.MULTILINE))

    assert settings - OF_THE_IMAGE <= set(services[name]["environment"])


def test_what_is_set_is_what_containers_get(env_file: Path, tmp_path: Path) -> None:
    mine = tmp_path / "env"
    mine.write_text(
        env_file.read_text() + "EVERGREEN_DATABASE_URL=postgresql://my.own/db\n"
        "MLFLOW_TRACKING_URI=https://my.own\nEVERGREEN_PRUNE=true\n"
    )

    answer = compose(mine, "config", "--format", "json")

    told = json.loads(answer.stdout)["services"]
    for name in ("scheduler", "serve"):
        got = told[name]["environment"]
        assert got["EVERGREEN_DATABASE_URL"] == "postgresql://my.own/db"
        assert got["MLFLOW_TRACKING_URI"] == "https://my.own"
    assert told["scheduler"]["environment"]["EVERGREEN_PRUNE"] == "true"


def test_only_the_init_job_knows_the_password_of_the_ui(services: dict[str, Any]) -> None:
    knowing = {
        name
        for name, service in services.items()
        if environment.PASSWORD in service.get("environment", {})
    }

    assert knowing == {"init"}


def test_the_service_knows_no_secret_but_its_databases_and_its_keys(
    services: dict[str, Any], env_file: Path
) -> None:
    from dotenv import dotenv_values

    told = str(services["serve"]["environment"])

    known = {name for name, value in dotenv_values(env_file).items() if value and value in told}
    assert known == {"EVERGREEN_POSTGRES_PASSWORD"}
    assert "EVERGREEN_API_KEYS" in services["serve"]["environment"]


def test_the_service_keeps_its_predictions_through_a_restart(services: dict[str, Any]) -> None:
    [volume] = services["serve"]["volumes"]

    assert (volume["type"], volume["target"]) == ("volume", "/var/lib/evergreen")


def lines_of(dockerfile: str) -> list[str]:
    return (PROJECT / dockerfile).read_text().splitlines()


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_the_dockerfiles_have_nothing_to_criticise(dockerfile: str) -> None:
    answer = subprocess.run(
        [tool("hadolint"), str(PROJECT / dockerfile)], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stdout


def test_the_images_get_what_they_copy() -> None:
    copies = [
        line for file in DOCKERFILES for line in lines_of(file) if line.startswith("COPY") and
        "--from" not in line
    ]  # fmt: skip
    copied = {source for line in copies for source in line.split()[1:-1]}
    allowed = (PROJECT / ".dockerignore").read_text().splitlines()

    assert all((PROJECT / source).exists() for source in copied)
    folders = {source for source in copied if source.partition("/")[0] not in copied - {source}}
    assert {f"!{source}" for source in folders} == {line for line in allowed if line[0] == "!"}


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_the_images_run_as_nobody_special(dockerfile: str) -> None:
    users = [line for line in lines_of(dockerfile) if line.startswith("USER")]

    assert users == ["USER 50000:50000"]


def test_the_service_has_the_versions_that_the_models_were_trained_with() -> None:
    pins = {file: set(re.findall(r"^\S+==\S+", (PROJECT / file).read_text(), re.MULTILINE))
            for file in ("requirements.txt", "requirements-serve.txt")}  # fmt: skip

    assert pins["requirements-serve.txt"]
    assert pins["requirements-serve.txt"] <= pins["requirements.txt"]
