"""The stretch of history that is replayed, cut at moments of the calendar.

period = Period.of(use_case, oldest, end, start=None, step=None)
period.cuts[period.first :]         # the moments at which policies may train
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from evergreen.data.calendar import ORIGIN, block_length
from evergreen.errors import DeclarationError
from evergreen.spec import UseCase

YEAR, WEEK, DAY = timedelta(days=365), timedelta(days=7), timedelta(days=1)
LONGEST = 1_000
"""Cuts of a period; a replay of more is asked for by mistake."""


@dataclass(frozen=True)
class Period:
    """The cuts of a replay: first those of the warm-up, whose answers the first gate looks at."""

    cuts: tuple[datetime, ...]
    first: int
    """The cut at which the period begins."""
    end: datetime
    """Of the newest rows whose labels are known."""
    step: timedelta

    @property
    def start(self) -> datetime:
        """The moment at which the first training of every policy takes place."""
        return self.cuts[self.first]

    @classmethod
    def of(
        cls,
        use_case: UseCase,
        oldest: datetime,
        end: datetime,
        start: datetime | None = None,
        step: timedelta | None = None,
    ) -> "Period":
        """Return the period up to what is labelled at `end`; without a start, the last year, or as
        much as the rows allow.

        Raises:
            DeclarationError: the use case is not divided by time, or there is too little history.
        """
        holdout = holdout_of(use_case)
        step = step or default_step(use_case)
        earliest = oldest + use_case.embargo + 2 * holdout + use_case.source.label_delay
        end -= use_case.source.label_delay
        start = max(end - YEAR, earliest) if start is None else start
        if start < earliest:
            raise DeclarationError(
                "--from", f"{start:%Y-%m-%d}", f"{earliest:%Y-%m-%d} or later, as rows begin at"
                f" {oldest:%Y-%m-%d} and the first gate looks back over them",
            )  # fmt: skip
        if not start + step <= end:
            least = start + step + use_case.source.label_delay
            asked = end + use_case.source.label_delay
            raise DeclarationError("--to", f"{asked:%Y-%m-%d}", f"{least:%Y-%m-%d} or later")
        before = start - holdout - use_case.source.label_delay
        cuts = _cuts(before, end, step)
        first = max(n for n, cut in enumerate(cuts) if cut <= start)
        return cls(cuts, first, end, step)


def default_step(use_case: UseCase) -> timedelta:
    """Return a block of the walk, at least a day and at most a week."""
    return min(max(block_length(use_case), DAY), WEEK)


def holdout_of(use_case: UseCase) -> timedelta:
    """Return the length of the holdout.

    Raises:
        DeclarationError: a share of the keys is held out, and the rows are not divided by time.
    """
    holdout = use_case.windows.holdout
    if not isinstance(holdout, timedelta):
        raise DeclarationError("windows.holdout", holdout, "a length of time, to be replayed")
    return holdout


def _cuts(before: datetime, end: datetime, step: timedelta) -> tuple[datetime, ...]:
    first = ORIGIN + (before - ORIGIN) // step * step
    number = -((first - end) // step)
    if number > LONGEST:
        raise DeclarationError("--step", step, f"longer: {number} cuts are more than {LONGEST}")
    return tuple(first + n * step for n in range(number))
