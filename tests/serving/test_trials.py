"""A use case that declares an A/B test puts what passed the gate on trial; a person concludes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from database import records_of
from evergreen import catalog, cli, cycle
from evergreen.cli import base
from evergreen.cycle import Cycle
from evergreen.errors import EvergreenError
from evergreen.judging import gate
from evergreen.judging.evidence import Evidence
from evergreen.learning import tracking
from evergreen.records import Pin
from evergreen.refs import REFRESH, Check, Status
from evergreen.serving import trials
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Gate, Release, UseCase
from evergreen.steps import Run
from evergreen_workshop import demo

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def iris(settings: Settings) -> UseCase:
    """Iris with an A/B test, and a gate that lets every good recipe take over."""
    demo.load("iris", settings.database_url, until=date(2026, 2, 28))
    declared = catalog.load(PROJECT / "include" / "use_cases").find("iris")
    return replace(
        declared,
        candidates=tuple(
            replace(declared.candidate(name), search={}) for name in ("logistic", "neighbours")
        ),
        gate=replace(declared.gate, min_improvement=-1.0),
        release=Release(strategy="ab", share=0.2),
    )


def run(use_case: UseCase, settings: Settings, key: str = "test/ab") -> Cycle:
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key=key, actor="schedule")
    return cycle.run(use_case, asked, records=records_of(settings), settings=settings)


def card_of_the_champion(settings: Settings) -> Any:
    champion = records_of(settings).promotions.champion("iris")
    assert champion is not None
    card = tracking.client(settings).download_artifacts(champion.run_id, "card/card.json")
    return json.loads(Path(card).read_text())


def test_the_first_champion_needs_no_trial(iris: UseCase, settings: Settings) -> None:
    done = run(iris, settings)

    assert done.to_json()["promoted"], done.sentence


def test_what_passes_the_gate_is_tried_and_then_promoted_by_a_person(
    iris: UseCase, settings: Settings
) -> None:
    run(iris, settings)
    demo.feed("iris", settings.database_url, 30)

    tried, again = run(iris, settings), run(iris, settings)
    [trial] = records_of(settings).trials.running("iris")
    done = trials.promote(
        iris,
        reason="more right answers",
        actor="ada",
        records=records_of(settings),
        settings=settings,
    )

    assert "version 3 is on trial as ab with 20% of the requests" in tried.sentence
    assert tried.sentence.startswith(again.sentence)
    assert (trial.strategy, trial.share, trial.challenger["version"]) == ("ab", 0.2, 3)
    assert done.promoted
    champion = records_of(settings).promotions.champion("iris")
    assert champion is not None
    assert champion.version == 3
    assert records_of(settings).trials.running("iris") == ()


def test_the_recipe_in_charge_is_fitted_anew_while_another_is_tried(
    iris: UseCase, settings: Settings, waiting: Cycle
) -> None:
    kept = records_of(settings)
    chain = kept.promotions.of("iris")
    [trial] = kept.trials.running("iris")

    done = trials.promote(iris, reason="better", actor="ada", records=kept, settings=settings)

    assert waiting.to_json()["promoted"]
    assert [(row.version, row.kind) for row in chain] == [
        (4, "refresh"), (2, "refresh"), (1, "change")
    ]  # fmt: skip
    assert "Refreshed logistic, the recipe in charge" in chain[0].reason
    assert "neighbours passed, and is to be tried or approved first." in chain[0].reason
    assert trial.challenger["version"] == 3
    assert done.promoted
    assert done.champion is not None
    assert done.champion.version == 3


def test_the_recipe_in_charge_is_fitted_anew_where_the_fit_of_another_does_not_pass(
    iris: UseCase, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(iris, settings)
    demo.feed("iris", settings.database_url, 30)
    monkeypatch.setattr(gate, "inspect", of_no_other_recipe)

    done = run(iris, settings)

    assert done.to_json()["promoted"], done.sentence
    assert "the new fit of neighbours was not let through: it is too large" in done.sentence
    assert records_of(settings).promotions.of("iris")[0].kind == "refresh"
    assert records_of(settings).trials.running("iris") == ()


def of_no_other_recipe(_: Gate, evidence: Evidence) -> tuple[Check, ...]:
    """Let refreshes pass alone."""
    fit = evidence.fit
    status = Status.PASSED if fit and fit.kind == REFRESH else Status.FAILED
    return (Check(name="size", status=status, reason="it is too large"),)


def test_who_comes_from_a_trial_and_who_comes_back_have_a_model_card_beside_their_run(
    iris: UseCase, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = records_of(settings)
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    run(iris, settings)
    demo.feed("iris", settings.database_url, 30)
    run(iris, settings)

    trials.promote(iris, reason="better", actor="ada", records=kept, settings=settings)
    tried = card_of_the_champion(settings)
    done = CliRunner().invoke(cli.app, ["rollback", "iris", "--reason", "complaints"])
    back = card_of_the_champion(settings)

    assert (tried["version"], tried["state"]) == (3, "champion")
    assert tried["history"][0]["reason"] == "better"
    assert done.exit_code == 0, done.output
    assert (back["version"], back["state"]) == (2, "champion")
    assert back["history"][0]["what"] == "became champion again by a rollback"
    assert "complaints" in back["pinned"]


def test_the_trial_goes_on_while_the_champion_is_pinned(iris: UseCase, settings: Settings) -> None:
    kept = records_of(settings)
    run(iris, settings)
    demo.feed("iris", settings.database_url, 30)
    run(iris, settings)
    kept.pins.put(Pin(use_case="iris", version=1, reason="incident", actor="bob"))

    done = trials.promote(iris, reason="better", actor="ada", records=kept, settings=settings)

    assert not done.promoted
    assert "pinned by bob" in done.sentence
    assert len(kept.trials.running("iris")) == 1


def test_what_passes_the_gate_while_the_champion_is_pinned_is_not_tried_and_says_why(
    iris: UseCase, settings: Settings
) -> None:
    kept = records_of(settings)
    run(iris, settings)
    demo.feed("iris", settings.database_url, 30)
    kept.pins.put(Pin(use_case="iris", version=1, reason="incident", actor="bob"))

    done = run(iris, settings)

    [tried, refreshed, _] = kept.decisions.newest("iris", kind="promotion")
    assert done.sentence.startswith("Not promoted: version 1 is pinned by bob (incident)")
    assert (tried.outcome, refreshed.outcome) == ("refused", "refused")
    assert tried.sentence == refreshed.sentence == done.sentence
    assert kept.trials.running("iris") == ()


def test_a_trial_says_that_another_version_than_its_own_was_promoted(
    iris: UseCase, settings: Settings, waiting: Cycle
) -> None:
    kept = records_of(settings)

    done = trials.promote(
        iris, version=5, reason="better", actor="ada", records=kept, settings=settings
    )

    assert done.promoted
    [trial] = kept.trials.newest("iris", limit=1)
    assert trial.outcome == "ended by a promotion of version 5 by ada: better"


def test_without_a_trial_there_is_nothing_to_promote(iris: UseCase, settings: Settings) -> None:
    run(iris, settings)

    with pytest.raises(EvergreenError, match="no trial of iris runs"):
        trials.promote(
            iris, reason="impatience", actor="ada", records=records_of(settings), settings=settings
        )


@pytest.fixture
def waiting(iris: UseCase, settings: Settings) -> Cycle:
    """Version 4 is champion (1 and 2 were), 3 is on trial, and 5 waits."""
    run(iris, settings)
    for key in ("test/second", "test/third"):
        demo.feed("iris", settings.database_url, 30)
        done = run(iris, settings, key)
    return done


def begin_waiting(use_case: UseCase, settings: Settings) -> str:
    return trials.begin_waiting(use_case, actor="monitoring", records=records_of(settings))


def test_who_waits_begins_when_the_trial_before_is_over(
    iris: UseCase, settings: Settings, waiting: Cycle
) -> None:
    kept = records_of(settings)
    early = begin_waiting(iris, settings)
    [before] = kept.trials.running("iris")
    kept.trials.stop(before.id, "stopped by ada: slow")

    by_hand = begin_waiting(replace(iris, release=Release()), settings)
    told, again = begin_waiting(iris, settings), begin_waiting(iris, settings)

    assert waiting.sentence.startswith("Version 5 passed the gate and waits: version 3 is on trial")
    assert early == by_hand == again == ""
    assert (
        told
        == "The trial before is over, and version 5 is on trial as ab with 20% of the requests."
    )
    [trial] = kept.trials.running("iris")
    assert trial.challenger["version"] == 5
    kept.trials.stop(trial.id, "stopped by ada: slow, too")
    assert begin_waiting(iris, settings) == ""


def test_who_waited_is_let_go_of_once_when_the_champion_is_another(
    iris: UseCase, settings: Settings, waiting: Cycle
) -> None:
    kept = records_of(settings)
    trials.promote(iris, reason="better", actor="ada", records=kept, settings=settings)

    told, again = begin_waiting(iris, settings), begin_waiting(iris, settings)

    assert "Version 5, which waited for a trial, is tried no more" in told
    assert "compared with version 2, but the champion is version 3 by now" in told
    assert again == ""
    assert kept.trials.running("iris") == ()
    assert [row.outcome for row in kept.decisions.newest("iris", kind="trial")] == [
        "overtaken",
        "waits",
    ]
