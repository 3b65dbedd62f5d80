"""What the columns of a window are held against, and from which distance on they have drifted.

    history = History(own, reference, profile, settings)
    yardstick = history.yardstick(now, kinds, Stretch.of(logged, "date", window), alpha, monitoring)
    yardstick.before, yardstick.thresholds      # per column
    yardstick.told                              # by history, or why not

By default the use case's own history tells (see `calibration`): it is measured once for each
champion, length and gap, and kept beside the champion's profile. Rows without a time, rows that
span much of history, a history that is too short: then it is the test for independent rows, over
all that was learned from.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from evergreen import storage
from evergreen.dossier import Dossier
from evergreen.records import Logged
from evergreen.refs import Window
from evergreen.settings import Settings
from evergreen.spec import Monitoring, Usual
from evergreen.watching import calibration, outputs
from evergreen.watching.bases import DAY, HOUR, WEEK, Array, Basis
from evergreen.watching.calibration import Calibration, Coded, Limits
from evergreen.watching.drift import CATEGORICAL, NUMERIC, threshold
from evergreen.watching.facts import UsualFacts
from evergreen.watching.outputs import PREDICTION
from evergreen.watching.profile import Profile
from evergreen.watching.reference import Reference, moments, sample
from evergreen.watching.together import TOGETHER, Scores

FORMAT = 4
"""Raised when the meaning of a calibration changes; older files are measured again."""
ROWS = 200_000
"""At most so many rows of history are measured."""
FEWEST = 10
"""A history of fewer windows tells nothing."""
LENGTHS = (
    HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, DAY, 2 * DAY, 4 * DAY,
    WEEK, 2 * WEEK, 4 * WEEK, 8 * WEEK, 16 * WEEK, 32 * WEEK,
)  # fmt: skip
"""Lengths and gaps are rounded to these, so that few are measured."""


@dataclass(frozen=True)
class Stretch:
    """The event time that the rows of a window span."""

    start: float
    length: float
    rows: int
    """Rows that differ: one that was asked for twice tells as much as once."""

    @classmethod
    def of(cls, logged: Logged, timestamp: str | None, window: Window) -> "Stretch":
        """Read it off the rows, the outer 2.5 % apart; if they tell no time, it is the window's."""
        told = moments([row.get(timestamp or "") for row in logged.inputs])
        told = told[np.isfinite(told)]
        if not len(told):
            told = np.array([window.start.timestamp(), window.end.timestamp()])
        low, high = np.quantile(told, [0.025, 0.975])
        span = max((high - low) / 0.95, HOUR)
        length = min(LENGTHS, key=lambda known: abs(math.log(known / span)))
        different = {json.dumps(row, sort_keys=True) for row in logged.inputs}
        return cls(float((low + high - length) / 2), length, len(different))


@dataclass(frozen=True)
class PairsHeld:
    """What is usual for how columns go together."""

    basis: Basis
    limits: Array
    """The distance of each pair of scores beyond which it is unusual, (pairs,); NaN: unknown."""
    rows: float
    """Median rows of a window of the past."""


@dataclass(frozen=True)
class Yardstick:
    """What a window is held against."""

    before: pd.DataFrame
    """Rows of history: of each column as many as it has, and then NaN."""
    thresholds: dict[str, float]
    told: UsualFacts
    bases: dict[str, str] = field(default_factory=dict)
    """Which rows those are, in words, of each column that history tells of."""
    confidence: tuple[float, float] | None = None
    """Mean and deviation of the confidence in windows of the past; None: unknown."""
    pairs: PairsHeld | None = None
    """None: rows are taken for independent, or windows of the past do not tell."""

    def sure(self, name: str) -> bool:
        """Tell whether enough is known of a column to call it drifted."""
        return self.told.enough or name not in self.bases


