"""False alarms on streams that nothing happens to, and how soon a shift on top of them is found.

python benchmarks/usual.py [stream ...] (default: all of `streams.STREAMS`; needs no database)

Of the last 40 % of a stream, windows of a day and of a week are watched as the service's would be:
500 requests, drawn from the rows of the window, against all rows up to two days before, by weekly
refreshes. A shift moves a third of the columns by so many standard deviations of all rows; a flip
turns the ranks of one of the two numbers round that go together most: margins stay, its sign goes.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

os.environ |= {"DO_NOT_TRACK": "true", "OMP_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
import pyarrow as pa

from common import Figures, happened, measuring, options, settings
from evergreen.deciding import policy
from evergreen.deciding.situation import Situation
from evergreen.records import Logged
from evergreen.refs import Outcome, Window, WindowRef
from evergreen.spec import Monitoring, Retraining
from evergreen.watching import pairs, verdict
from evergreen.watching.distances import Frequencies, numeric_distance
from evergreen.watching.drift import CATEGORICAL, NUMERIC
from evergreen.watching.facts import ColumnFacts, Facts
from evergreen.watching.reference import Reference
from evergreen.watching.yardstick import History, Stretch
from streams import DAY, STREAMS

LENGTHS = {"a day": DAY, "a week": 7 * DAY}
DELAY, REFRESH = 2 * DAY, 7 * DAY
REQUESTS, WINDOWS = 500, 100
SHIFTS = (0.0, 0.25, 0.5, 1.0)
LIMITS, RULES = Monitoring(), Retraining()
ALARMS = {Outcome.WARNING, Outcome.CRITICAL}


@dataclass
class Life:
    """A stream, watched in windows of a length."""

    times: np.ndarray
    rows: pd.DataFrame
    length: float
    home: Path
    seconds: list[float] = field(default_factory=list)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """How each column is compared."""
        return {
            str(name): NUMERIC if values.dtype.kind in "if" else CATEGORICAL
            for name, values in self.rows.items()
        }

    @cached_property
    def whole(self) -> pa.Table:
        """All rows."""
        return pa.Table.from_pandas(self.rows, preserve_index=False)

    @cached_property
    def pair(self) -> tuple[str, str]:
        """The two numbers that go together most."""
        numbers = [name for name, kind in self.kinds.items() if kind == NUMERIC]
        table = self.rows[numbers].rank().corr().abs().to_numpy().copy()
        np.fill_diagonal(table, 0.0)
        first, second = np.unravel_index(np.argmax(table), table.shape)
        return numbers[first], numbers[second]

    def watched(
        self, shift: float, most: int, flip: bool = False, first: int | None = None
    ) -> list[WindowRef]:
        """Watch the newest windows (of them the first so many), one after the other."""
        windows = islice(self._windows(most), first)
        return [self._judged(start, history, shift, flip) for start, history in windows]

    def _windows(self, most: int) -> Iterator[tuple[float, History]]:
        first = self.times[0] + 0.6 * (self.times[-1] - self.times[0])
        starts = np.arange(np.ceil(first / self.length), self.times[-1] // self.length)
        history, renewed = None, -np.inf
        for start in starts[-most:] * self.length:
            if history is None or start >= renewed + REFRESH:
                history, renewed = self._history(start), start
            if len(self._within(start)):
                yield float(start), history

    def _within(self, start: float) -> np.ndarray:
        return np.arange(*np.searchsorted(self.times, [start, start + self.length]))

    def _history(self, start: float) -> History:
        count = int(np.searchsorted(self.times, start - DELAY))
        nulls = self.rows[:count].isna().sum().to_dict()
        reference = Reference(
            self.rows[:count].sample(min(count, LIMITS.sample), random_state=0), count, self.kinds,
            nulls=nulls, raw=self.whole.slice(0, count), times=self.times[:count],
        )  # fmt: skip
        digest, snapshot = SimpleNamespace(sha256=f"{count:016}"), SimpleNamespace(sha256="")
        own: Any = SimpleNamespace(
            temporal=True, use_case=f"{self.length:.0f}", model=digest,
            learned=SimpleNamespace(snapshot=snapshot),
        )  # fmt: skip
        return History(own, reference, None, settings(self.home))

    def _judged(self, start: float, history: History, shift: float, flip: bool) -> WindowRef:
        within = self._within(start)
        draw = np.random.default_rng(int(start))
        drawn = draw.choice(within, REQUESTS, replace=len(within) < REQUESTS)
        now = self._shifted(self.rows.iloc[drawn].reset_index(drop=True), shift)
        if flip:
            now = now.assign(**{self.pair[1]: _turned(now[self.pair[1]])})
        inputs = [
            {"row": int(n), "time": datetime.fromtimestamp(self.times[n], UTC).isoformat()}
            for n in drawn
        ]
        end = datetime.fromtimestamp(start + self.length, UTC)
        window = Window(start=datetime.fromtimestamp(start, UTC), end=end)
        stretch = Stretch.of(Logged(REQUESTS, 0, 0, inputs, [], []), "time", window)
        alpha = LIMITS.false_alarms / (2 * len(self.kinds) + 4)
        began = time.perf_counter()
        held = history.yardstick(now, self.kinds, stretch, alpha, LIMITS)
        columns = tuple(
            ColumnFacts(
                name=name, kind=kind, rows=REQUESTS, threshold=held.thresholds[name],
                distance=_distance(held.before[name].dropna(), now[name].dropna(), kind),
                sure=held.sure(name),
            )
            for name, kind in self.kinds.items()
        )  # fmt: skip
        alone = {column.name for column in columns if column.beyond}
        found = pairs.measure(history, held, now, self.kinds, stretch, alpha, LIMITS, alone)
        self.seconds.append(time.perf_counter() - began)
        facts = Facts(
            use_case="", start=window.start, end=end, usual=held.told, columns=columns,
            together=found.facts,
        )  # fmt: skip
        judged = verdict.judge(facts, LIMITS)
        return WindowRef(
            use_case="", start=window.start, end=end, champion=1, rows=REQUESTS,
            outcome=judged.outcome, sentence=judged.sentence,
            drifted=tuple(column.name for column in facts.drifted),
            together=tuple(pair.name for pair in facts.pairs),
        )  # fmt: skip

    def _shifted(self, rows: pd.DataFrame, shift: float) -> pd.DataFrame:
        numbers = [name for name, kind in self.kinds.items() if kind == NUMERIC]
        third = numbers[: max(1, round(len(self.kinds) / 3))]
        return rows.assign(**{n: rows[n] + shift * self.rows[n].std() for n in third})


def _turned(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Give the smallest value the largest's place, and so on."""
    order = np.argsort(values.to_numpy(), kind="stable")
    turned = values.to_numpy(copy=True)
    turned[order] = values.to_numpy()[order[::-1]]
    return pd.Series(turned, index=values.index)


