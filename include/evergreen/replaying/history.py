"""Every recipe fitted at every cut of a use case's history: what policies look up.

    history = History.of(use_case, rows, raw, period, recipes, memory)
    history.fresh("forest")                 # each row by the newest fit that could have served it
    history.said("forest", fit=3, block=7)  # what the fit of cut 3 said of the rows after cut 7

    warm-up, as long as the first gate looks back | the period that is replayed
    ^ cuts[0]    ^ cuts[1]    …                   ^ cuts[first]    ^ …          ^ end

A fit made at a cut sees the rows whose labels were known then (label delay, embargo and windows are
respected) and answers rows after it: at first those of the next weeks, and all of them when a
policy goes on serving it. Both are kept, so that the next replay looks them up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.data.splits import Fold
from evergreen.learning import walking
from evergreen.learning.models import Output
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.learning.walking import Known, Memory
from evergreen.replaying.period import Period
from evergreen.spec import UseCase

Array = NDArray[Any]
Memories = Callable[[str], Memory]
"""What earlier replays answered, by the name of a fit's place."""

NEAR = timedelta(days=35)
"""How far after its cut a fit answers at first: longer than a month, the slowest usual schedule."""
MOST_ROWS = 20_000
"""Rows that are answered, at most; of more, as many are drawn. Every row trains."""
_SECONDS = b"seconds"


@dataclass(frozen=True)
class Fit:
    """A recipe fitted at a cut, and what it said of rows after it."""

    output: Output
    """Of the rows from its cut on, in time order."""
    trained_until: datetime
    seconds: float


@dataclass(frozen=True)
class History:
    """A use case's rows after the first cut, in time order, and the fits that answer them."""

    use_case: UseCase
    rows: Rows
    raw: pd.DataFrame
    """The raw rows, on the same positions."""
    period: Period
    recipes: Mapping[str, Recipe]
    """Those that are walked, by name."""
    memories: Memories
    fits: dict[tuple[str, int, bool], Fit] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    """The fits that no earlier replay had made."""

    @cached_property
    def places(self) -> Array:
        """Positions of the answered rows, in time order."""
        times = self._all_times
        after = np.flatnonzero((times > self.period.cuts[0]) & (times <= self.period.end))
        if len(after) > MOST_ROWS:
            after = after[_thinned(self.rows.names[after], MOST_ROWS)]
        ordered: Array = after[np.argsort(times.iloc[after].to_numpy(), kind="stable")]
        return ordered

    @cached_property
    def times(self) -> "pd.Series[pd.Timestamp]":
        """Event times of the answered rows."""
        return self._all_times.iloc[self.places].reset_index(drop=True)

    @cached_property
    def truth(self) -> Array:
        """Labels of the answered rows."""
        truth: Array = self.rows.truth[self.places]
        return truth

    @cached_property
    def bounds(self) -> Array:
        """Where each block begins among the answered rows, and after the last: its end."""
        return np.append(self._after(self.period.cuts), len(self.places))

    @property
    def blocks(self) -> range:
        """The blocks of the period, by the cut that they begin with."""
        return range(self.period.first, len(self.period.cuts))

    def block(self, number: int) -> slice:
        """Return the answered rows after one cut, up to the next."""
        return slice(self.bounds[number], self.bounds[number + 1])

    def known(self, cut: int, length: timedelta) -> slice:
        """Return the newest answered rows whose labels are due at a cut, so far back."""
        due = self.period.cuts[cut] - self.use_case.source.label_delay
        first, last = self._after([due - length, due])
        return slice(first, last)

    def said(self, name: str, fit: int, block: int) -> Output:
        """Return what the fit of a cut says of a block after it."""
        far = block >= fit + self._near
        rows = self.block(block)
        start = self.bounds[fit]
        return self.fit(name, fit, far=far).output.take(np.arange(rows.start, rows.stop) - start)

    def fresh(self, name: str) -> Output:
        """Return what a recipe's newest fits say of all rows."""
        if name not in self._fresh:
            blocks = range(len(self.period.cuts))
            self._fresh[name] = walking.joined([self.said(name, n, n) for n in blocks])
        return self._fresh[name]

    def fit(self, name: str, cut: int, *, far: bool = False) -> Fit:
        """Return a recipe's fit of a cut; `far`: with its answers to all rows after it."""
        key = (name, cut, far)
        if key not in self.fits:
            self.fits[key] = self._fit(name, cut, far)
        return self.fits[key]

    def _fit(self, name: str, cut: int, far: bool) -> Fit:
        recipe, moment = self.recipes[name], self.period.cuts[cut]
        last = len(self.places) if far else self.bounds[min(cut + self._near, len(self.bounds) - 1)]
        fold = Fold(self._trained(moment), self.places[self.bounds[cut] : last])
        place = f"{recipe.digest[:20]}/{moment:%Y%m%dT%H%M}{'-far' if far else ''}"
        memory = _Timed(self.memories(place))
        walked = walking.walk(recipe, self.rows, [fold], memory)
        if walked.fitted:
            memory.settle(walked.effort.seconds)
            self.made.append(place)
        answered = walked.blocks[0]
        newest = self._all_times.iloc[answered.fold.train].max().to_pydatetime()
        return Fit(answered.output, newest, memory.seconds)

    def _trained(self, moment: datetime) -> Array:
        rows = np.flatnonzero(self._all_times <= moment - self.use_case.embargo)
        fold = Fold(rows, np.array([], dtype=np.intp))
        return fold.within(self.use_case.windows.training, self._all_times).train

    @cached_property
    def _fresh(self) -> dict[str, Output]:
        return {}

    @property
    def _near(self) -> int:
        """How many blocks a fit answers at first."""
        return -(-NEAR // self.period.step)

    @property
    def _all_times(self) -> "pd.Series[pd.Timestamp]":
        assert self.rows.times is not None, "rows without a time are not replayed"  # noqa: S101
        return self.rows.times

    def _after(self, moments: Sequence[datetime]) -> Array:
        """Return how many of the answered rows are not after each moment."""
        found: Array = np.asarray(self.times.searchsorted(pd.Series(moments), side="right"))
        return found


class _Timed:
    """A memory that keeps with the answers how many seconds their fit took."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._waiting: tuple[str, Known] | None = None
        self.seconds = 0.0

    def recall(self, recipe: str) -> Known | None:
        known = self._memory.recall(recipe)
        told = (known.table.schema.metadata or {}) if known else {}
        self.seconds = float(told.get(_SECONDS, 0))
        return known

    def keep(self, recipe: str, known: Known) -> None:
        self._waiting = recipe, known

    def settle(self, seconds: float) -> None:
        """Keep what waits, and what it took."""
        if self._waiting is not None:
            recipe, known = self._waiting
            self.seconds = round(seconds, 6)
            told = {_SECONDS: f"{self.seconds:.6f}".encode()}
            self._memory.keep(
                recipe, replace(known, table=known.table.replace_schema_metadata(told))
            )


def _thinned(names: "NDArray[np.uint64]", most: int) -> Array:
    """Draw rows by their names, so that a row is drawn whatever rows come after it."""
    every = np.uint64(2 ** int(np.ceil(np.log2(len(names) / most))))
    return np.flatnonzero(names % every == 0)
