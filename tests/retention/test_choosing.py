"""What is old goes, what is led to stays, and what is shared goes with the last that holds it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evergreen.errors import DeclarationError
from evergreen.retention import Limits
from evergreen.retention.choosing import choose
from evergreen.retention.limits import REPORTS, SETTINGS, SNAPSHOTS
from evergreen.retention.things import Shelf, Thing
from evergreen.storage import File

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LIMITS = Limits(ages=dict.fromkeys(SETTINGS, timedelta(days=90)), champions=2, decisions=1)


def thing(name: str, days: float, *shared: str, why: str = "", kind: str = REPORTS) -> Thing:
    at = NOW - timedelta(days=days)
    return Thing(kind, name, at, (f"{kind}/{name}",), frozenset(shared), why)


def shelf(*things: Thing, **loose: float) -> Shelf:
    """Each file has 100 bytes; shared ones are as old as the oldest that holds them."""
    files = {}
    for one in sorted(things, key=lambda t: t.at, reverse=True):
        for path in (*one.own, *one.shared):
            files[path] = File(path, 100, one.at)
    for path, days in loose.items():
        files[path] = File(path, 100, NOW - timedelta(days=days))
    return Shelf(things, files)


def going(found: Shelf, limits: Limits = LIMITS) -> list[str]:
    return [one.name for one in choose(found, limits, NOW).going]


def test_what_is_old_goes_the_oldest_first() -> None:
    assert going(shelf(thing("young", 89), thing("old", 91), thing("older", 99))) == [
        "older", "old",
    ]  # fmt: skip


def test_what_is_led_to_stays_however_old() -> None:
    assert going(shelf(thing("old", 999, why="the champion, version 7"))) == []


def test_nothing_goes_within_a_day_whatever_is_asked_for() -> None:
    at_once = replace(LIMITS, ages=dict.fromkeys(SETTINGS, timedelta(0)), bytes=1)

    assert going(shelf(thing("today", 0.9), thing("yesterday", 1.1)), at_once) == ["yesterday"]


def test_a_chunk_goes_with_the_last_that_names_it() -> None:
    old, both = thing("old", 99, "a", "b"), thing("kept", 50, "b")

    chosen = choose(shelf(old, both), LIMITS, NOW)

    assert chosen.shared == ("a",)
    assert choose(shelf(old), LIMITS, NOW).shared == ("a", "b")


def test_a_chunk_that_nothing_names_goes_unless_it_may_be_being_written() -> None:
    assert choose(shelf(left=2, written=0.5), LIMITS, NOW).shared == ("left",)


def test_beyond_the_size_the_oldest_goes_before_its_age() -> None:
    found = shelf(thing("first", 30), thing("second", 20), thing("third", 10))

    assert going(found, replace(LIMITS, bytes=200)) == ["first"]
    assert going(found, replace(LIMITS, bytes=300)) == []


def test_what_is_shared_makes_no_room_while_something_holds_it() -> None:
    kept = thing("kept", 40, "chunk", why="the champion", kind=SNAPSHOTS)
    found = shelf(kept, thing("first", 30, "chunk", kind=SNAPSHOTS), thing("second", 20))

    assert going(found, replace(LIMITS, bytes=200)) == ["first", "second"]


def test_an_age_is_asked_for_of_all_kinds_or_of_one() -> None:
    asked = LIMITS.asked(["30d", "snapshots=7d"], "5GB")

    assert (asked.ages[REPORTS].days, asked.ages[SNAPSHOTS].days) == (30, 7)
    assert asked.bytes == 5_000_000_000


@pytest.mark.parametrize("text", ["soon", "0d", "-1d", "pages=3d", "snapshots=", ""])
def test_another_age_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(DeclarationError, match=r"--keep is .*; allowed: .*90d"):
        LIMITS.asked([text])


def test_another_size_is_refused() -> None:
    with pytest.raises(DeclarationError, match="--keep-bytes is 'much'; allowed: a size"):
        LIMITS.asked([], "much")
