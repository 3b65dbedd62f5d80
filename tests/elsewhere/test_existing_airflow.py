"""docs/existing-airflow.md, line by line: a plain Airflow outside the checkout, and our wheel."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from database import query
from end_to_end.test_docs import commands
from evergreen.settings import PROJECT
from evergreen_workshop import demo
from evergreen_workshop.stack.airflow import AirflowApi
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from tables import AS_OF
from waiting import eventually

pytestmark = [pytest.mark.end_to_end, pytest.mark.elsewhere]

PAGE = PROJECT / "docs" / "existing-airflow.md"
BUILD, INSTALL, CONNECT, *START, OPENLINEAGE = commands(PAGE)
PROMOTED = "SELECT version FROM evergreen.promotions"
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname = 'evergreen'"
OURS = re.compile("EVERGREEN|MLFLOW|AIRFLOW|PYTHON|VIRTUAL_ENV")
FEED = """
from airflow.sdk import DAG, Asset, task

with DAG("feed", schedule=None):

    @task(outlets=[Asset("flowers")])
    def feed(): ...

    feed()
"""
STARTS = "SELECT sentence FROM evergreen.decisions WHERE kind = 'trigger' ORDER BY created_at"
FOLLOWED = """
SELECT x.value #>> '{}' FROM xcom x JOIN dag_run r ON r.id = x.dag_run_id
WHERE r.dag_id = 'publish_iris' AND x.key = 'return_value'
"""


def block(language: str, number: int = 0) -> str:
    """A block of the page, as a reader would copy it."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[number]


class Elsewhere:
    """A folder that knows nothing of the checkout: an Airflow, its DAGs, and somebody's data."""

    def __init__(self, folder: Path, postgres: EmbeddedPostgres) -> None:
        self.folder, self.postgres = folder, postgres
        self.bin, self.dags = folder / "venv" / "bin", folder / "dags"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.mlflow = f"http://127.0.0.1:{free_port()}"
        for name in ("records", "warehouse", "airflow", "mlflow"):
            postgres.create_database(f"elsewhere_{name}")
        self.env = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        self.env |= {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "DIST": str(folder / "dist"),
            "AIRFLOW_PYTHON": str(self.bin / "python"),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database("airflow", "postgresql+psycopg2"),
            "AIRFLOW__API__PORT": self.url.rpartition(":")[2],
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "EVERGREEN_HOME": str(folder / "state"),
            "EVERGREEN_USE_CASES_DIR": str(self.dags / "use_cases"),
            "EVERGREEN_DAG_PREFIX": "ml_",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(folder / "lineage"), "append": False}
            ),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        self.started: list[subprocess.Popen[bytes]] = []

    def database(self, name: str, scheme: str = "postgresql") -> str:
        return self.postgres.url(f"elsewhere_{name}").replace("postgresql", scheme, 1)

    def run(self, command: str, folder: Path | None = None) -> str:
        """Run a line of the page."""
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=folder or self.folder, env=self.env,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def start(self, *command: str) -> None:
        with (self.folder / f"{Path(command[0]).name}.log").open("wb") as log:
            self.started.append(
                subprocess.Popen(
                    command, cwd=self.folder, env=self.env, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                )
            )  # fmt: skip

    def stop(self) -> None:
        for process in self.started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def elsewhere(tmp_path: Path, postgres: EmbeddedPostgres) -> Iterator[Elsewhere]:
    place = Elsewhere(tmp_path, postgres)
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, tmp_path / "venv"], check=True)
    plain = ("apache-airflow", "asyncpg", "--constraint", PROJECT / "requirements.txt")
    install = (uv, "pip", "install", "-q", "--python", tmp_path / "venv")
    subprocess.run([*install, *plain], check=True)
    yield place
    place.stop()


def declare(place: Elsewhere) -> None:
    """Write what the user writes: a use case, its suite, and the two DAG files of the page."""
    (place.dags / "use_cases").mkdir(parents=True)
    (place.dags / "expectations").mkdir()
    iris = (PROJECT / "include" / "use_cases" / "iris.py").read_text()
    waiting = iris.replace("USE_CASE = UseCase(", 'USE_CASE = UseCase(schedule=Assets("flowers"),')
    (place.dags / "use_cases" / "iris.py").write_text(
        waiting.replace("evergreen.spec import ", "evergreen.spec import Assets, ", 1)
    )
    shutil.copy(PROJECT / "expectations" / "iris.json", place.dags / "expectations")
    (place.dags / "evergreen_dags.py").write_text(block("python", 0))
    (place.dags / "evergreen_broken.py").write_text(block("python", 1))
    (place.dags / "follow.py").write_text(block("python", 2))
    (place.dags / "feed.py").write_text(FEED)
    (place.folder / "passwords.json").write_text('{"ada": "correct horse"}')


