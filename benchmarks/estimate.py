"""The live metric without labels: how often its band holds what the labels tell when they come.

python benchmarks/estimate.py (needs no database)

Streams of four columns and a class, a logistic model refitted every 30 days. Of days 181 to 300 it
is known what it answered and what came true (the walk forward); of the 60 days after, windows of a
day or a week are estimated before their labels come. *Calm*: nothing happens but seasons, and days
that have something in common which no column tells. *Shift*: the rows change, their labels by the
same rule. *Concept*: the rows are as ever, and half of the labels turn round.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

os.environ |= {"OMP_NUM_THREADS": "1"}

import numpy as np
from scipy.signal import lfilter
from sklearn.linear_model import LogisticRegression

from common import Figures, happened, measuring, options
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind, Scale
from evergreen.watching.estimating import Learned

NAMES = ("accuracy", "f1", "roc_auc", "log_loss", "brier")
SCALE = Scale(Kind.BINARY)
DAYS, HISTORY, KNOWN, REFIT = 360, 180, 300, 30


@dataclass(frozen=True)
class Stream:
    """What a stream is like."""

    name: str
    rows: int = 100
    """A day."""
    season: float = 0.0
    """Of the columns, in standard deviations."""
    days: float = 0.0
    """Deviation of what days have in common in the log odds."""
    persistence: float = 0.0
    """Of that, from day to day."""
    shift: float = 0.0
    """Of the columns after day 300."""
    turned: float = 0.0
    """Share of the labels that turn round after day 300."""


STREAMS = (
    Stream("calm, independent rows"),
    Stream("calm, 20 rows a day", rows=20),
    Stream("calm, a season", season=1.0),
    Stream("calm, days in common 0.3", days=0.3),
    Stream("calm, days in common 0.3, AR(1) 0.9", days=0.3, persistence=0.9),
    Stream("shift of the rows", shift=1.0),
    Stream("concept: half of the labels", turned=0.5),
)


def drawn(like: Stream, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return days, columns and classes of a stream."""
    draw = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), like.rows)
    wave = like.season * np.sqrt(2) * np.cos(2 * np.pi * day / 365)
    x = draw.normal(size=(len(day), 4)) + wave[:, None] + like.shift * (day >= KNOWN)[:, None]
    scale = np.sqrt(1 - like.persistence**2)
    common = lfilter([scale], [1, -like.persistence], draw.normal(size=DAYS)) * like.days
    odds = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] - 0.5 + common[day]
    label = (draw.random(len(day)) < 1 / (1 + np.exp(-odds))).astype(int)
    turn = (draw.random(len(day)) < like.turned) & (day >= KNOWN)
    return day, x, np.where(turn, 1 - label, label)


def walked(day: np.ndarray, x: np.ndarray, label: np.ndarray) -> Output:
    """Answer all rows after the first days, by fits that had not seen them."""
    chances = np.full((len(day), 2), np.nan)
    for start in range(HISTORY, DAYS, REFIT):
        now = (day >= start) & (day < start + REFIT)
        model = LogisticRegression().fit(x[day < min(start, KNOWN)], label[day < min(start, KNOWN)])
        chances[now] = model.predict_proba(x[now])
    return Output((chances[:, 1] > 0.5).astype(int), chances, np.array([0, 1]))


def held(like: Stream, length: int, seed: int) -> Iterator[dict[str, tuple[float, float, float]]]:
    """Yield value, estimate and half band of each metric in each window of a stream."""
    day, x, label = drawn(like, seed)
    output = walked(day, x, label)
    known = (day >= HISTORY) & (day < KNOWN)
    learned = Learned.of(SCALE, NAMES, label[known], output.take(known))
    happened("the walk forward was learned from", learned.problem, "")
    for start in range(KNOWN, DAYS - length + 1, length):
        now = (day >= start) & (day < start + length)
        told = metrics.score(SCALE, label[now], output.take(now), NAMES)
        found = learned.estimates(SCALE, output.take(now))
        yield {
            one.name: (told[one.name], one.value, one.value - one.band[0])
            for one in found
            if one.name in told
        }


def main() -> None:
    arguments = options(__doc__).parse_args()
    streams, lengths, times = (STREAMS[:1], {"a week": 7}, 1) if arguments.small else (
        STREAMS, {"a day": 1, "a week": 7}, 8,
    )  # fmt: skip
    with measuring(arguments) as figures:
        for like in streams:
            for words, length in lengths.items():
                windows = [one for seed in range(times) for one in held(like, length, seed)]
                tell(figures, like.name, words, windows)


def tell(
    figures: Figures, name: str, words: str, windows: list[dict[str, tuple[float, float, float]]]
) -> None:
    """Tell how often the band held the metric, how wide it was, and how far off the estimate."""
    told = {}
    for metric in NAMES:
        known = np.array([one[metric] for one in windows if metric in one])
        value, estimate, half = known.T
        told[metric] = {
            "held": float((np.abs(value - estimate) <= half).mean()),
            "half_band": float(half.mean()), "live": float(value.mean()),
            "estimate": float(estimate.mean()),
        }  # fmt: skip
    sentence = "; ".join(
        f"{metric} {each['held']:.0%} (± {each['half_band']:.3f}, live {each['live']:.3f},"
        f" estimated {each['estimate']:.3f})"
        for metric, each in told.items()
    )
    figures.tell(
        f"{name}, windows of {words}, {len(windows)}: held in {sentence}",
        stream=name, window=words, windows=len(windows), metrics=told,
    )  # fmt: skip


if __name__ == "__main__":
    main()
