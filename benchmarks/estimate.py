"""The live metric without labels: how often its band holds what the labels tell when they come.

python benchmarks/estimate.py [--seeds N] [--only WORDS] (needs no database)

Streams of four columns, and of a class or a value. A logistic or linear model, which lacks a
product of two columns, is refitted every 30 days. Of days 181 to 300 it is known what it answered
and what came true (the walk forward); of the 60 days after, windows of a day or a week are
estimated before their labels come. *Calm*: nothing happens but seasons, and days that have
something in common which no column tells. *Shift*: the rows change, their labels by the same rule.
*Concept*: the rows are as ever, and half of the labels turn round (values: the sign of a column).

Told are the share of windows that the band held, with its standard error over seeds; how many said
that they were extrapolated; and how often the band held where they did not.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

os.environ |= {"OMP_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from sklearn.linear_model import LinearRegression, LogisticRegression

from common import Figures, happened, measuring, options
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind, Scale
from evergreen.watching.drift import NUMERIC
from evergreen.watching.estimating import Learned
from evergreen.watching.walked import Answered

NAMES = {
    Kind.BINARY: ("accuracy", "f1", "roc_auc", "log_loss", "brier"),
    Kind.REGRESSION: ("mae", "rmse"),
}
DAYS, HISTORY, KNOWN, REFIT = 360, 180, 300, 30
COLUMNS = 4


@dataclass(frozen=True)
class Stream:
    """What a stream is like."""

    name: str
    kind: Kind = Kind.BINARY
    rows: int = 100
    """A day."""
    season: float = 0.0
    """Of the columns, in standard deviations."""
    period: float = 365.0
    """Of the season, in days."""
    hanging_on: float = 0.0
    """AR(1) of the columns and of the error, from row to row."""
    days: float = 0.0
    """Deviation of what days have in common in the log odds, or in the value."""
    persistence: float = 0.0
    """AR(1) of that, from day to day."""
    shift: float = 0.0
    """Of the columns after day 300."""
    turned: float = 0.0
    """Share of the labels that turn round after day 300."""


REGRESSION = Kind.REGRESSION
STREAMS = (
    Stream("calm, independent rows"),
    Stream("calm, 20 rows a day", rows=20),
    Stream("calm, a season", season=1.0),
    Stream("calm, a season of 60 days, AR(1) 0.9", season=1.0, period=60, hanging_on=0.9),
    Stream("calm, days in common 0.3", days=0.3),
    Stream("calm, days in common 0.3, AR(1) 0.9", days=0.3, persistence=0.9),
    Stream("shift of the rows", shift=1.0),
    Stream("concept: half of the labels", turned=0.5),
    Stream("values, calm, independent rows", REGRESSION),
    Stream("values, calm, a season of 60 days, AR(1) 0.5", REGRESSION, season=1.0, period=60,
           hanging_on=0.5),
    Stream("values, calm, a season of 60 days, AR(1) 0.9", REGRESSION, season=1.0, period=60,
           hanging_on=0.9),
    Stream("values, calm, a season of 60 days, days in common 0.5, AR(1) 0.9", REGRESSION,
           season=1.0, period=60, days=0.5, persistence=0.9),
    Stream("values, calm, a season", REGRESSION, season=1.0),
    Stream("values, shift of the rows", REGRESSION, shift=1.0),
    Stream("values, concept: half of the labels", REGRESSION, turned=0.5),
)  # fmt: skip


def noise(draw: np.random.Generator, rows: int, columns: int, persistence: float) -> np.ndarray:
    """Return AR(1) noise of deviation 1, (rows, columns)."""
    scale = np.sqrt(1 - persistence**2)
    found: np.ndarray = lfilter(
        [scale], [1, -persistence], draw.normal(size=(rows, columns)), axis=0
    )
    return found


def drawn(like: Stream, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return days, columns and classes (or values) of a stream."""
    draw = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), like.rows)
    wave = like.season * np.sqrt(2) * np.cos(2 * np.pi * day / like.period)
    x = noise(draw, len(day), COLUMNS, like.hanging_on)
    x += wave[:, None] + like.shift * (day >= KNOWN)[:, None]
    common = noise(draw, DAYS, 1, like.persistence)[day, 0] * like.days
    told = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + common
    turn = (draw.random(len(day)) < like.turned) & (day >= KNOWN)
    if like.kind is REGRESSION:
        error = np.exp(0.5 * x[:, 3]) * noise(draw, len(day), 1, like.hanging_on)[:, 0]
        return day, x, told - 2 * x[:, 0] * turn + error
    label = (draw.random(len(day)) < 1 / (1 + np.exp(0.5 - told))).astype(int)
    return day, x, np.where(turn, 1 - label, label)


