"""What of history a window may be held against: all of it, its newest weeks, its like, its season.

    for basis in of(length):
        basis.near(times, start, length)        # which rows, (n,): True where they are compared

Seconds since 1970 throughout. Which one is taken is not declared: `calibration` takes, for each
column, the one that windows of the past lay nearest to.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
HOUR, DAY, WEEK, YEAR = 3600.0, 86400.0, 7 * 86400.0, 365.25 * 86400.0
SEASON = 15 * DAY
"""The same season of other years: so much before and after."""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Which rows of history a window is held against."""

    name: str
    """In words."""
    reach: float = math.inf
    """How far before the window they begin; infinite: all rows but the window's own."""
    period: float = 0.0
    """Only rows at the same place of this period, such as a week; 0: all of them."""
    around: float = 0.0
    """So much before and after that place."""

    def near(self, times: Array, start: Any, length: float, gap: float = 0.0) -> Array:
        """Tell which moments are held against windows that begin at `start`.

        Args:
            times: moments of rows, (n,) or (1, n).
            start: one moment, or (k, 1).
            length: of a window.
            gap: rows that are nearer to the window than this are left out.
        """
        after = times - start
        far = after < -gap
        if math.isinf(self.reach):
            chosen = far | (after >= length + gap)
        else:
            chosen = far & (after >= -gap - self.reach)
        if self.period:
            chosen &= (after + self.around) % self.period < length + 2 * self.around
        if self.period == YEAR:
            chosen &= np.abs(after) > YEAR / 2
        return np.asarray(chosen)


def of(length: float) -> tuple[Basis, ...]:
    """Return what windows of a length may be held against."""
    weeks = max(4 * WEEK, 4 * length)
    found = [
        Basis(name="all that it learned from"),
        Basis(name=f"the {weeks / WEEK:.0f} weeks before", reach=weeks),
        Basis(name="the same season of other years", period=YEAR, around=SEASON),
    ]
    if length <= WEEK:
        found.append(Basis(name="the days just before", reach=max(4 * length, DAY)))
    if length < WEEK:
        found.append(Basis(name="the same weekday in 8 weeks", reach=8 * WEEK, period=WEEK))
    if length < DAY:
        found.append(Basis(name="the same hours in 4 weeks", reach=4 * WEEK, period=DAY))
    return tuple(found)
