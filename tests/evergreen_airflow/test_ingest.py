"""The ingest DAG: one task that lands what has come, and tells it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_edge import running

from database import query
from evergreen.settings import Settings
from evergreen.spec import Api, Files
from evergreen.spec.pace import spread
from ingest.conftest import Server, orders, server

pytestmark = pytest.mark.usefixtures("airflow")
__all__ = ["server"]


@pytest.fixture(autouse=True)
def the_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)


def run(source: Files | Api, **form: Any) -> tuple[list[dict[str, Any]], str]:
    """Run the task; return what it returns, and the sentence that it tells."""
    from evergreen_airflow.ingest import ingest_dag

    with running(**form) as ti:
        ti.task_id, ti.map_index = "land", -1
        landed = ingest_dag(orders(source)).get_task("land").python_callable()
    return landed, ti.pushed["evergreen_outcome"]


def test_tells_each_new_file_and_how_it_was_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;x\n1;1,5\n")
    files = Files(url=str(tmp_path / "*.csv"))

    landed, told = run(files)
    again, nothing = run(files)

    assert [one["rows"] for one in landed] == [1]
    assert told.endswith("a.csv: `;` separated, UTF-8, decimal comma.")
    assert (again, nothing) == ([], "Nothing is new; 1 were landed before.")


def test_a_refusal_fails_at_once_in_its_own_words(tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    (tmp_path / "a.csv").write_text("id,x\n1,2\n1,3\n")

    with pytest.raises(AirflowFailException, match="the key id repeats: 1 in 2 rows"):
        run(Files(url=str(tmp_path / "*.csv")))


def test_a_run_at_midnight_asks_an_api_for_the_day_that_has_ended(
    server: Server, settings: Settings
) -> None:
    server.answers["/?day=2026-11-20"] = [{"id": 1}]

    run(Api(url=f"{server.url}/?day={{day}}"))

    assert query(settings.database_url, "SELECT id FROM orders") == [(1,)]


def test_the_form_may_name_another_day(server: Server, settings: Settings) -> None:
    server.answers["/?day=2026-11-01"] = [{"id": 2}]

    run(Api(url=f"{server.url}/?day={{day}}"), day="2026-11-01")

    assert query(settings.database_url, "SELECT id FROM orders") == [(2,)]


def test_many_files_are_told_in_short(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"{n}.csv").write_text(f"id\n{n}\n")

    landed, told = run(Files(url=str(tmp_path / "*.csv")))

    assert len(landed) == 20
    assert told.endswith("And 10 before them.")


@pytest.mark.parametrize(
    ("schedule", "minutes", "due"),
    [
        ("@daily", "0", True),
        ("0 3 * * *", "0", False),
        (spread("@daily", "orders", 30), "30", True),
        (spread("@daily", "orders", 30), "0", False),
    ],
)
def test_a_training_waits_for_the_ingest_that_is_due_with_it_alone(
    monkeypatch: pytest.MonkeyPatch, schedule: str, minutes: str, due: bool
) -> None:
    from evergreen_airflow.ingest import same_schedule

    monkeypatch.setenv("EVERGREEN_SPREAD", minutes)

    assert same_schedule(orders(Files(url="/data/*.csv")), schedule) is due


def test_what_a_training_waits_for_goes_by_the_schedule_that_it_has() -> None:
    from airflow.sdk import get_current_context

    from evergreen_airflow.training import training_dag

    asked: dict[str, Any] = {}
    dag = training_dag(orders(Files(url="/data/*.csv")), schedule="0 3 * * *")
    with running() as ti:
        context: Any = get_current_context()
        context["dag"] = dag
        context["dag_run"].start_date = context["dag_run"].logical_date = datetime.now(UTC)
        ti.get_dr_count = lambda **said: asked.update(said) or 0

        assert dag.get_task("wait_for_ingest").python_callable() is True

    assert "logical_dates" not in asked
    assert "| Runs | `0 3 * * *`," in dag.doc_md
