"""`<use case>_approval` asks about what waits, and does as the person says."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from test_edge import running

from bag import USE_CASES
from evergreen.catalog import load
from evergreen.records import Approval, Records
from evergreen.refs import PromotionRef
from evergreen.settings import Settings
from evergreen.spec import Release, UseCase

pytestmark = pytest.mark.usefixtures("airflow")

AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def iris(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)
    return replace(load(USE_CASES).find("iris"), release=Release(approval=True))


@pytest.fixture
def kept(settings: Settings) -> Iterator[Records]:
    with Records(settings.database_url) as opened:
        yield opened


def ask(kept: Records) -> Approval:
    return kept.approvals.ask(
        Approval(
            use_case="iris", version=3, decision_id="d", sentence="F1 is 0.02 better.",
            report="http://ui/evergreen/reports/iris/1/", asked_at=AT,
            expires_at=AT + timedelta(days=7),
        )
    )  # fmt: skip


def do(dag: Any, task_id: str, *args: Any, **form: Any) -> tuple[Any, str]:
    """Run a task of the DAG; return what it returns and tells."""
    with running("manual", user="ada", **form) as ti:
        ti.task_id, ti.map_index = task_id, -1
        returned = dag.get_task(task_id).python_callable(*args)
    return returned, str(ti.pushed.get("evergreen_outcome", ""))


def approval_of(use_case: UseCase) -> Any:
    from evergreen_airflow import approval_dag

    return approval_dag(use_case)


def test_a_training_starts_it_for_what_waits_and_for_nothing_else(
    iris: UseCase, kept: Records
) -> None:
    from evergreen_airflow import training_dag

    dag = training_dag(iris)
    nothing, _ = do(dag, "approval_needed", {"promoted": False})
    asked = ask(kept)
    wanted, _ = do(dag, "approval_needed", {"promoted": False})
    refreshed, _ = do(dag, "approval_needed", {"promoted": True})

    assert nothing is None
    assert refreshed == wanted
    assert wanted["conf"] == {"asked": asked.id}
    assert wanted["run_id"] == f"approval__{asked.id}_version_3"


def test_a_person_reads_what_is_asked_beside_its_report(iris: UseCase, kept: Records) -> None:
    ask(kept)

    found, _ = do(approval_of(iris), "find")

    assert found["subject"] == "Promote version 3 of iris?"
    assert found["body"].startswith("F1 is 0.02 better.\n\n[The report](http://ui/evergreen")
    assert "until 2026-11-28 00:00 UTC" in found["body"]


def test_where_nothing_waits_nobody_is_asked(iris: UseCase, kept: Records) -> None:
    asked = ask(kept)
    kept.approvals.answer(asked.id, "refused", by="bob", reason="no")

    found, told = do(approval_of(iris), "find", asked=asked.id)

    assert found is None
    assert told == "Nothing of iris waits for a person's word."


@pytest.mark.parametrize(("button", "yes"), [("Promote", True), ("Refuse", False)])
def test_the_answer_is_carried_out_in_the_name_of_who_gave_it(
    iris: UseCase, kept: Records, monkeypatch: pytest.MonkeyPatch, button: str, yes: bool
) -> None:
    heard: dict[str, Any] = {}
    done = PromotionRef(promoted=yes, champion=None, sentence="So be it.")
    monkeypatch.setattr("evergreen.steps.answer", lambda _, **said: heard.update(said) or done)
    who = {"id": "2", "name": "ada"}
    answer = {
        "chosen_options": [button],
        "params_input": {"reason": "read"},
        "responded_at": AT,
        "responded_by_user": who,
    }

    returned, told = do(approval_of(iris), "carry_out", {"asked": 7}, answer)

    assert (heard["approve"], heard["reason"], heard["actor"], heard["asked"]) == (
        yes,
        "read",
        "ada",
        7,
    )
    assert (returned["promoted"], told) == (yes, "So be it.")


def test_without_an_answer_the_challenger_is_withdrawn(
    iris: UseCase, kept: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(kept)
    late = SimpleNamespace(asked_at=AT + timedelta(minutes=5))
    monkeypatch.setattr("evergreen_airflow.approval.this_run", lambda: late)
    silence = {"chosen_options": ["Refuse"], "params_input": {}, "responded_by_user": None}

    _, told = do(approval_of(iris), "carry_out", {"asked": asked.id}, silence)
    _, again = do(approval_of(iris), "carry_out", {"asked": asked.id}, silence)

    assert "version 3 waits no longer" in told.lower()
    assert again == (
        "Version 3 of iris was answered for elsewhere: expired by nobody (nobody answered in time)."
    )
    assert kept.approvals.newest("iris")[0].answer == "expired"


def test_a_button_that_is_pressed_after_the_answer_changes_nothing_and_fails_nothing(
    iris: UseCase, kept: Records
) -> None:
    asked = ask(kept)
    kept.approvals.answer(asked.id, "refused", by="bob", reason="it leaks")
    pressed = {
        "chosen_options": ["Promote"], "params_input": {"reason": "yes"},
        "responded_at": AT,
        "responded_by_user": {"id": "2", "name": "ada"},
    }  # fmt: skip

    returned, told = do(approval_of(iris), "carry_out", {"asked": asked.id}, pressed)

    assert returned is None
    assert told.startswith("ada was too late: version 3 of iris was refused by bob on 20")
    [left] = kept.approvals.newest("iris")
    assert (left.answer, left.answered_by, left.reason) == ("refused", "bob", "it leaks")
    assert kept.promotions.of("iris") == ()


def test_the_question_holds_no_worker_and_ends_with_its_time(iris: UseCase) -> None:
    dag = approval_of(iris)
    question = dag.get_task("ask")

    assert (question.execution_timeout, question.response_timeout) == (None, timedelta(days=7))
    assert dag.is_paused_upon_creation is False
    assert dag.dagrun_timeout > question.response_timeout
    assert (question.options, question.defaults) == (["Promote", "Refuse"], ["Refuse"])
    question.params.validate()  # else the task does not start
