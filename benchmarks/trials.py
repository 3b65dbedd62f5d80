"""Trials that end by themselves, by simulation: how often luck promotes, and how soon a gain does.

python benchmarks/trials.py [--times 500]

A challenger and a champion answer the same requests of each day. A model is as good as its skill,
which the rows of a day share in part and which goes on from day to day (an AR(1)). The looks are
those of `evergreen.deciding.trying`: of two models of equal quality, at most 2.5 % of the trials
should promote the challenger.
"""

from typing import Any

import numpy as np

from common import measuring, options
from evergreen.deciding.trying import CONFIDENCE, GOES_ON, LOOKS, WITHDRAWN, outcome_of
from evergreen.judging.differences import compare
from evergreen.judging.evidence import Difference
from evergreen.judging.influence import influence
from evergreen.judging.units import Units
from evergreen.learning.metrics import score
from evergreen.learning.models import Output
from evergreen.watching.instead import effective_days
from gate import METRICS, answers, series, share

DAYS = LOOKS[-1]
PERSISTENCE = (0.0, 0.5, 0.7, 0.9)
GAINS = (0.0, 0.3)
"""More skill of the challenger, in standard deviations of the skill on a row."""


def trial(metric: str, rows: int, rho: float, gain: float, seed: int) -> tuple[str, int]:
    """Look at one trial as `conclude` does; return how it ends and after how many days."""
    draw = np.random.default_rng(seed)
    world = series(rows * DAYS, DAYS, rho, 0.3)
    truth = draw.normal(size=world.rows)
    if metric != "mae":
        truth = draw.binomial(1, 0.3, world.rows)
    common = world.skill(draw) * np.sqrt(0.5)
    champion, challenger = (common + np.sqrt(0.5) * world.skill(draw) for _ in range(2))
    one, other = answers(metric, truth, challenger + gain), answers(metric, truth, champion)
    for look, days in enumerate(LOOKS, start=1):
        held = hold(metric, truth, one, other, world.units, days * rows)
        outcome = outcome_of(*held[:2], newest=held[2], due=look)
        if outcome != GOES_ON:
            worse = held[0].high < 0
            return ("worse" if outcome == WITHDRAWN and worse else outcome), days
    raise AssertionError("the last look ends a trial")


def hold(
    metric: str, truth: Any, one: Output, other: Output, units: Units, rows: int
) -> tuple[Difference, float, bool]:
    """Compare on the first rows: difference, effective days, better on their newest half."""
    seen, late = np.arange(rows), np.arange(rows // 2, rows)
    kind, one_seen, other_seen = METRICS[metric], one.take(seen), other.take(seen)
    difference = compare(
        kind, metric, truth[seen], {"": one_seen}, other_seen, units.take(seen),
        confidence=CONFIDENCE,
    )[""]  # fmt: skip
    apart = influence(kind, metric, truth[seen], one_seen)
    apart = apart - influence(kind, metric, truth[seen], other_seen)
    figures = [score(kind, truth[late], each.take(late), [metric])[metric] for each in (one, other)]
    sign = -1 if metric == "mae" else 1
    days = effective_days(apart, np.asarray(units.time)[seen])
    return difference, days, sign * (figures[0] - figures[1]) > 0


def many(metric: str, rows: int, rho: float, gain: float, times: int) -> dict[str, Any]:
    ends = [trial(metric, rows, rho, gain, seed) for seed in range(times)]
    days = [after for how, after in ends if how == "promoted"]
    return {
        "metric": metric, "labels a day": rows, "AR(1)": rho, "gain": gain,
        "promoted": share(how == "promoted" for how, _ in ends),
        "withdrawn as worse": share(how == "worse" for how, _ in ends),
        "days until promoted": int(np.median(days)) if days else None,
    }  # fmt: skip


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--times", type=int, default=500, help="simulated trials a line")
    arguments = parser.parse_args()
    times = 5 if arguments.small else arguments.times
    with measuring(arguments) as figures:
        for metric in METRICS:
            for rho in PERSISTENCE:
                for gain in GAINS:
                    found = many(metric, 20, rho, gain, times)
                    promoted, error = found["promoted"]
                    worse, _ = found["withdrawn as worse"]
                    figures.tell(
                        f"{metric}, AR(1) {rho:g}, gain {gain:g}: promoted {promoted:.1%}"
                        f" (± {error:.1%}), withdrawn as worse {worse:.1%},"
                        f" median {found['days until promoted']} days",
                        **found,
                    )


if __name__ == "__main__":
    main()
