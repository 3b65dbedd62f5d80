"""A use case that declares an A/B test puts what passed the gate on trial; a person concludes."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from database import records_of
from evergreen import catalog, cycle
from evergreen.cycle import Cycle
from evergreen.errors import EvergreenError
from evergreen.serving import trials
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Release, UseCase
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


def run(use_case: UseCase, settings: Settings) -> Cycle:
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="test/ab", actor="schedule")
    return cycle.run(use_case, asked, records=records_of(settings), settings=settings)


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

    assert not tried.to_json()["promoted"]
    assert "version 2 is on trial as ab with 20% of the requests" in tried.sentence
    assert again.sentence == tried.sentence
    assert (trial.strategy, trial.share, trial.challenger["version"]) == ("ab", 0.2, 2)
    assert done.promoted
    champion = records_of(settings).promotions.champion("iris")
    assert champion is not None
    assert champion.version == 2
    assert records_of(settings).trials.running("iris") == ()


def test_without_a_trial_there_is_nothing_to_promote(iris: UseCase, settings: Settings) -> None:
    run(iris, settings)

    with pytest.raises(EvergreenError, match="no trial of iris runs"):
        trials.promote(
            iris, reason="impatience", actor="ada", records=records_of(settings), settings=settings
        )
