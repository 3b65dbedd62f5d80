"""The moments at which a walk forward is cut: those of the calendar, whatever `as_of` is.

    walk = Walk.of(weather, as_of)
    walk.judging[0].start      # the first judged block, and the moment that its fit was made
    walk.known(walk.judging[0].start)     # event time of the newest row that it may have seen

    history … | choosing blocks | embargo | judging blocks, the last one still growing | not mature
                                          ^ walk.start                                 ^ walk.end

A block holds its end and not its start. Tomorrow's walk has the same blocks but for the last, so
that the fits of the others are those of today.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from evergreen.spec import UseCase

ORIGIN = datetime(2001, 1, 1, tzinfo=UTC)
"""A Monday; every cut lies a whole number of blocks from it."""
CHOOSING = 3
"""How many blocks' length before the judged rows parameters are chosen on."""
STEPS = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1))


@dataclass(frozen=True)
class Block:
    """A stretch of event time that is answered by one fit, made at its start."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Walk:
    """The blocks of a temporal use case as of a moment."""

    choosing: tuple[Block, ...]
    judging: tuple[Block, ...]
    embargo: timedelta

    @classmethod
    def of(cls, use_case: UseCase, as_of: datetime) -> "Walk":
        """Return the walk over the newest `windows.holdout` of mature rows."""
        length, end = block_length(use_case), as_of - use_case.source.label_delay
        judging = tuple(_blocks(_cut(end - _holdout(use_case), length), end, length))
        choice = judging[0].start - use_case.embargo
        choosing = tuple(_blocks(_cut(choice - CHOOSING * length, length), choice, length))
        return cls(choosing, judging, use_case.embargo)

    @property
    def start(self) -> datetime:
        """Return the moment after which rows are judged."""
        return self.judging[0].start

    @property
    def end(self) -> datetime:
        """Return the event time of the newest mature row that there can be."""
        return self.judging[-1].end

    def known(self, moment: datetime) -> datetime:
        """Return the event time of the newest row that a fit made at that moment may see."""
        return moment - self.embargo


def block_length(use_case: UseCase) -> timedelta:
    """Return `holdout / blocks`, in whole days (or hours, or minutes, where it is shorter)."""
    length = _holdout(use_case) / use_case.windows.blocks
    step = next((step for step in STEPS if step <= length), STEPS[-1])
    return max(length // step, 1) * step


def reach(use_case: UseCase) -> timedelta | None:
    """Return how far before the newest mature row a walk reads; None: all history."""
    if use_case.windows.training is None:
        return None
    if not use_case.windows.temporal:
        return use_case.windows.training + use_case.features.lookback
    before = (2 + CHOOSING) * block_length(use_case) + _holdout(use_case)
    return use_case.windows.training + 2 * use_case.embargo + before + use_case.features.lookback


def _holdout(use_case: UseCase) -> timedelta:
    holdout = use_case.windows.holdout
    if not isinstance(holdout, timedelta):
        raise TypeError(f"{use_case.name} holds out a share of its keys, and is not walked")
    return holdout


def _cut(moment: datetime, length: timedelta) -> datetime:
    """Return the newest cut that is not after the moment."""
    return ORIGIN + (moment - ORIGIN) // length * length


def _blocks(start: datetime, end: datetime, length: timedelta) -> Iterator[Block]:
    while start < end:
        yield Block(start, min(start + length, end))
        start += length
