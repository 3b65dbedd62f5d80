import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from bag import USE_CASES, Report, load_dags
from evergreen.catalog import load
from evergreen.spec.tasks import STEPS as STEPS_OF_ALL

STEPS = ["extract", "validate", "build_features", "train", "evaluate", "gate", "fit", "promote"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return load_dags(tmp_path_factory.mktemp("home"), USE_CASES)


def test_every_dag_file_loads(report: Report) -> None:
    assert report["import_errors"] == {}


def test_every_use_case_has_its_training_dag_with_its_schedule(report: Report) -> None:
    for name, use_case in load(USE_CASES).use_cases.items():
        dag = report["dags"][f"{name}_training"]

        assert dag["owner"] == use_case.owner
        assert dag["schedule"] == use_case.schedule


def test_every_dag_says_who_owns_it_and_what_it_does(report: Report) -> None:
    for dag_id, dag in report["dags"].items():
        assert dag["owner"] not in {"", "airflow"}, dag_id
        assert "evergreen" in dag["tags"], dag_id
        assert len(dag["doc_md"]) > 100, dag_id


def test_every_dag_runs_once_at_a_time_and_tells_of_its_failure(report: Report) -> None:
    for dag_id, dag in report["dags"].items():
        assert dag["max_active_runs"] == 1, dag_id
        assert dag["catchup"] is False, dag_id
        assert dag["dagrun_timeout"], dag_id
        assert dag["on_failure"], dag_id


def test_what_people_ask_for_and_the_watchdog_are_never_paused_at_first(report: Report) -> None:
    dags = report["dags"]
    awake = {name for name, dag in dags.items() if dag["paused"] is False}
    forms = {
        name for name, dag in dags.items() if name[:11] == "operations_" and not dag["schedule"]
    }

    assert awake == forms | {"operations_watchdog"}


def test_every_task_is_retried_and_ends(report: Report) -> None:
    for dag_id, dag in report["dags"].items():
        for task_id, task in dag["tasks"].items():
            assert task["retries"] >= 4, f"{dag_id}.{task_id}"
            assert task["timeout"], f"{dag_id}.{task_id}"
            assert task["doc"] or task["mapped"], f"{dag_id}.{task_id}"


def test_the_graph_of_a_training_reads_from_extract_to_promote(report: Report) -> None:
    training = report["dags"]["weather_training"]

    chain = [[above, below] for above, below in pairwise(STEPS)]

    assert sorted([*chain, ["build_features", "evaluate"]]) == training["edges"]
    assert training["tasks"]["train"]["mapped"]


def test_a_training_can_be_asked_for_with_a_form(report: Report) -> None:
    form = report["dags"]["iris_training"]["params"]

    assert form == ["as_of", "dry_run", "force_retrain", "note"]


def test_no_field_of_a_form_must_be_filled_in_that_need_not_be(report: Report) -> None:
    asked = {dag_id: dag["must_be_filled_in"] for dag_id, dag in report["dags"].items()}

    assert {dag_id: fields for dag_id, fields in asked.items() if fields} == {
        "operations_rollback": ["reason", "use_case"],
        "operations_backfill": ["from", "use_case"],
        "operations_replay": ["use_case"],
        "operations_promote": ["reason", "use_case"],
        "operations_unpin": ["reason", "use_case"],
        "operations_trial": ["deed", "reason", "use_case"],
        "operations_retire": ["reason", "use_case"],
    }


def test_airflows_own_backfill_is_offered_for_trainings_only(report: Report) -> None:
    for dag_id, dag in report["dags"].items():
        assert dag["backfilled"] == dag_id.endswith("_training"), dag_id


def test_the_graph_of_a_monitoring_ends_with_the_start_of_a_training(report: Report) -> None:
    monitoring = report["dags"]["weather_monitoring"]

    chain = [["collect", "watch"], ["decide", "start_training"], ["watch", "decide"]]

    assert monitoring["edges"] == chain


def test_dag_files_are_parsed_without_what_costs_seconds(report: Report) -> None:
    assert report["heavy"] == []


def test_a_broken_use_case_is_shown_and_leaves_the_others_alone(tmp_path: Path) -> None:
    shutil.copy(USE_CASES / "iris.py", tmp_path)
    (tmp_path / "churn.py").write_text("USE_CASE = 1 / 0\n")

    report = load_dags(tmp_path, tmp_path)

    assert "iris_training" in report["dags"]
    assert list(report["import_errors"]) == ["broken_use_cases.py"]
    assert "churn.py" in report["import_errors"]["broken_use_cases.py"]
    assert "ZeroDivisionError" in report["import_errors"]["broken_use_cases.py"]


def test_a_draft_is_trained_by_hand_only_and_not_watched(tmp_path: Path) -> None:
    declared = (USE_CASES / "iris.py").read_text()
    declared = declared.replace("USE_CASE = UseCase(", "USE_CASE = UseCase(draft=True,")
    (tmp_path / "iris.py").write_text(declared)

    dags = load_dags(tmp_path, tmp_path)["dags"]

    assert dags["iris_training"]["schedule"] is None
    assert "draft" in dags["iris_training"]["tags"]
    assert "evergreen activate iris" in dags["iris_training"]["doc_md"]
    assert "iris_monitoring" not in dags


def test_what_declares_scoring_has_a_dag_for_it_unless_it_is_a_draft(
    report: Report, tmp_path: Path
) -> None:
    declared = (USE_CASES / "churn.py").read_text()
    (tmp_path / "churn.py").write_text(
        declared.replace("USE_CASE = UseCase(", "USE_CASE = UseCase(draft=True,")
    )

    dag, drafts = report["dags"]["churn_scoring"], load_dags(tmp_path, tmp_path)["dags"]

    assert (list(dag["tasks"]), dag["schedule"]) == (["score"], "@daily")
    assert dag["params"] == ["as_of", "end", "note", "start"]
    assert "`predictions.churn`" in dag["doc_md"]
    assert [name for name in report["dags"] if name.endswith("_scoring")] == ["churn_scoring"]
    assert "churn_scoring" not in drafts


def test_what_asks_for_approval_has_a_dag_that_asks(tmp_path: Path) -> None:
    declared = (USE_CASES / "iris.py").read_text()
    declared = declared.replace("import Candidate", "import Release, Candidate").replace(
        "USE_CASE = UseCase(", "USE_CASE = UseCase(release=Release(approval=True),"
    )
    (tmp_path / "iris.py").write_text(declared)

    dags = load_dags(tmp_path, tmp_path)["dags"]

    assert dags["iris_approval"]["edges"] == [
        ["ask", "carry_out"], ["find", "ask"], ["find", "carry_out"]
    ]  # fmt: skip
    assert ["promote", "approval_needed"] in dags["iris_training"]["edges"]
    assert ["approval_needed", "ask_for_approval"] in dags["iris_training"]["edges"]


def test_a_scoring_waits_for_the_ingest(tmp_path: Path) -> None:
    declared = (USE_CASES / "churn.py").read_text()
    declared = declared.replace("    Business,", "    Business, Files, Ingest,", 1).replace(
        "USE_CASE = UseCase(", "USE_CASE = UseCase(ingest=Ingest(source=Files(url='/x/*.csv')),"
    )
    (tmp_path / "churn.py").write_text(declared)

    dag = load_dags(tmp_path, tmp_path)["dags"]["churn_scoring"]

    assert dag["edges"] == [["wait_for_ingest", "score"]]


def test_a_use_case_that_declares_ingest_has_a_dag_for_it(tmp_path: Path) -> None:
    declared = (USE_CASES / "iris.py").read_text()
    declared = declared.replace("import Candidate", "import Files, Ingest, Candidate").replace(
        "USE_CASE = UseCase(", "USE_CASE = UseCase(ingest=Ingest(source=Files(url='/x/*.csv')),"
    )
    (tmp_path / "iris.py").write_text(declared)

    dags = load_dags(tmp_path, tmp_path)["dags"]
    dag = dags["iris_ingest"]

    assert ["wait_for_ingest", "extract"] in dags["iris_training"]["edges"]
    assert list(dag["tasks"]) == ["land"]
    assert dag["schedule"] == "@daily"


def test_the_demo_is_fed_before_its_trainings_are_due(report: Report) -> None:
    feed = report["dags"]["operations_feed"]

    assert feed["schedule"] == "50 23 * * *"
    assert feed["params"] == ["days", "how", "only"]


def test_nothing_feeds_use_cases_of_ones_own(tmp_path: Path) -> None:
    declared = (USE_CASES / "weather.py").read_text()
    (tmp_path / "weather.py").write_text(declared.replace('tags=("demo",)', "tags=()"))

    dags = load_dags(tmp_path, tmp_path)["dags"]

    assert "weather_training" in dags
    assert "operations_feed" not in dags


def test_every_task_of_a_use_case_can_be_given_options(report: Report) -> None:
    ids = {
        task
        for dag_id, dag in report["dags"].items()
        for task in dag["tasks"]
        if not dag_id.startswith("operations_")
    }

    assert ids == {*STEPS_OF_ALL} - {"land", "wait_for_ingest", "store_features"}


def test_the_options_of_a_step_win_over_those_of_all_and_of_ours(tmp_path: Path) -> None:
    declared = (USE_CASES / "iris.py").read_text()
    options = "{'*': Task(pool='small', queue='slow'), 'train': Task(pool='big', timeout=HOURS)}"
    declared = declared.replace("import Candidate", "import Task, Candidate").replace(
        "USE_CASE = UseCase(",
        "from datetime import timedelta\n\nHOURS = timedelta(hours=12)\n"
        f"USE_CASE = UseCase(tasks={options},",
    )
    (tmp_path / "iris.py").write_text(declared)

    tasks = load_dags(tmp_path, tmp_path)["dags"]["iris_training"]["tasks"]

    train, extract = tasks["train"], tasks["extract"]
    assert [train["pool"], train["queue"], train["minutes"]] == ["big", "slow", 720]
    assert [extract["pool"], extract["queue"], extract["minutes"]] == ["small", "slow", 60]
    assert train["retries"] == 4


def test_no_use_case_at_all_is_no_error(tmp_path: Path) -> None:
    report = load_dags(tmp_path, tmp_path)

    assert report["import_errors"] == {}
    assert set(report["dags"]) == {"operations_watchdog"}
