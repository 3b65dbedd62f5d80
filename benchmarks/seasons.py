"""False alarms where columns have seasons together and hang on, over many seeds.

python benchmarks/seasons.py [--seeds N] [--weeks N] [--flipped SEEDS] (needs no database)

Two years of six columns (`streams.made`: a yearly wave, AR(1) noise, the first two with a
correlation of 0.5), watched as `usual.py` does by the week, 41 weeks of each seed or the first so
many: there history is shortest, little more than a year. Shares are means
over seeds, with the standard error of that mean. *Flipped*: the correlation of the first two turns
round while their margins stay.
"""

import os
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ |= {"OMP_NUM_THREADS": "1"}

import numpy as np

from common import Figures, measuring, options
from evergreen.refs import Outcome, WindowRef
from streams import DAY, made
from usual import ALARMS, Life, asked

WEEK, MOST = 7 * DAY, 41
PERSISTENCE = (0.5, 0.9)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--weeks", type=int, default=MOST, help="of each seed, the first")
    parser.add_argument("--flipped", type=int, default=4, help="so many of the seeds")
    parser.add_argument("--rows", type=int, default=100, help="of a day")
    parser.add_argument("--persistence", type=float, nargs="*", default=PERSISTENCE)
    arguments = parser.parse_args()
    if arguments.small:
        arguments.seeds, arguments.weeks, arguments.flipped = 1, 2, 1
    with measuring(arguments) as figures:
        for persistence in arguments.persistence:
            run(figures, persistence, arguments)


def run(figures: Figures, persistence: float, asked_for: Namespace) -> None:
    """Watch both, calm and flipped, with each seed."""
    calm, flipped = [], []
    for seed in range(asked_for.seeds):
        stream = made(
            season=1.0, persistence=persistence, together=0.5, rows=asked_for.rows, seed=seed
        )
        with TemporaryDirectory() as home:
            life = Life(*stream(), WEEK, Path(home))
            life.pair = ("x0", "x1")
            calm.append(life.watched(0.0, MOST, first=asked_for.weeks))
            if seed < asked_for.flipped:
                flipped.append(life.watched(0.0, MOST, flip=True, first=asked_for.weeks))
    for words, found in (("calm", calm), ("flipped", flipped)):
        tell(figures, f"a season, AR(1) {persistence}, {asked_for.rows} rows a day, {words}", found)


def tell(figures: Figures, name: str, lives: list[list[WindowRef]]) -> None:
    """Tell the shares of weeks, each with its standard error over seeds."""
    shares = {
        "alarm": [[seen.outcome in ALARMS for seen in life] for life in lives],
        "alarm for columns": [[bool(seen.drifted) for seen in life] for life in lives],
        "alarm for pairs": [[bool(seen.together) for seen in life] for life in lives],
        "are critical": [[seen.outcome == Outcome.CRITICAL for seen in life] for life in lives],
        "are unknown": [[seen.outcome == Outcome.UNKNOWN for seen in life] for life in lives],
        "would retrain": [asked(life) for life in lives],
    }
    told = {words: _mean(np.array(found, dtype=float)) for words, found in shares.items()}
    weeks = sum(map(len, lives))
    sentence = ", ".join(
        f"{mean:.1%} ± {error:.1%} {words}" for words, (mean, error) in told.items()
    )
    figures.tell(
        f"{name}, {weeks} weeks of {len(lives)} seeds: {sentence}",
        stream=name, weeks=weeks, seeds=len(lives), shares=told,
    )  # fmt: skip


def _mean(found: np.ndarray) -> tuple[float, float]:
    """Return the mean of all, and its standard error over seeds, (seeds, weeks)."""
    each = found.mean(axis=1)
    error = each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
    return float(each.mean()), float(error)


if __name__ == "__main__":
    main()
