"""A member of a club is forgotten: on real PostgreSQL, MLflow and store, by the bytes."""

import pytest
from club import ADA, CATALOGUE, NAME, NOW, Club, traces

from database import records_of
from evergreen import invariants
from evergreen.forgetting import Forgotten, forget

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
OF_THE_CLOCK = 15
"""How old the champion's knowledge is, which is of March."""


def forgotten(club: Club, *key: str, apply: bool = True) -> Forgotten:
    return forget(
        NAME, key or (f"member={ADA}",), apply=apply, reason="asked to", actor="bob", as_of=NOW,
        catalog=CATALOGUE, records=records_of(club.settings), settings=club.settings,
    )  # fmt: skip


def broken(club: Club) -> list[invariants.Finding]:
    found = invariants.check(records_of(club.settings), club.settings, CATALOGUE)
    return [one for one in found if not one.holds and one.number != OF_THE_CLOCK]


def test_no_trace_is_left_and_all_that_must_hold_does(club: Club) -> None:
    before = traces(club.settings)
    assert broken(club) == []
    club.leave()

    done = forgotten(club)

    print(before.keys(), done)
    assert traces(club.settings) == {}
    assert done.left == ()
    assert broken(club) == []
    assert done.versions == (1, 2)
