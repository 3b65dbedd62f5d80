"""What the Models page shows: the table of all use cases, or of those that are asked for."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from evergreen.catalog import recall
from evergreen.errors import DeclarationError
from evergreen.fleet import SOMEBODY, STATES, Fleet, Row, Wanted, in_words, read
from evergreen.fleet.table import LONGEST, SHOWN
from evergreen.records import Records
from evergreen.settings import Settings


@dataclass(frozen=True)
class Choice:
    """What can be chosen from a list of the form."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class Page:
    """The table, and the form above it."""

    fleet: Fleet
    wanted: Wanted
    problem: str = ""
    """What is wrong with what was asked for; empty: nothing."""
    longest: int = LONGEST

    @cached_property
    def found(self) -> tuple[Row, ...]:
        """All lines that are wanted."""
        return self.fleet.only(self.wanted)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Those of them that are shown."""
        return self.found[:SHOWN]

    @property
    def counted(self) -> str:
        """How many lines there are."""
        return in_words.counted(self.fleet, self.found, SHOWN)

    @property
    def is_filtered(self) -> bool:
        """Tell whether anything is asked for."""
        return self.wanted != Wanted()

    @property
    def states(self) -> list[Choice]:
        """The states that there are now, with how many use cases each has."""
        counts, names = self.fleet.states, {SOMEBODY: "needs a person"} | STATES
        return [
            Choice(state, f"{word} ({counts[state]})", state == self.wanted.state)
            for state, word in names.items()
            if counts[state] or state == self.wanted.state
        ]

    @property
    def owners(self) -> list[Choice]:
        """Everybody who owns one."""
        return _choices(self.fleet.owners, self.wanted.owner)

    @property
    def tags(self) -> list[Choice]:
        """Every tag."""
        return _choices(self.fleet.tags, self.wanted.tag)


def page(records: Records, settings: Settings, now: datetime, **asked: str) -> Page:
    """Return the table; where what is asked for cannot be, all of it with what is wrong.

    Raises:
        DatabaseAway: the ledger does not answer.
    """
    catalog = recall(settings.use_cases_dir)
    fleet = read(catalog, records=records, now=now, spread=settings.spread)
    try:
        return Page(fleet, Wanted(**asked))
    except DeclarationError as error:
        return Page(fleet, Wanted(), f"{error}.")


def _choices(known: list[str], chosen: str) -> list[Choice]:
    """Return what there is to choose from, and what was chosen though it is not there."""
    more = [chosen] if chosen and chosen not in known else []
    return [Choice(value, value, value == chosen) for value in [*known, *more]]
