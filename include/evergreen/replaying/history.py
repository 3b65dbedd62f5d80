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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.data.splits import Fold
from evergreen.learning import walking
from evergreen.learning.computing import LOCAL, Compute
from evergreen.learning.models import Output
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.learning.walking import Job, Known, Memory
from evergreen.replaying.period import Period
from evergreen.spec import UseCase

Array = NDArray[Any]
Memories = Callable[[str], Memory]
"""What earlier replays answered, by the name of a fit's place."""

Key = tuple[str, int, bool]
"""A fit: the name of its recipe, the number of its cut, and whether it answers all rows after it.
"""

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
    compute: Compute = LOCAL
    """Where fits are made."""
    fits: dict[Key, Fit] = field(default_factory=dict)
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
        for _ in self.make([key]):
            pass
        return self.fits[key]

    def make(self, asked: Sequence[Key]) -> Iterator[Key]:
        """Make the fits that are not here yet, side by side where `compute` does; yield each."""
        missing = [key for key in asked if key not in self.fits]
        memories = [_Timed(self.memories(self._place(*key))) for key in missing]
        jobs = [
            Job(self.recipes[key[0]], [self._fold(*key)], memory)
            for key, memory in zip(missing, memories, strict=True)
        ]
        walks = walking.walks(jobs, self.rows, self.compute)
        for key, memory, walked in zip(missing, memories, walks, strict=True):
            if walked.fitted:
                memory.settle(walked.effort.seconds)
                self.made.append(self._place(*key))
            answered = walked.blocks[0]
            newest = self._all_times.iloc[answered.fold.train].max().to_pydatetime()
            self.fits[key] = Fit(answered.output, newest, memory.seconds)
            yield key

    def _fold(self, _: str, cut: int, far: bool) -> Fold:
        last = len(self.places) if far else self.bounds[min(cut + self._near, len(self.bounds) - 1)]
        return Fold(self._trained(self.period.cuts[cut]), self.places[self.bounds[cut] : last])

    def _place(self, name: str, cut: int, far: bool) -> str:
        moment = self.period.cuts[cut]
        return f"{self.recipes[name].digest[:20]}/{moment:%Y%m%dT%H%M}{'-far' if far else ''}"

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
