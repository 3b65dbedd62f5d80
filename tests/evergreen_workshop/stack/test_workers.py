"""Each of Celery's workers has folders of its own, and all else of the stack."""

from pathlib import Path

from rich.console import Console

from evergreen_workshop.stack import workers
from evergreen_workshop.stack.clock import Clock
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import Stack, command
from evergreen_workshop.stack.progress import Progress


def test_a_worker_has_folders_and_a_name_of_its_own(tmp_path: Path) -> None:
    stack = Stack(Layout(tmp_path), Progress(Console(quiet=True)))
    house = {"EVERGREEN_HOME": "/house", "EVERGREEN_STORE_URL": "s3://shared"}

    found = [stack.variables_of(name, house) for name in ("worker-one", "worker-two")]

    assert [each["EVERGREEN_HOME"] for each in found] == [
        str(tmp_path / "worker-one" / "state"),
        str(tmp_path / "worker-two" / "state"),
    ]
    assert {each["EVERGREEN_STORE_URL"] for each in found} == {"s3://shared"}
    assert command("worker-one", stack.layout, {"EVERGREEN_MLFLOW_PORT": "1"})[-1] == (
        "worker-one@here"
    )


def test_a_workers_tasks_load_the_clock_of_the_stack(tmp_path: Path) -> None:
    stack = Stack(Layout(tmp_path), Progress(Console(quiet=True)))
    clock = Clock.build(stack.layout.clock)

    assert clock.variables.items() <= stack.variables_of("worker-one", {}).items()


def test_the_workers_of_a_stack_are_those_that_were_started(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.create()
    assert workers.names(layout) == ()

    for name in ("worker-two", "worker-one", "scheduler"):
        layout.pid(name).touch()

    assert workers.names(layout) == ("worker-one", "worker-two")


def test_mlflow_answers_under_the_names_that_the_user_allows_beside_its_own(tmp_path: Path) -> None:
    env = {"EVERGREEN_MLFLOW_PORT": "1", "MLFLOW_SERVER_ALLOWED_HOSTS": "lab:*"}

    found = command("mlflow", Layout(tmp_path), env)

    assert found[found.index("--allowed-hosts") + 1] == "127.0.0.1:1,localhost:1,lab:*"