@dataclass(frozen=True)
class History:
    """What a champion learned from, and what it answered there."""

    own: Dossier
    reference: Reference
    profile: Profile | None
    settings: Settings

    @cached_property
    def scores(self) -> Scores:
        """What of the columns is looked at for how they go together, what matters most first."""
        reference, matter = self.reference, self.profile.importance if self.profile else {}
        kinds = {n: kind for n, kind in self._kinds.items() if n in reference.frame}
        order = sorted(kinds, key=lambda name: -matter.get(name, 0.0))
        return Scores.of(reference.frame, kinds, order)

    @property
    def _kinds(self) -> dict[str, str]:
        """The columns that can be compared at all, and how."""
        reference = self.reference
        return {
            name: kind
            for name, kind in reference.kinds.items()
            if kind in {NUMERIC, CATEGORICAL} and reference.nulls.get(name, 0) < reference.rows
        }

    def rows_of(
        self, names: Sequence[str], basis: Basis | None, stretch: Stretch, limit: int
    ) -> pd.DataFrame:
        """Return whole rows that a window is held against, at most `limit` of them."""
        if basis is None:
            return self.reference.frame[list(names)]
        near = basis.near(self.reference.times, stretch.start, stretch.length)
        chosen = sample(np.flatnonzero(near), limit)
        return pd.DataFrame({name: self.reference.values(name, chosen) for name in names})

    def yardstick(
        self,
        now: pd.DataFrame,
        kinds: Mapping[str, str],
        stretch: Stretch,
        alpha: float,
        monitoring: Monitoring,
    ) -> Yardstick:
        """Return what the columns `kinds` of a window are held against.

        Args:
            now: the window, n rows.
            kinds: the columns that are compared, and how.
            stretch: the event time of the window.
            alpha: chance of a false alarm of each column; history's holds for all of them at once.
            monitoring: what is declared.
        """
        ways = {name: monitoring.watched(name) for name in kinds}
        by_history = [name for name, way in ways.items() if way.usual is Usual.HISTORY]
        limits, measured, told = self._limits(stretch, by_history, alpha, monitoring.pairs)
        rows = measured.rows if measured else 0.0
        bases, largest = (limits.bases, limits.largest) if limits else ({}, {})
        before = {n: self._before(n, bases.get(n), stretch, monitoring.sample) for n in kinds}
        thresholds = {
            name: max(
                ways[name].min_effect or 0.0,
                _threshold(before[name], now[name], kind, alpha, largest.get(name), rows, stretch),
            )
            for name, kind in kinds.items()
        }
        words = {name: basis.name for name, basis in bases.items()}
        confidence = limits.confidence if limits else None
        frame = pd.DataFrame({n: values.reset_index(drop=True) for n, values in before.items()})
        pairs = None
        if TOGETHER in bases and measured:
            usual = measured.pairs.limits(largest[TOGETHER])
            pairs = PairsHeld(bases[TOGETHER], usual, rows)
        return Yardstick(frame, thresholds, told, words, confidence, pairs)

    def _limits(
        self, stretch: Stretch, names: list[str], alpha: float, pairs: bool
    ) -> tuple[Limits | None, Calibration | None, UsualFacts]:
        """Return what history tells, and what it was told by, or say why it does not.

        `alpha` is that of each column; with `pairs`, how columns go together counts as one more.
        """
        times, length = self.reference.times, stretch.length
        if not names:
            return None, None, UsualFacts(problem="it is declared so")
        if times is None or not self.own.temporal:
            return None, None, UsualFacts(problem="its rows have no time")
        if times.max() - times.min() < FEWEST * length:
            problem = f"its history of {_told(times.max() - times.min())} is too short for rows"
            return None, None, UsualFacts(problem=f"{problem} that span {_told(length)}")
        apart = max(stretch.start - float(times.max()), 0.0)
        gap = next((known for known in (0.0, *LENGTHS) if known >= apart), apart)
        measured = self._measured(length, gap)
        more = [*names, TOGETHER] if pairs else names
        known = {name: self.reference.when_known(name) for name in names}
        limits = measured.limits(stretch.start, times, more, alpha * len(more), known)
        if limits is None:  # of one row a window, how columns go together is not to be told
            limits = measured.limits(stretch.start, times, names, alpha * len(names), known)
        if limits is None:
            problem = f"its history is too short to tell, {_told(gap)} after its end"
            return None, None, UsualFacts(problem=problem)
        told = UsualFacts(
            length=length,
            gap=gap,
            blocks=limits.blocks,
            of_season=limits.of_season,
            needed=limits.needed,
            enough=limits.enough,
        )
        return limits, measured, told

    def _measured(self, length: float, gap: float) -> Calibration:
        """Return the distances of windows of the past, measured the first time."""
        store, digest = storage.of(self.settings, storage.DRIFT), self.own.model.sha256[:16]
        path = f"{self.own.use_case}/champions/{digest}-{length:.0f}s-{gap:.0f}s.json"
        about = {"format": FORMAT, "snapshot": self.own.learned.snapshot.sha256,
                 "answers": self.profile is not None,
                 "pairs": [score.told for score in self.scores.found]}  # fmt: skip
        if store.exists(path):
            kept = json.loads(store.read(path))
            if kept["about"] == about:
                return Calibration.from_json(kept["calibration"])
        measured = self._measure(length, gap)
        document = {"about": about, "calibration": measured.to_json()}
        store.publish(path, json.dumps(document, allow_nan=False))
        return measured

    def _measure(self, length: float, gap: float) -> Calibration:
        times = self.reference.times
        chosen = sample(np.flatnonzero(np.isfinite(times)), ROWS)
        at = times[chosen]
        usual = len(at) / max(len(np.unique(at // length)), 1)
        values = {name: self.reference.values(name, chosen) for name in self._kinds}
        columns = {
            name: calibration.coded(at, values[name], kind, usual)
            for name, kind in self._kinds.items()
        }
        pairs = (self.scores, self.scores.rows(values)) if len(self.scores.columns) > 1 else None
        if self.profile is None:
            return calibration.measure(columns, at, length, gap, pairs=pairs)
        moment = np.array(self.profile.times)
        columns[PREDICTION] = self._answers(moment, usual)
        sure = (moment, np.array(self.profile.sure)) if self.profile.sure else None
        return calibration.measure(columns, at, length, gap, sure, pairs)

    def _answers(self, moment: Array, usual: float) -> Coded:
        assert self.profile is not None, "asked for with a profile only"  # noqa: S101
        kind = self.own.answers.kind
        said = outputs.usual(kind, self.profile)
        return calibration.coded(moment, said, outputs.column(kind), usual)

    def _before(
        self, name: str, basis: Basis | None, stretch: Stretch, limit: int
    ) -> "pd.Series[Any]":
        """Return the rows that a column is held against, at most `limit` of them."""
        answers = name == PREDICTION
        if answers and self.profile:
            said = outputs.usual(self.own.answers.kind, self.profile)
            if basis is None:
                return said
            times = np.array(self.profile.times)
            return said[basis.near(times, stretch.start, stretch.length)]
        if basis is None:
            return self.reference.frame[name]
        near = basis.near(self.reference.times, stretch.start, stretch.length)
        return self.reference.values(name, sample(np.flatnonzero(near), limit))


def _threshold(
    before: "pd.Series[Any]",
    now: "pd.Series[Any]",
    kind: str,
    alpha: float,
    usual: float | None,
    rows: float,
    stretch: Stretch,
) -> float:
    """Return the critical distance of a column: see `allowed`."""
    critical = threshold(before, now, kind, alpha, 0.0)
    sizes = (int(now.notna().sum()), int(before.notna().sum()))
    return float(allowed(critical, usual, sizes, rows, stretch.rows))


def allowed(critical: Any, usual: Any, sizes: tuple[int, int], rows: float, different: int) -> Any:
    """Return the limit of distances by history.

    `usual` is that of windows of the past (None: unknown), which had `rows` rows. Of it, the part
    that is but the noise of so few rows (of more than the window's) is taken off (put on): squares
    add up. It is never below the test's for independent rows, as requests are drawn at best.

    Args:
        critical: distances that independent rows hardly exceed.
        usual: distances that windows of the past hardly exceeded, NaN where that is unknown.
        sizes: rows of window and reference that `critical` is of.
        rows: median rows of a window of the past.
        different: rows of this window that differ.
    """
    if usual is None or not all(sizes):
        return critical
    noise = critical**2 / (1 / sizes[0] + 1 / sizes[1])
    square = usual**2 + noise * (1 / different - 1 / rows)
    return np.maximum(critical, np.sqrt(np.maximum(square, 0.0)))


def _told(seconds: float) -> str:
    if seconds < DAY:
        return f"{seconds / HOUR:.0f} hours"
    return f"{seconds / DAY:.0f} days"
