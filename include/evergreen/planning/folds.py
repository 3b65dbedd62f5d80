"""How many fits a training makes, by its declaration and the calendar alone.

    of(weather, "forest", as_of)                      # Counts(anew=4, kept=0): nothing is known
    of(weather, "forest", as_of, before=yesterday)    # Counts(anew=1, kept=3)

A block that yesterday's walk answered whole is answered from its memory, as long as no row of the
past has changed: whether one has, only the rows can tell. Rows without a time tell nothing either,
and are taken to have changed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from evergreen.data.calendar import Block, Walk
from evergreen.data.splits import FOLDS
from evergreen.learning import searching
from evergreen.spec import CHAMPION, Between, Candidate, UseCase


@dataclass(frozen=True)
class Counts:
    """Fits of a walk, with the search before it."""

    anew: int
    kept: int


def of(use_case: UseCase, name: str, as_of: datetime, before: datetime | None = None) -> Counts:
    """Count the fits of a contender, a baseline or the recipe in charge.

    Args:
        use_case: the declaration.
        name: of the recipe.
        as_of: of the training.
        before: `as_of` of the newest walk of the same recipe that is remembered; None: none is.
    """
    points = 0 if name == CHAMPION else trials(use_case, use_case.candidate(name))
    asked = points + holds(use_case)
    if not use_case.windows.temporal:
        return Counts(points * FOLDS + (0 if points else holds(use_case) * FOLDS) + 1, 0)
    walk, old = Walk.of(use_case, as_of), Walk.of(use_case, before) if before else None
    known: Collection[Block] = (*old.choosing, *old.judging) if old else ()
    choosing = sum(block not in known for block in walk.choosing)
    judging = sum(block not in known for block in walk.judging)
    anew = choosing * (points or holds(use_case)) + judging
    return Counts(anew, asked * len(walk.choosing) + len(walk.judging) - anew)


def trials(use_case: UseCase, candidate: Candidate) -> int:
    """Return how many points of a search are tried, unless its budget ends it; 0: no search."""
    if not candidate.search:
        return 0
    if any(isinstance(values, Between) for values in candidate.search.values()):
        return candidate.trials
    return len(searching.listed(use_case, candidate))


def holds(use_case: UseCase) -> bool:
    """Tell whether models hold what is learned from answers to rows before the judged ones."""
    business = use_case.business
    return use_case.interval is not None or bool(business and business.choose_threshold)
