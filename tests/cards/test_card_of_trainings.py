"""The cards of versions that daily trainings and people make: refreshed, and forced."""

from dataclasses import replace
from typing import Any

import pytest

from evergreen import steps
from evergreen.cards import Card, card_of
from evergreen.records import Records
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from evergreen_workshop import demo
from test_refused import AS_OF, iris, kept, known, train

__all__ = ["kept", "known"]

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def declared(name: str, *, lets_pass: bool = False, **parameters: Any) -> UseCase:
    one = iris(name, lets_pass=lets_pass)
    search = {name: [value] for name, value in parameters.items()}
    return replace(one, candidates=(replace(one.candidates[0], search=search),))


def card(kept: Records, settings: Settings) -> Card:
    return card_of("iris", None, records=kept, settings=settings)


def test_a_card_is_about_the_recipe_of_its_version_and_not_the_one_it_was_judged_beside(
    known: Settings, kept: Records
) -> None:
    train(declared("logistic", lets_pass=True, C=1.0), known)
    demo.feed("iris", known.database_url, 20)
    refused = declared("neighbours", n_neighbors=3)
    train(refused, known, day=20)
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="cli/force", actor="bob")

    refreshed = card(kept, known)
    steps.force(refused, asked, reason="it is needed", records=kept, settings=known)
    forced = card(kept, known)

    assert refreshed.history[0].what == "became champion (refresh)"
    assert (refreshed.recipe, refreshed.parameters) == ("logistic", {"C": 1.0})
    assert refreshed.comparisons == ()
    assert forced.history[0].what == "became champion (forced)"
    assert (forced.recipe, forced.parameters) == ("neighbours", {"n_neighbors": 3})
    assert forced.comparisons[0].startswith("against champion v1: ")
    assert (forced.owner, forced.window) == (refused.owner, "all history")
