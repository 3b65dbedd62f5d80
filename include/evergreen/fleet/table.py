"""The table: every use case that is declared or has a champion, those first that need a person."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from evergreen.catalog import Catalog
from evergreen.errors import DeclarationError, did_you_mean
from evergreen.fleet import needs
from evergreen.fleet.row import Row, unmended
from evergreen.records import HOUSE, Incident, Records
from evergreen.refs import Json

GONE = "Its file is gone. Its champion goes on answering, and is trained and watched no more."
SHOWN = 500
"""So many lines are shown at most."""
LONGEST = 200
"""So many letters of words are looked for at most."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines are wanted; what is empty does not matter.

    Raises:
        DeclarationError: there is no such state, or the words are too long.
    """

    owner: str = ""
    tag: str = ""
    """One of its tags: a team, for one."""
    state: str = ""
    """Any of its needs, `champion`, `retired`; or `needs`, which is any need at all."""
    words: str = ""
    """All of them stand in its name, question, owner, tags or needs."""

    def __post_init__(self) -> None:
        known = [needs.SOMEBODY, *needs.STATES]
        if self.state and self.state not in known:
            allowed = f"one of {', '.join(known)}{did_you_mean(self.state, known)}"
            raise DeclarationError("state", self.state, allowed)
        if len(self.words) > LONGEST:
            raise DeclarationError("words", self.words, f"at most {LONGEST} letters")

    def takes(self, row: Row) -> bool:
        """Tell whether a line is wanted."""
        return (
            self.owner in {"", row.owner}
            and self.tag in {"", *row.tags}
            and self.state in {"", *_states(row)}
            and all(word in _text(row) for word in self.words.casefold().split())
        )


@dataclass(frozen=True)
class Fleet:
    """All use cases, those first that need a person, and what lasts in the house."""

    rows: tuple[Row, ...]
    house: tuple[Incident, ...] = ()

    def only(self, wanted: Wanted) -> tuple[Row, ...]:
        """Return the lines that are wanted."""
        return tuple(filter(wanted.takes, self.rows))

    @cached_property
    def states(self) -> Counter[str]:
        """How many use cases are in each state; one may be in some."""
        return Counter(state for row in self.rows for state in _states(row))

    @property
    def owners(self) -> list[str]:
        """Everybody who owns one."""
        return sorted({row.owner for row in self.rows} - {""})

    @property
    def tags(self) -> list[str]:
        """Every tag."""
        return sorted({tag for row in self.rows for tag in row.tags})


def read(catalog: Catalog, *, records: Records, now: datetime, spread: int = 0) -> Fleet:
    """Return every use case that is declared, has or had a champion, or is broken.

    `spread` is that of the settings, which says when schedules are due.

    It asks as many questions of the database for 200 use cases as for one, and none takes longer
    because the history of a use case is longer.

    Raises:
        DatabaseAway: the database does not answer.
    """
    lasting = records.incidents.lasting()
    rows = [
        replace(row, needs=needs.of(row), spread=spread)
        for row in _rows(catalog, lasting, records, now)
    ]
    return Fleet(tuple(sorted(rows, key=needs.urgency)), lasting.get(HOUSE, ()))


def document(rows: tuple[Row, ...], limit: int = SHOWN) -> Json:
    """Return lines for a program: those of broken files with their errors, apart."""
    return {
        "found": len(rows),
        "use_cases": [row.to_json() for row in rows[:limit] if row.use_case or not row.problem],
        "broken": {row.name: row.problem for row in rows[:limit] if row.problem},
    }


def _rows(
    catalog: Catalog, lasting: dict[str, tuple[Incident, ...]], records: Records, now: datetime
) -> Iterator[Row]:
    champions, windows = records.promotions.champions(), records.windows.newest_of_each()
    decisions, trained = records.decisions.last_of_each(), records.decisions.last_trained()
    failures = records.incidents.failures()
    pins, retired = records.pins.all(), records.retirements.all()
    waiting = {each.use_case: each for each in records.approvals.waiting()}
    gone = dict.fromkeys(champions.keys() - retired.keys() - catalog.use_cases.keys(), GONE)
    problems = gone | catalog.broken
    for name in catalog.use_cases.keys() | catalog.broken.keys() | champions.keys():
        yield Row(
            name=name, now=now, use_case=catalog.use_cases.get(name),
            problem=problems.get(name, ""), champion=champions.get(name), window=windows.get(name),
            last=decisions.get(name), failure=unmended(failures.get(name, ()), trained.get(name)),
            alerts=lasting.get(name, ()), approval=waiting.get(name), pin=pins.get(name),
            retirement=retired.get(name),
        )  # fmt: skip


def _states(row: Row) -> tuple[str, ...]:
    """Return all states that a use case is in."""
    if not row.needs:
        return (row.state,)
    return (needs.SOMEBODY, *(need.state for need in row.needs))


def _text(row: Row) -> str:
    """Return what words are looked for in."""
    said = (need.why for need in row.needs)
    return " ".join((row.name, row.doc, row.owner, *row.tags, *said)).casefold()