def connect(place: Elsewhere) -> None:
    """Fill the page's connections in, the warehouse by a role that may only read."""
    demo.load("iris", place.database("warehouse"), AS_OF.date())
    with_password = block("sql").replace("PASSWORD 'PASSWORD'", "PASSWORD 'p'")
    query(place.database("warehouse"), f"{with_password} SELECT 1")
    server = place.database("warehouse").partition("@")[2]
    known = json.loads(block("json"))
    known["evergreen_records"] = place.database("records")
    known["evergreen_warehouse"] = f"postgresql://reader:p@{server}"
    known["evergreen_mlflow"] = place.mlflow
    (place.folder / "connections.json").write_text(json.dumps(known))


@pytest.mark.timeout(2400)
def test_from_a_wheel_to_a_champion(elsewhere: Elsewhere) -> None:
    elsewhere.run(BUILD, PROJECT)
    elsewhere.run(INSTALL, PROJECT)
    elsewhere.run(OPENLINEAGE, PROJECT)
    declare(elsewhere)
    connect(elsewhere)
    elsewhere.start(
        *(str(elsewhere.bin / "mlflow"), "server", "--port", elsewhere.mlflow.rpartition(":")[2]),
        *("--backend-store-uri", elsewhere.database("mlflow", "postgresql+psycopg2")),
        *("--artifacts-destination", str(elsewhere.folder / "artifacts"), "--workers", "1"),
    )
    elsewhere.run("airflow db migrate")
    elsewhere.run(CONNECT)
    elsewhere.start(str(elsewhere.bin / "airflow"), "standalone")
    api = AirflowApi(elsewhere.url, "ada", "correct horse")

    for dag in ("ml_iris_training", "publish_iris", "feed"):
        eventually(lambda dag=dag: api.dag(dag), "the DAG")
    elsewhere.run("airflow dags unpause publish_iris && airflow dags unpause feed")
    for command in START:
        elsewhere.run(command)
    run = eventually(lambda: api.active_run("ml_iris_training"), "the run")
    state = eventually(
        lambda: (s := api.state("ml_iris_training", run)) in {"success", "failed"} and s, "its end"
    )

    assert state == "success", (elsewhere.folder / "airflow.log").read_text()[-5000:]
    assert ">v1</td>" in api.page("/evergreen/models/")
    page = api.page("/evergreen/models/iris/")
    assert "Version 1" in page
    assert 'href="/dags/ml_iris_training"' in page
    assert api.import_errors() == {}
    assert query(elsewhere.database("records"), PROMOTED) == [(1,)]
    assert query(elsewhere.database("warehouse"), SCHEMAS) == []
    check_the_follower(elsewhere)
    check_the_lineage(elsewhere)
    check_the_asset(elsewhere)


def check_the_follower(place: Elsewhere) -> None:
    """The DAG of the page that waits for a champion hears of the first one, and which it is."""
    heard = eventually(lambda: query(place.database("airflow"), FOLLOWED), "the follower")
    assert heard == [("1",)]


def check_the_asset(place: Elsewhere) -> None:
    """An update of the asset that the use case waits for starts a training, which says so."""
    place.run("airflow dags trigger feed")
    records = place.database("records")
    sentences = eventually(
        lambda: (told := query(records, STARTS)) and len(told) > 1 and told, "the next training"
    )
    assert sentences[-1] == ("An update of flowers asked for it.",)


def check_the_lineage(place: Elsewhere) -> None:
    """Every dataset is on the way from the table to the model, by OpenLineage's own events."""
    events = [json.loads(file.read_text()) for file in place.folder.glob("lineage*")]
    way = {
        (one["name"], other["name"]): other["facets"]
        for event in events
        for one in event["inputs"]
        for other in event["outputs"]
    }
    snapshot = next(to for (start, to) in way if start == "elsewhere_warehouse.public.iris")
    facets = way["elsewhere_warehouse.public.iris", snapshot]
    [origin] = facets["columnLineage"]["fields"]["species"]["inputFields"]
    assert (origin["name"], origin["field"]) == ("elsewhere_warehouse.public.iris", "species")
    assert way[snapshot, "iris"]["version"]["datasetVersion"] == "1"
    assert any(start == snapshot and to != "iris" for (start, to) in way)