def walked(like: Stream, day: np.ndarray, x: np.ndarray, label: np.ndarray) -> Output:
    """Answer all rows after the first days, by fits that had not seen them."""
    said = np.full(len(day), np.nan)
    for start in range(HISTORY, DAYS, REFIT):
        now, known = (day >= start) & (day < start + REFIT), day < min(start, KNOWN)
        if like.kind is REGRESSION:
            said[now] = LinearRegression().fit(x[known], label[known]).predict(x[now])
        else:
            said[now] = LogisticRegression().fit(x[known], label[known]).predict_proba(x[now])[:, 1]
    if like.kind is REGRESSION:
        return Output(said)
    chances = np.column_stack([1 - said, said])
    return Output((said > 0.5).astype(int), chances, np.array([0, 1]))


@dataclass(frozen=True)
class Held:
    """A window of a stream."""

    seed: int
    length: str
    outside: bool
    metrics: dict[str, tuple[float, float, float]]
    """Value, estimate and half band."""


def held(like: Stream, lengths: Mapping[str, int], seed: int) -> Iterator[Held]:
    """Yield each window of a stream, of each length."""
    day, x, label = drawn(like, seed)
    output, scale, names = walked(like, day, x, label), Scale(like.kind), NAMES[like.kind]
    rows = pd.DataFrame(x).rename(columns=lambda n: f"x{n}")
    whole = Answered.of(rows, dict.fromkeys(rows, NUMERIC), output)
    known = np.flatnonzero((day >= HISTORY) & (day < KNOWN))
    learned = Learned.of(scale, names, whole.take(known), label[known])
    happened("the walk forward was learned from", learned.problem, "")
    for words, length in lengths.items():
        for start in range(KNOWN, DAYS - length + 1, length):
            now = np.flatnonzero((day >= start) & (day < start + length))
            told = metrics.score(scale, label[now], output.take(now), names)
            window = whole.take(now)
            outside = learned.outside(window)
            yield Held(seed, words, outside is not None and outside.extrapolated, {
                one.name: (told[one.name], one.value, one.value - one.band[0])
                for one in learned.estimates(scale, window)
                if one.name in told
            })  # fmt: skip


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", default="", help="streams whose name holds these words")
    arguments = parser.parse_args()
    chosen = [like for like in STREAMS if arguments.only in like.name]
    streams, lengths, times = ([STREAMS[0], STREAMS[8]], {"a week": 7}, 1) if arguments.small else (
        chosen, {"a day": 1, "a week": 7}, arguments.seeds,
    )  # fmt: skip
    with measuring(arguments) as figures:
        for like in streams:
            windows = [one for seed in range(times) for one in held(like, lengths, seed)]
            for words in lengths:
                tell(figures, like, words, [one for one in windows if one.length == words])


def tell(figures: Figures, like: Stream, words: str, windows: list[Held]) -> None:
    """Tell how often the band held the metric, how wide it was, and how far off the estimate."""
    told = {name: _of(name, windows) for name in NAMES[like.kind]}
    outside = float(np.mean([one.outside for one in windows]))
    sentence = "; ".join(
        f"{metric} {each['held']:.1%} ± {each['error']:.1%} ({each['held_inside']:.1%} of those not"
        f" extrapolated; ± {each['half_band']:.3f}, live {each['live']:.3f}, estimated"
        f" {each['estimate']:.3f})"
        for metric, each in told.items()
    )
    figures.tell(
        f"{like.name}, windows of {words}, {len(windows)}, {outside:.1%} extrapolated: held in"
        f" {sentence}",
        stream=like.name, window=words, windows=len(windows), extrapolated=outside, metrics=told,
    )  # fmt: skip


def _of(metric: str, windows: list[Held]) -> dict[str, float]:
    known = [one for one in windows if metric in one.metrics]
    value, estimate, half = np.array([one.metrics[metric] for one in known]).T
    seeds, outside = np.array([one.seed for one in known]), np.array([w.outside for w in known])
    inside = np.abs(value - estimate) <= half
    each = [inside[seeds == seed].mean() for seed in np.unique(seeds)]
    error = np.std(each, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
    return {
        "held": float(inside.mean()), "error": float(error),
        "held_inside": float(inside[~outside].mean()) if not outside.all() else float("nan"),
        "half_band": float(half.mean()), "live": float(value.mean()),
        "estimate": float(estimate.mean()),
    }  # fmt: skip


if __name__ == "__main__":
    main()
