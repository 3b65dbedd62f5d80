"""A question that is answered elsewhere ends by itself; Airflow's side of it is a stand-in."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from test_approval import ask, kept

from evergreen.records import Records
from evergreen.settings import Settings

__all__ = ["kept"]
pytestmark = pytest.mark.usefixtures("airflow")

TI = UUID(int=7)
Written = list[dict[str, Any]]


@pytest.fixture
def buttons(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[SimpleNamespace, Written]]:
    """What Airflow knows of the question, and what is written to it."""
    from airflow.providers.standard.triggers import hitl

    known = SimpleNamespace(
        response_received=False, chosen_options=None, responded_at=None, params_input={},
        responded_by_user=None,
    )  # fmt: skip
    written: Written = []

    def update(**said: Any) -> Any:
        written.append(said)
        return SimpleNamespace(responded_at=datetime.now(UTC))

    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: settings)
    monkeypatch.setattr(hitl, "get_hitl_detail_content_detail", lambda **_: known)
    monkeypatch.setattr(hitl, "update_hitl_detail_response", update)
    yield known, written


def trigger(asked: int, ends: timedelta = timedelta(days=7)) -> Any:
    """The trigger as the triggerer makes it: from what was serialized."""
    from evergreen_airflow.question import AnsweredAnywhere

    given = AnsweredAnywhere(
        asked=asked, ti_id=TI, options=["Promote", "Refuse"], defaults=["Refuse"], params={},
        timeout_datetime=datetime.now(UTC) + ends, poke_interval=0.05,
    )  # fmt: skip
    path, options = given.serialize()
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)(**options)


def fired(waiting: Any, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any] | None:
    """Let it wait while something happens; return its event, or None: it goes on waiting."""

    async def wait() -> dict[str, Any] | None:
        found = asyncio.ensure_future(anext(waiting.run()))
        await asyncio.sleep(0.3)
        assert not found.done()
        await asyncio.to_thread(meanwhile)
        try:
            return dict((await asyncio.wait_for(found, 2)).payload)
        except TimeoutError:
            return None

    return asyncio.run(wait())


def test_it_waits_as_long_as_nobody_answers(kept: Records, buttons: Any) -> None:
    assert fired(trigger(ask(kept).id)) is None
    assert buttons[1] == []


@pytest.mark.parametrize(
    ("answer", "shown"), [("approved", "Promote"), ("refused", "Refuse"), ("overtaken", "Refuse")]
)
def test_an_answer_elsewhere_closes_it_with_who_said_what(
    kept: Records, buttons: Any, answer: str, shown: str
) -> None:
    asked = ask(kept)

    event = fired(
        trigger(asked.id),
        lambda: kept.approvals.answer(asked.id, answer, by="bob", reason="read") and None,
    )

    assert event is not None
    assert (event["chosen_options"], event["responded_by_user"]) == ([shown], None)
    [written] = buttons[1]
    assert (written["ti_id"], written["chosen_options"]) == (TI, [shown])
    assert written["params_input"] == {"reason": f"Not by a button: {answer} by bob: read"}


def test_a_button_is_heard_as_before(kept: Records, buttons: Any) -> None:
    known, written = buttons
    ada = SimpleNamespace(id="2", name="ada")

    def press() -> None:
        known.chosen_options, known.responded_at = ["Promote"], datetime.now(UTC)
        known.responded_by_user, known.response_received = ada, True

    event = fired(trigger(ask(kept).id), press)

    assert event is not None
    assert event["chosen_options"] == ["Promote"]
    assert event["responded_by_user"] == {"id": "2", "name": "ada"}
    assert written == []


def test_a_database_that_is_away_answers_nothing(
    kept: Records, buttons: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = replace(settings, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: away)

    assert fired(trigger(ask(kept).id)) is None


def test_the_task_waits_in_the_triggerer_until_the_approval_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.providers.standard.operators import hitl
    from airflow.sdk.exceptions import TaskDeferred

    from evergreen_airflow.question import Question

    put: list[Any] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **said: put.append(said))
    question = Question(
        task_id="ask", asked="7", until="2026-11-28T00:00:00+00:00", subject="Promote?",
        options=["Promote", "Refuse"], defaults=["Refuse"], response_timeout=timedelta(days=7),
    )  # fmt: skip

    with pytest.raises(TaskDeferred) as deferred:
        question.execute({"task_instance": SimpleNamespace(id=TI)})  # type: ignore[arg-type]

    waiting: Any = deferred.value.trigger
    assert [said["subject"] for said in put] == ["Promote?"]
    assert (waiting.asked, waiting.ti_id) == (7, TI)
    assert waiting.timeout_datetime == datetime(2026, 11, 28, tzinfo=UTC)
    assert (deferred.value.method_name, deferred.value.timeout) == ("execute_complete", None)
