"""What the gate refused is a version too, where so many are to be kept; who serves stays."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sklearn.naive_bayes import GaussianNB

from database import records_of
from evergreen import catalog, cycle, steps
from evergreen.champions.registry import ARCHIVED, CHAMPION, REFUSED, ModelRegistry
from evergreen.learning import tracking, training
from evergreen.records import Records
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Candidate, UseCase
from evergreen.steps import Run
from evergreen_workshop import demo

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def bayes() -> Any:
    return GaussianNB()


@pytest.fixture
def known(settings: Settings) -> Settings:
    """Settings that keep two, and iris with flowers of twenty days more."""
    demo.load("iris", settings.database_url, until=date(2026, 2, 28))
    return replace(settings, refused_versions=2)


@pytest.fixture
def kept(known: Settings) -> Records:
    return records_of(known)


def iris(name: str, *, lets_pass: bool = False) -> UseCase:
    """Iris with one recipe, and a gate that is as willing as that."""
    declared = catalog.load(PROJECT / "include" / "use_cases").find("iris")
    own = [one for one in declared.candidates if one.name == name]
    recipe = replace(own[0], search={}) if own else Candidate(name=name, build=bayes)
    bar = -1.0 if lets_pass else 1.0
    return replace(declared, candidates=(recipe,), gate=replace(declared.gate, min_improvement=bar))


def train(use_case: UseCase, settings: Settings, day: int = 0) -> None:
    moment = AS_OF + timedelta(days=day)
    asked = Run(as_of=moment, asked_at=moment, key=f"test/{day}", actor="schedule")
    cycle.run(use_case, asked, records=records_of(settings), settings=settings)


def states(settings: Settings, kept: Records) -> dict[int, str | None]:
    registry = ModelRegistry(settings, kept.locks)
    return {version: registry.status("iris", version) for version in registry.versions("iris")}


def served(kept: Records) -> int | None:
    champion = kept.promotions.champion("iris")
    return champion and champion.version


@pytest.fixture
def refused(known: Settings) -> UseCase:
    """A recipe that the gate has just refused, beside a champion."""
    train(iris("logistic", lets_pass=True), known)
    other = iris("neighbours")
    train(other, known)
    return other


def test_a_refused_recipe_is_a_version_once_and_of_more_the_oldest_goes(
    refused: UseCase, known: Settings, kept: Records
) -> None:
    first = states(known, kept), served(kept), ModelRegistry(known, kept.locks).waiting("iris")
    demo.feed("iris", known.database_url, 20)
    train(refused, known, day=20)  # refused again, and the champion fitted anew
    again = states(known, kept)
    train(iris("bayes"), replace(known, refused_versions=1), day=20)

    assert first == ({1: CHAMPION, 2: REFUSED}, 1, None)
    assert again == {1: ARCHIVED, 2: REFUSED, 3: CHAMPION}
    assert states(known, kept) == {1: ARCHIVED, 3: CHAMPION, 4: REFUSED}


def test_nothing_is_registered_by_a_dry_run_nor_where_none_are_to_be_kept(
    known: Settings, kept: Records
) -> None:
    train(iris("logistic", lets_pass=True), known)
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="test/dry", actor="ada", purpose="dry_run")

    cycle.run(iris("neighbours"), asked, records=kept, settings=known)
    train(iris("neighbours"), replace(known, refused_versions=0))

    assert states(known, kept) == {1: CHAMPION}


def test_a_person_may_force_what_was_refused(
    refused: UseCase, known: Settings, kept: Records
) -> None:
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="cli/force", actor="bob")

    done = steps.force(refused, asked, reason="it is needed", records=kept, settings=known)

    assert done.promoted
    assert states(known, kept) == {1: ARCHIVED, 2: CHAMPION}
    assert served(kept) == 2
    assert done.champion is not None
    card = tracking.client(known).download_artifacts(done.champion.run_id, "card/card.json")
    assert json.loads(Path(card).read_text())["version"] == 2


def test_what_cannot_be_fitted_is_told_and_the_training_goes_on(
    known: Settings,
    kept: Records,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    train(iris("logistic", lets_pass=True), known)
    whole = training.fit

    def fit(use_case: UseCase, built: Any, ref: Any, **others: Any) -> Any:
        if ref.name == "neighbours":
            raise ValueError("it will not")
        return whole(use_case, built, ref, **others)

    monkeypatch.setattr(training, "fit", fit)
    train(iris("neighbours"), known)

    assert states(known, kept) == {1: CHAMPION}
    assert "what was refused is no version: it will not" in caplog.text
