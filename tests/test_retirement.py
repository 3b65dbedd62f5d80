"""A use case ends, on record, and comes back: on real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from database import records_of
from deciding.champion import make_champion
from evergreen import ingest, retirement, steps, watching
from evergreen.errors import EvergreenError, Retired
from evergreen.notify import alert
from evergreen.records.decisions import Decisions
from evergreen.records.retirements import Retirements
from evergreen.refs import Window
from evergreen.settings import Settings
from evergreen.steps import Run
from learning import CATALOG
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOW = datetime(2026, 11, 21, tzinfo=UTC)
WEATHER = CATALOG.find("weather")
RUN = Run(as_of=NOW, asked_at=NOW, key="test/run", actor="schedule")
WINDOW = Window(start=NOW.replace(day=20), end=NOW)


@pytest.fixture
def told(settings: Settings, webhook: Webhook) -> Settings:
    """Settings that tell the webhook; weather has a champion, version 3."""
    make_champion(settings, "weather", 3)
    return replace(settings, notify_urls=(webhook.url,))


def retire(settings: Settings, reason: str = "sold") -> str:
    return retirement.retire(
        "weather", reason=reason, actor="ada", records=records_of(settings), settings=settings
    )


def test_who_ended_it_when_and_why_is_on_record(told: Settings) -> None:
    sentence = retire(told)

    [decision] = records_of(told).decisions.newest("weather", kind="retirement")
    assert (decision.outcome, decision.actor) == ("retired", "ada")
    assert decision.sentence.startswith("weather was retired by ada on 20")
    assert decision.sentence.endswith(": sold")
    assert sentence.startswith(decision.sentence)
    assert "`evergreen activate weather` brings it back" in sentence


def test_its_history_stays(told: Settings) -> None:
    retire(told)

    assert [row.version for row in records_of(told).promotions.of("weather")] == [3]


def test_ending_it_again_changes_nothing(told: Settings) -> None:
    retire(told)

    again = retire(told, "another reason")

    assert ": sold." in again
    assert len(records_of(told).decisions.newest("weather", kind="retirement")) == 1


def test_its_alerts_end_and_people_are_told_why(told: Settings, webhook: Webhook) -> None:
    for kind in ("drift", "knowledge"):
        alert(records_of(told), told, "weather", kind, "It drifts.", at=NOW)

    retire(told)

    assert records_of(told).incidents.newest("weather", open=True) == ()
    assert sum("over: weather" in message["title"] for message in webhook.messages) == 2
    assert "sold" in webhook.messages[-1]["message"]


def test_a_retirement_needs_a_reason(told: Settings) -> None:
    with pytest.raises(EvergreenError, match="needs a --reason"):
        retire(told, "")

    assert records_of(told).retirements.all() == {}


DEEDS: dict[str, Any] = {
    "train": lambda kept, known: steps.extract(WEATHER, RUN, records=kept, settings=known),
    "watch": lambda kept, known: watching.watch(WEATHER, WINDOW, records=kept, settings=known),
    "force": lambda kept, known: steps.force(
        WEATHER, RUN, reason="now", records=kept, settings=known
    ),
    "land": lambda kept, known: list(ingest.land(WEATHER, as_of=NOW, records=kept, settings=known)),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_is_done_any_more_with_what_is_retired(deed: str, told: Settings) -> None:
    retire(told)

    with pytest.raises(Retired, match=r"weather was retired by ada on .*: sold"):
        DEEDS[deed](records_of(told), told)


def test_the_figures_of_what_is_retired_alarm_nobody(told: Settings) -> None:
    make_champion(told, "iris", 1)
    retire(told)

    found = records_of(told).figures.all()["champion_timestamp_seconds"]

    assert [row[0] for row in found] == ["iris"]


def test_it_can_be_brought_back_and_that_is_on_record(told: Settings) -> None:
    retire(told)

    sentence = retirement.revive("weather", reason="ours again", actor="bob",
                                 records=records_of(told))  # fmt: skip

    records_of(told).retirements.check("weather")
    newest, _ = records_of(told).decisions.newest("weather", kind="retirement")
    assert (newest.outcome, newest.actor, newest.sentence) == ("activated", "bob", sentence)
    assert str(sentence).startswith("bob brought weather back: ours again. Before, weather was")


@pytest.mark.parametrize("step", [(Decisions, "record"), (Retirements, "lift")])
def test_who_is_interrupted_brings_it_back_by_saying_it_again(
    step: tuple[type, str], told: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    retire(told)
    back = {"name": "weather", "reason": "ours", "actor": "bob", "records": records_of(told)}
    with monkeypatch.context() as patched:
        patched.setattr(*step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            retirement.revive(**back)

    sentence = retirement.revive(**back)

    records_of(told).retirements.check("weather")
    newest, _ = records_of(told).decisions.newest("weather", kind="retirement")
    assert (newest.outcome, newest.sentence) == ("activated", sentence)


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_what_is_not_retired_cannot_be_brought_back(told: Settings) -> None:
    assert retirement.revive("weather", reason="", actor="bob", records=records_of(told)) is None
