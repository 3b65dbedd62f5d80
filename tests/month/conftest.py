"""A use case in a place of its own, with as few candidates as tell what a day does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from evergreen import catalog
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Candidate, Kind, UseCase
from evergreen_workshop import demo
from evergreen_workshop.rehearsal import scratch
from evergreen_workshop.rehearsal.scratch import Place

CATALOG = catalog.load(PROJECT / "include" / "use_cases")


def constant() -> Any:
    """The most frequent class, always: whatever learns something is surely better."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def middle() -> Any:
    """The median, always."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="median")


def quick(name: str) -> UseCase:
    use_case = CATALOG.find(name)
    first = replace(use_case.candidates[0], search={})
    guess = middle if use_case.kind is Kind.REGRESSION else constant
    return replace(use_case, candidates=(first,), baselines=(Candidate(name="guess", build=guess),))


@pytest.fixture
def live(settings: Settings, mlflow_template: str) -> Iterator[Any]:
    """Moves a demo use case, whose history ends on a day, into a place of its own."""
    opened = []

    def moved(name: str, until: date, use_case: UseCase | None = None) -> Place:
        demo.load(name, settings.database_url, until=until)
        place = scratch.of(use_case or quick(name), settings, mlflow_template)
        opened.append(place)
        return place.__enter__()

    yield moved
    for place in opened:
        place.__exit__(None, None, None)
