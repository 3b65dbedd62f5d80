"""`make up`, then four midnights without a hand, the last but one of which begins a month."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evergreen import catalog
from evergreen.catalog import Catalog
from evergreen.records import Records
from evergreen.settings import PROJECT
from evergreen_workshop.stack.clock import Clock
from midnights.nights import DAY, Nights, came_to, first_midnight
from own_stack import running

pytestmark = [pytest.mark.midnights, pytest.mark.end_to_end]

NIGHTS = int(os.environ.get("NIGHTS", "4"))
REFRESHED = ("churn", "energy", "weather")
"""They have new rows each day, and an edge."""
FIRST = "Evergreen: stocks has no better model: the gate refused"
"""Told once, by the training of `make up`: it has no edge, as nobody has."""


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load(PROJECT / "include" / "use_cases")


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A clock at noon before the first of the midnights, in a folder for everybody's eyes."""
    with tempfile.TemporaryDirectory(prefix="evergreen-clock-") as folder:
        clock = Clock.build(Path(folder))
        clock.move_to(first_midnight(datetime.now(UTC)) - DAY / 2)
        yield clock


@pytest.fixture
def nights(clock: Clock, known: Catalog, tmp_path: Path) -> Iterator[Nights]:
    with running(tmp_path / "home", clock.variables) as stack:
        yield Nights(stack, clock, known)


@pytest.mark.timeout(7200)
def test_each_use_case_is_trained_each_day_or_says_why_and_nobody_is_needed(nights: Nights) -> None:
    first = first_midnight(datetime.now(UTC))
    midnights = [first + number * DAY for number in range(NIGHTS)]
    by_make_up = [each["title"] for each in nights.stack.told.messages]

    for midnight in midnights:
        nights.pass_one(midnight)

    with Records(nights.stack.database_url) as kept:
        found = {
            (name, midnight): came_to(name, midnight, kept)
            for midnight in midnights
            for name in nights.known.use_cases
        }
        promoted = {name: len(kept.promotions.of(name)) for name in REFRESHED}
    assert found == {
        (name, midnight): due(name, midnight)
        for midnight in midnights
        for name in nights.known.use_cases
    }
    assert promoted == dict.fromkeys(REFRESHED, NIGHTS + 1)
    assert by_make_up == [FIRST]
    assert nights.told == [[]] * NIGHTS, "somebody was told, and nobody was needed"
    assert nights.failed() == []
    checked = nights.stack.run("evergreen", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def due(name: str, midnight: datetime) -> str:
    """Return what the training of a midnight is to end with, while rows go on as they were."""
    if name == "crop":  # monthly, and its rows come by hand
        return "gate refused" if midnight.day == 1 else ""
    if name == "iris":  # no flower is new, and so no fit
        return "gate refused"
    if name == "stocks":  # below the floor: on paper, as declared
        return "paper paper"
    return "promotion promoted"
