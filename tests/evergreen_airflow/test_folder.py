"""Which files are read, and which DAGs made, for the dag-processor and for a task."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from evergreen.errors import DeclarationError
from evergreen.settings import PROJECT
from evergreen.spec.pace import spread

WANTED = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"
"""What Airflow tells the process of a task."""


@pytest.fixture
def folder(airflow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two use cases, and one that tells on whoever reads it."""
    for name in ("iris", "churn"):
        shutil.copy(PROJECT / "include" / "use_cases" / f"{name}.py", tmp_path)
    tell = "import pathlib\npathlib.Path(__file__).with_suffix('.read').touch()\n1 / 0\n"
    (tmp_path / "telltale.py").write_text(tell)
    monkeypatch.setenv("EVERGREEN_USE_CASES_DIR", str(tmp_path))
    monkeypatch.setenv("EVERGREEN_DAG_PREFIX", "ml_")
    return tmp_path


def made(folder: Path) -> set[str]:
    from evergreen_airflow import use_case_dags

    return set(use_case_dags(folder, prefix="ml_"))


@pytest.mark.parametrize(
    ("dag_id", "found", "reads_all"),
    [
        ("ml_iris_training", {"ml_iris_training"}, False),
        ("ml_churn_scoring", {"ml_churn_scoring"}, False),
        ("ml_telltale_training", set(), True),
        ("ml_operations_rollback", {"ml_operations_rollback"}, True),
        ("ml_operations_watchdog", {"ml_operations_watchdog"}, True),
        ("ml_gone_training", set(), True),
        ("of_somebody_else", set(), True),
    ],
)
def test_a_task_reads_its_own_use_case_and_makes_its_own_dag(
    folder: Path, monkeypatch: pytest.MonkeyPatch, dag_id: str, found: set[str], reads_all: bool
) -> None:
    monkeypatch.setenv(WANTED, dag_id)

    assert made(folder) == found
    assert (folder / "telltale.read").exists() is reads_all


def test_the_dag_processor_makes_all_of_them(folder: Path) -> None:
    found = made(folder)

    own = {
        f"ml_{name}_{story}" for name in ("iris", "churn") for story in ("training", "monitoring")
    }
    assert own | {"ml_churn_scoring", "ml_operations_watchdog"} < found
    assert not [dag_id for dag_id in found if "telltale" in dag_id]


def test_where_no_file_loads_somebody_still_looks_after_what_is_served(folder: Path) -> None:
    for name in ("iris", "churn"):
        (folder / f"{name}.py").write_text("1 / 0\n")

    from evergreen_airflow import use_case_dags

    found = use_case_dags(folder, prefix="ml_")

    assert {"ml_operations_watchdog", "ml_operations_rollback"} <= set(found)
    choice = found["ml_operations_rollback"].params.get_param("use_case").schema["enum"]
    assert choice == ["churn", "iris", "telltale"]


@pytest.mark.parametrize("made", [True, False])
def test_where_there_is_no_use_case_the_watchdog_tells_of_what_is_served(
    airflow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    from evergreen_airflow import use_case_dags

    place = tmp_path / "use_case"
    monkeypatch.setenv("EVERGREEN_USE_CASES_DIR", str(place))
    if made:
        place.mkdir()

    assert set(use_case_dags()) == {"operations_watchdog"}


def test_a_folder_that_is_not_there_shows_as_a_broken_dag_file(
    airflow: None, tmp_path: Path
) -> None:
    from evergreen_airflow import refuse_broken

    refuse_broken(tmp_path)
    with pytest.raises(DeclarationError, match="use_case'; allowed: a folder that is there"):
        refuse_broken(tmp_path / "use_case")


TASKS = "{'train': Task(timeout=timedelta(hours=20))}"


@pytest.mark.parametrize(("tasks", "hours"), [("{}", 6), (TASKS, 42)])
def test_what_a_form_fits_may_take_as_long_as_the_longest_training(
    folder: Path, tasks: str, hours: int
) -> None:
    from evergreen_airflow import use_case_dags

    spelled = "from dataclasses import replace\nfrom datetime import timedelta\n"
    spelled += "from evergreen.spec import Task\n"
    with (folder / "iris.py").open("a") as file:
        file.write(f"\n{spelled}USE_CASE = replace(USE_CASE, tasks={tasks})\n")

    dags = use_case_dags(folder, prefix="ml_")

    for dag_id, step in (
        ("backfill", "train_and_evaluate"), ("replay", "replay"), ("promote", "promote"),
    ):  # fmt: skip
        dag = dags[f"ml_operations_{dag_id}"]
        granted = dag.get_task(step).execution_timeout
        assert granted >= timedelta(hours=hours)
        assert dag.dagrun_timeout >= granted


@pytest.mark.parametrize("minutes", ["0", "30"])
def test_what_presets_make_due_at_once_is_spread_if_it_is_to_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch, minutes: str
) -> None:
    from evergreen_airflow import use_case_dags

    monkeypatch.setenv("EVERGREEN_SPREAD", minutes)

    dags = use_case_dags(folder, prefix="ml_")

    for story, declared in (("training", "@daily"), ("monitoring", "@hourly")):
        expected = declared if minutes == "0" else spread(declared, "iris", 30)
        assert dags[f"ml_iris_{story}"].schedule == expected
    assert dags["ml_operations_watchdog"].schedule == "*/5 * * * *"
