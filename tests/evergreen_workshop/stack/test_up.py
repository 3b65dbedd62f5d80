"""What `make up` loads before anything could read it."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from evergreen_workshop import demo
from evergreen_workshop.stack import __main__ as commands
from evergreen_workshop.stack.first_training import FirstTraining
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.progress import Progress


@pytest.fixture
def up(tmp_path: Path, blank_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The command, on a stack that is a database without a table; nothing is trained."""
    layout = Layout(tmp_path)
    layout.create()
    layout.login.touch()
    stack = SimpleNamespace(
        layout=layout,
        progress=Progress(Console(file=io.StringIO())),
        up=lambda prepare: prepare(blank_url),
        airflow=None,
        environment={"EVERGREEN_DATABASE_URL": blank_url, "MLFLOW_TRACKING_URI": ""},
    )
    monkeypatch.setattr(commands, "stack", lambda: stack)
    monkeypatch.setattr(commands, "service_url", lambda _: "")
    monkeypatch.setattr(FirstTraining, "run", lambda first, catalog: [])
    monkeypatch.setattr(demo, "names", lambda: ["iris"])
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path))

    def run() -> None:
        assert CliRunner().invoke(commands.app, ["up"], catch_exceptions=False).exit_code == 0

    return run


def test_the_demo_tables_are_loaded(
    up: Callable[[], None], blank_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVERGREEN_WAREHOUSE_URL", raising=False)

    up()

    assert demo.is_loaded("iris", blank_url)


def test_none_is_loaded_where_a_warehouse_of_ones_own_is_read(
    up: Callable[[], None], blank_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_WAREHOUSE_URL", database_url)

    up()

    assert not demo.is_loaded("iris", blank_url)
    assert not demo.is_loaded("iris", database_url)
