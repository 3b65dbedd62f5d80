"""Real parts for the tests: one PostgreSQL for the session, a database of its own for each test."""

import gc
import os
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from answering import answering
from databases import Databases
from evergreen.records import Records
from evergreen.settings import PROJECT, Settings
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from s3 import Bucket, Endpoint
from tools import PATIENCE, tool
from webhook import Webhook

SYSTEM_TOOLS = {"amtool", "chromium", "pgbouncer", "promtool"}
"""The fixtures that give them."""

OPTIONS = ("fsync=off", "synchronous_commit=off", "max_connections=300")
"""Of the tests' PostgreSQL: nothing need outlive it, and much is open at once."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

LONGEST = (
    "tests/midnights/",
    "tests/workers/",
    "tests/end_to_end/",
    "tests/browser/",
    "tests/elsewhere/",
    "tests/evergreen_workshop/stack/test_local.py",
    "tests/figures/",
    "tests/test_two_homes.py",
    "tests/test_walks.py",
    "tests/learning/test_model_folder.py",
    "tests/serving/",
)
"""Where tests take minutes, not seconds: what comes last should be small."""

if TYPE_CHECKING:
    from playwright.sync_api import Browser

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
# As in the stack: threads of several tests at once would wait for each other (33 s for one fit).
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Each test has a database of its own: a pool for each would use up the server's connections, and a
# connection for each question takes a quarter of a test that trains.
os.environ["MLFLOW_SQLALCHEMYSTORE_POOL_SIZE"] = "1"


def pytest_configure(config: pytest.Config) -> None:
    """Beside Airflow, skops touches every old name that Airflow warns of."""
    config.addinivalue_line("filterwarnings", "ignore:The `airflow")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for a tool of the system, and let the longest files begin.

    What a stack needs to come up is taken from nobody's time: it has its own.
    """
    items.sort(key=_place)
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if SYSTEM_TOOLS & fixtures:
            item.add_marker("system")
        if "stack" in fixtures:
            item.add_marker(pytest.mark.timeout(600, func_only=True))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no rubbish in what is imported, nor while it is: it took a tenth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def _place(item: pytest.Item) -> int:
    """Return whose turn it is; what brings a cluster of its own comes before the stack is up."""
    begins = (n for n, longest in enumerate(LONGEST) if item.nodeid.startswith(longest))
    return next(begins, len(LONGEST))


class ByFile(LoadScopeScheduling):
    """Keeps the tests of a file in one process, and all that share the stack in another.

    The walks share nothing, and go one by one.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.endswith("test_walks.py"):
            return nodeid
        return "the stack" if "end_to_end/" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Hand out the tests that way."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server of this session's own."""
    home = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(home, free_port(), options=OPTIONS)
    server.start()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Databases:
    """Databases with our empty tables, to copy: to migrate takes longer than many a test."""
    postgres.create_database("records_template")
    with Records(postgres.url("records_template"), kept=0) as kept:
        kept.migrate()
    return Databases(postgres, "test", "records_template")


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A database with our empty tables, as the first who opens the records would make them."""
    with databases.lend() as url:
        yield url


@pytest.fixture(scope="session")
def blank_databases(postgres: EmbeddedPostgres) -> Databases:
    """Databases without a table."""
    return Databases(postgres, "blank")


@pytest.fixture
def blank_url(blank_databases: Databases) -> Iterator[str]:
    """A database without a table."""
    with blank_databases.lend() as url:
        yield url


@pytest.fixture(scope="session")
def mlflow_template(postgres: EmbeddedPostgres) -> str:
    """A database with MLflow's tables and default experiment: to create them takes seconds."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    postgres.create_database("mlflow_template")
    store = SqlAlchemyStore(_sqlalchemy(postgres.url("mlflow_template")), "/nowhere")
    store.engine.dispose()
    return "mlflow_template"


@pytest.fixture(scope="session")
def mlflow_databases(postgres: EmbeddedPostgres, mlflow_template: str) -> Databases:
    """Databases with MLflow's empty tables."""
    return Databases(postgres, "mlflow", mlflow_template)


@pytest.fixture
def tracking_uri(mlflow_databases: Databases) -> Iterator[str]:
    """MLflow's database of this test."""
    with mlflow_databases.lend() as url:
        yield _sqlalchemy(url)


@pytest.fixture
def settings(tmp_path: Path, database_url: str, tracking_uri: str) -> Settings:
    """Settings of a project whose state lives in the test's folder."""
    return Settings(
        home=tmp_path,
        database_url=database_url,
        tracking_uri=tracking_uri,
        artifacts_url=str(tmp_path / "artifacts"),
        use_cases_dir=PROJECT / "include" / "use_cases",
        expectations_dir=PROJECT / "expectations",
    )


@pytest.fixture
def records(database_url: str) -> Iterator[Records]:
    """The records of the test's database."""
    with Records(database_url) as kept:
        yield kept


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Somebody to tell."""
    with answering(Webhook()) as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """A headless browser."""
    from playwright.sync_api import expect, sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    expect.set_options(timeout=PATIENCE)
    program = tool(*BROWSERS, of="make test-system")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' own check of rules and configuration."""
    return tool("promtool", of="make test-system")


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Alertmanager's own check of its configuration and of its routes."""
    return tool("amtool", of="make test-system")


@pytest.fixture(scope="session")
def pgbouncer() -> Path:
    """What lets many share few sessions of PostgreSQL."""
    return tool("pgbouncer", of="make test-system")


@pytest.fixture(scope="session")
def redis() -> Path:
    """Where Celery's tasks wait for a worker."""
    return tool("redis-server", of="make test-workers")


@pytest.fixture(scope="session")
def s3() -> Iterator[Endpoint]:
    """An S3 endpoint on loopback."""
    endpoint = Endpoint(free_port())
    yield endpoint
    endpoint.stop()


@pytest.fixture
def bucket(s3: Endpoint) -> Bucket:
    """An empty bucket."""
    return s3.bucket()


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg2://")


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Airflow, imported with a home of its own and without its warnings of import time."""
    os.environ["AIRFLOW_HOME"] = str(tmp_path_factory.mktemp("airflow"))
    os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = "x" * 64
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import airflow.sdk.execution_time.context  # noqa: F401