def _distance(before: "pd.Series[Any]", now: "pd.Series[Any]", kind: str) -> float:
    if kind == NUMERIC:
        return numeric_distance(before, now)
    return Frequencies.of(before, now).distance


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("streams", nargs="*", default=list(STREAMS))
    arguments = parser.parse_args()
    with measuring(arguments) as figures:
        tables(figures, arguments.streams, arguments.small)


def tables(figures: Figures, names: list[str], small: bool) -> None:
    """Tell both tables: alarms without a change, and how soon a shift is found."""
    lengths, shifts, most = (LENGTHS, SHIFTS, WINDOWS) if not small else (
        {"a day": DAY}, (0.0, 1.0), 5,
    )  # fmt: skip
    for name in names[:1] if small else names:
        times, rows = STREAMS[name]()
        for words, length in lengths.items():
            with TemporaryDirectory() as home:
                life = Life(times, rows, length, Path(home))
                for shift in shifts:
                    tell(figures, name, words, f"{shift:+.2f} sd", life.watched(shift, most), life)
                if sum(kind == NUMERIC for kind in life.kinds.values()) > 1:
                    flipped = f"{' and '.join(life.pair)} flipped"
                    tell(figures, name, words, flipped, life.watched(0.0, most, flip=True), life)


def asked(watched: list[WindowRef]) -> list[bool]:
    """Tell of each window whether the policy sees a cause in it and those before."""
    of, found = RULES.of_windows, []
    for n, window in enumerate(watched):
        recent = tuple(reversed(watched[max(n - of + 1, 0) : n + 1]))
        situation = Situation(now=window.end, rules=RULES, window=window, champion=1, recent=recent)
        found.append(policy.drift(situation) is not None)
    return found


def tell(
    figures: Figures, name: str, words: str, change: str, watched: list[WindowRef], life: Life
) -> None:
    """Tell how one stream came out."""
    outcomes, seconds = [seen.outcome for seen in watched], life.seconds
    together = float(np.mean([bool(seen.together) for seen in watched]))
    happened(f"{name} was watched", bool(outcomes), True)
    count = Counter(outcomes)
    alarms = sum(count[each] for each in ALARMS) / len(outcomes)
    retrain = float(np.mean(asked(watched)))
    soon = {n: _found_within(outcomes, n) for n in (2, 5)}
    unknown = count[Outcome.UNKNOWN] / len(outcomes)
    figures.tell(
        f"{name}, windows of {words}, {change}: {alarms:.1%} of {len(outcomes)} alarm"
        f" ({together:.1%} for pairs), {retrain:.1%} would retrain, {unknown:.0%} not known;"
        f" found within 2 windows {soon[2]:.0%}, within 5 {soon[5]:.0%}"
        f" (calibrated in up to {max(seconds):.1f} s, a window in {np.median(seconds):.2f} s)",
        stream=name, window=words, change=change, windows=len(outcomes), alarms=alarms,
        pairs=together, retrain=retrain, unknown=unknown,
        within_2=soon[2], within_5=soon[5], seconds=max(seconds),
    )  # fmt: skip


def _found_within(outcomes: list[str], windows: int) -> float:
    """Return in which share of the possible starts of a shift a window alarms so soon."""
    starts = range(max(len(outcomes) - windows + 1, 1))
    return float(np.mean([bool(ALARMS & set(outcomes[n : n + windows])) for n in starts]))


if __name__ == "__main__":
    main()
