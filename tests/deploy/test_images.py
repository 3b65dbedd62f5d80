"""The images, built from their Dockerfiles, and what runs in them (make test-images)."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from database import query
from databases import Databases
from deploy.images import Image, mounted
from deploy.kubernetes_objects import containers, of
from evergreen.settings import PROJECT
from evergreen_workshop.stack.environment import sqlalchemy
from evergreen_workshop.stack.ports import free_port
from serving.conftest import Shop, eventually, shop
from serving.test_app import ROW
from serving.test_server import answers

__all__ = ["shop"]  # a fixture

pytestmark = pytest.mark.images

MOST_MB = 500
NOBODY = 50000


@pytest.fixture(scope="module")
def serve() -> Iterator[Image]:
    """The image of the service."""
    with mounted("evergreen-serve") as found:
        yield found


@pytest.fixture(scope="module")
def airflow_image() -> Iterator[Image]:
    """The image of all that Airflow runs."""
    with mounted("evergreen") as found:
        yield found


@pytest.fixture(params=["serve", "airflow_image"])
def image(request: pytest.FixtureRequest) -> Image:
    """Each of them."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir(mode=0o750)
    os.chown(folder, NOBODY, NOBODY)
    return folder


def given_away(folder: Path) -> Path:
    """The folder with all that is in it, as a volume that belongs to the image's user."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o001)
    return folder


def test_the_service_answers_from_its_image(serve: Image, shop: Shop, tmp_path: Path) -> None:
    ref = shop.promote(shop.put("iris", "logistic"), 1)
    copy = shop.settings.home / "models" / ref.sha256
    copy.parent.mkdir()
    Path(ref.model_uri).rename(copy)
    port = free_port()
    env = {
        "EVERGREEN_DATABASE_URL": shop.settings.database_url,
        "MLFLOW_TRACKING_URI": shop.settings.tracking_uri,
        "EVERGREEN_SERVE_HOST": "127.0.0.1",
        "EVERGREEN_SERVE_PORT": str(port),
    }
    log = tmp_path / "log"

    with serve.started(given_away(shop.settings.home), log, **env):
        eventually(lambda: answers(port), 120)
        health = httpx.get(f"http://127.0.0.1:{port}/health")
        answer = httpx.post(f"http://127.0.0.1:{port}/iris/predict", json={"row": ROW})
        ids = "SELECT id::text FROM evergreen.predictions"
        eventually(lambda: query(shop.settings.database_url, ids), 30)

    assert (health.status_code, health.json()) == (200, {"status": "alive"}), log.read_text()
    assert (answer.status_code, answer.json()["engine"]) == (200, "onnx")
    assert query(shop.settings.database_url, ids) == [(answer.json()["id"],)]


def test_airflow_migrates_its_database_and_lists_our_dags(
    airflow_image: Image, volume: Path, blank_url: str
) -> None:
    env = {
        "AIRFLOW_HOME": "/var/lib/evergreen/airflow",
        "AIRFLOW__CORE__DAGS_FOLDER": "/opt/evergreen/dags",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlalchemy(blank_url),
    }

    for command in ("airflow db migrate", "airflow dags reserialize"):
        done = airflow_image.run(volume, *command.split(), **env)
        assert done.returncode == 0, done.stdout + done.stderr
    done = airflow_image.run(volume, "airflow", "dags", "list", "--output", "json", **env)

    assert '[{"' in done.stdout, done.stdout + done.stderr
    listed = {each["dag_id"] for each in json.loads(done.stdout[done.stdout.index("[{") :])}
    assert {"iris_training", "iris_monitoring", "operations_watchdog"} <= listed


def test_the_migrations_of_kubernetes_migrate(
    airflow_image: Image, volume: Path, blank_databases: Databases
) -> None:
    pod = of("local", "Job", "migrate")["spec"]["template"]["spec"]
    with blank_databases.lend() as ours, blank_databases.lend() as mlflows:
        env = {
            "EVERGREEN_DATABASE_URL": ours,
            "MLFLOW_BACKEND_STORE_URI": sqlalchemy(mlflows),
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:1",  # nobody asks it
        }
        for container in containers(pod) * 2:  # again: nothing
            command = [env.get(word[2:-1], word) for word in container["command"]]
            done = airflow_image.run(volume, *command, **env)
            assert done.returncode == 0, done.stdout + done.stderr

        assert query(ours, "SELECT count(*) FROM evergreen.predictions") == [(0,)]
        assert query(mlflows, "SELECT count(*) FROM registered_models") == [(0,)]


def test_the_command_line_works_in_the_image_of_airflow(airflow_image: Image, volume: Path) -> None:
    done = airflow_image.run(volume, "evergreen", "validate", "--json")

    assert done.returncode == 0, done.stderr
    assert {each["name"] for each in json.loads(done.stdout)} >= {"churn", "iris", "weather"}


def test_the_probes_of_airflows_chart_find_what_they_call(
    airflow_image: Image, volume: Path
) -> None:
    done = airflow_image.run(volume, "sh", "-c", "exec /entrypoint airflow version")

    assert (done.returncode, done.stdout.split()[-1:]) == (0, ["3.3.2"]), done.stderr


def test_what_lightgbm_asks_of_the_system_is_there(image: Image, volume: Path) -> None:
    done = image.run(volume, "python", "-c", "import ctypes; ctypes.CDLL('libgomp.so.1')")

    assert done.returncode == 0, done.stderr


def test_nobody_special_runs_and_writes_to_the_volume_only(image: Image, volume: Path) -> None:
    tried = image.run(
        volume, "sh", "-c",
        "id -u; id -g; grep CapEff /proc/self/status; touch /var/lib/evergreen/mine;"
        " touch /opt/evergreen/mine /mine /opt/mine",
    )  # fmt: skip

    assert image.about["config"]["User"] == f"{NOBODY}:{NOBODY}"
    user, group, capabilities = tried.stdout.splitlines()
    assert (user, group) == (str(NOBODY), str(NOBODY))
    assert int(capabilities.split()[1], 16) == 0
    assert (volume / "mine").exists()
    assert tried.stderr.count("Read-only file system") == 3, tried.stderr


def test_no_process_compiles_our_code_anew(image: Image, volume: Path) -> None:
    told = image.run(volume, "python", "-v", "-c", "import evergreen.serving.app").stderr

    ours = re.findall(r"code object from '?(/opt/evergreen/include/[^'\s]+)", told)
    assert ours
    assert not [file for file in ours if not file.endswith(".pyc")]


def test_there_is_no_compiler(image: Image, volume: Path) -> None:
    found = image.run(volume, "sh", "-c", "command -v gcc cc c++ clang make uv; true")

    assert found.stdout == ""


def test_there_is_no_test_of_ours_and_no_secret(image: Image) -> None:
    ours = {path.name for path in (image.root / "opt" / "evergreen").iterdir()}

    assert ours.isdisjoint({"tests", "benchmarks", ".git", ".env", ".evergreen"})
    assert not [name for name in image.environment if re.search("PASSWORD|SECRET|KEY|TOKEN", name)]
    assert not re.search(r"://\S+:\S+@", json.dumps(image.about["history"]))


def test_labels_are_ocis(image: Image) -> None:
    labels = image.about["config"]["Labels"]

    prefix = "org.opencontainers.image."
    names = ("title", "description", "version", "revision", "licenses")
    known = {f"{prefix}{name}" for name in names}
    assert known <= set(labels)
    assert labels[f"{prefix}version"] == "0.1.0"
    assert all(labels[name] for name in known)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", image.about["digest"])


def test_the_services_image_is_small(serve: Image, airflow_image: Image) -> None:
    small, large = (each.about["size"] / 1e6 for each in (serve, airflow_image))

    print(f"evergreen-serve: {small:.0f} MB, evergreen: {large:.0f} MB, unpacked")  # noqa: T201
    assert small < MOST_MB


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.serve"])
def test_packages_come_before_code(dockerfile: str) -> None:
    final = (PROJECT / dockerfile).read_text().rpartition("FROM ${BASE_IMAGE}")[2]

    copied = re.findall(r"^COPY (?:--from=(\w+) )?(\S+)", final, re.MULTILINE)
    assert copied[0][0] == "packages"
    assert next(source for stage, source in copied if not stage)
