"""Which things of the store go, and with them which of the files that they share.

chosen = choose(shelf, limits, as_of)
chosen.going                  # things, the oldest first
chosen.shared                 # chunks that nothing which stays names, and nobody writes
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from evergreen.retention.limits import GRACE, Limits
from evergreen.retention.things import Shelf, Thing


@dataclass(frozen=True)
class Chosen:
    """What goes."""

    going: tuple[Thing, ...]
    shared: tuple[str, ...]
    """Paths of files that go with them, or that nothing holds."""


def choose(shelf: Shelf, limits: Limits, as_of: datetime) -> Chosen:
    """Choose what is too old, or, while all of it is too large, the oldest of the rest."""
    free = sorted(
        (t for t in shelf.things if not t.why and t.at <= as_of - GRACE), key=lambda t: t.at
    )
    going = [thing for thing in free if thing.at <= as_of - limits.ages[thing.kind]]
    if limits.bytes:
        going += _largest(shelf, going, free, limits.bytes)
    held = _held(shelf, going)
    old = {path for path, file in shelf.files.items() if file.written <= as_of - GRACE}
    named = {path for thing in going for path in thing.shared} | shelf.loose
    return Chosen(tuple(going), tuple(sorted(p for p in named & old if not held[p])))


def _largest(shelf: Shelf, going: list[Thing], free: list[Thing], limit: int) -> list[Thing]:
    """Return the oldest of what may go, until the rest fits."""
    held, more = _held(shelf, going), []
    size = shelf.bytes({path for path, times in held.items() if times})
    for thing in (one for one in free if one not in going):
        if size <= limit:
            break
        more.append(thing)
        for path in (*thing.own, *thing.shared):
            held[path] -= 1
            size -= 0 if held[path] else shelf.bytes([path])
    return more


def _held(shelf: Shelf, going: list[Thing]) -> Counter[str]:
    """Count, for each file, the things that stay and hold it."""
    gone = {id(thing) for thing in going}
    stay = (thing for thing in shelf.things if id(thing) not in gone)
    return Counter(path for thing in stay for path in (*thing.own, *thing.shared))
