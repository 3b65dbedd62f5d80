"""The gate's interval by simulation: how often it holds the truth, and what luck gets through.

python benchmarks/gate.py [--quick] (full: about 15 minutes on one core)

A model is as good as its skill on each row, which is alike within a day and from day to day (an
AR(1)), within a group, both, or neither. Two models of equal quality are compared; the interval
should hold 0 in 95 % of the samples, and lie above it (a wrong promotion) in 2.5 %.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from scipy.stats import norm

from common import measuring, options
from evergreen.judging.differences import compare
from evergreen.judging.units import Units
from evergreen.learning.models import Output
from evergreen.spec import Kind

CLASSES = np.array([0, 1])
RECIPES = 50
NAIVE = 200
"""So many of them also by rows."""
METRICS = {"mae": Kind.REGRESSION, "roc_auc": Kind.BINARY}
Floats = Any


@dataclass(frozen=True)
class World:
    """Rows, and how the skill on them hangs together."""

    name: str
    rows: int
    units: Units
    skill: Callable[[np.random.Generator], Floats]
    """One draw of the skill on each row, standard normal."""


def independent(rows: int) -> World:
    units = Units.of(None, None, rows)
    return World("independent", rows, units, lambda draw: draw.normal(size=rows))


def series(rows: int, days: int, rho: float, alike: float = 1.0) -> World:
    """An AR(1) from day to day; the rows of a day share so much of their variance."""
    day = np.arange(rows) * days // rows
    times = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D"))

    def skill(draw: np.random.Generator) -> Floats:
        shared = autoregressive(draw, days, rho)[day]
        return np.sqrt(alike) * shared + np.sqrt(1 - alike) * draw.normal(size=rows)

    name = f"AR(1) {rho:g}, {days} days"
    return World(name, rows, Units.of(times, None, rows), skill)


def hourly(rows: int, rho: float) -> World:
    """An AR(1) from hour to hour, one row each."""
    times = pd.Series(pd.date_range("2020-01-01", periods=rows, freq="h"))
    units = Units.of(times, None, rows)
    return World(f"AR(1) {rho:g}, hours", rows, units, lambda draw: autoregressive(draw, rows, rho))


def panel(rows: int, groups: int, alike: float) -> World:
    """Groups of unequal size, whose rows share so much of their variance."""
    sizes = np.random.default_rng(0).dirichlet(np.full(groups, 4.0))
    group = np.searchsorted(np.cumsum(sizes)[:-1], (np.arange(rows) + 0.5) / rows)

    def skill(draw: np.random.Generator) -> Floats:
        shared = draw.normal(size=groups)[group]
        return np.sqrt(alike) * shared + np.sqrt(1 - alike) * draw.normal(size=rows)

    name = f"{groups} groups, correlation {alike:g}"
    return World(name, rows, Units.of(None, group, rows), skill)


def both(days: int, groups: int, rho: float) -> World:
    """A third each of the day (an AR(1)), of the group, and of the row."""
    day, group = (part.ravel() for part in np.indices((days, groups)))
    times = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D"))

    def skill(draw: np.random.Generator) -> Floats:
        shared = autoregressive(draw, days, rho)[day] + draw.normal(size=groups)[group]
        return (shared + draw.normal(size=len(day))) / np.sqrt(3)

    name = f"AR(1) {rho:g}, {days} days × {groups} groups"
    return World(name, len(day), Units.of(times, group, len(day)), skill)


def autoregressive(draw: np.random.Generator, length: int, rho: float) -> Floats:
    start, noise = draw.normal(), draw.normal(size=length) * np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], noise, zi=[rho * start])[0]


def answers(metric: str, truth: Floats, skill: Floats) -> Output:
    """Let a model answer with its skill: more of it is a smaller error, or a surer score."""
    if metric == "mae":
        return Output(truth + 10 - skill)
    score = np.where(truth == 1, 1, -1) * (0.8 + skill)
    chance = norm.cdf(score)
    return Output((score > 0).astype(int), np.stack([1 - chance, chance], axis=1), CLASSES)


def sample(
    world: World, metric: str, seed: int, recipes: int = 1, gain: float = 0.0, shared: float = 0.0
) -> dict[str, Any]:
    """Draw a champion and recipes, whose skill has the part `shared` in common with its."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(size=world.rows) if metric == "mae" else draw.binomial(1, 0.3, world.rows)
    common = world.skill(draw) * np.sqrt(shared)
    champion, *ours = (common + np.sqrt(1 - shared) * world.skill(draw) for _ in range(recipes + 1))
    return {
        "kind": METRICS[metric], "metric": metric, "truth": truth, "seed": seed,
        "challengers": {str(n): answers(metric, truth, one + gain) for n, one in enumerate(ours)},
        "other": answers(metric, truth, champion),
    }  # fmt: skip


def coverage(world: World, metric: str, times: int) -> dict[str, Any]:
    """Count how often the interval holds 0, lies above it, and would hold it if rows were units."""
    rows, found, naive = Units.of(None, None, world.rows), [], []
    for seed in range(times):
        drawn = sample(world, metric, seed)
        found.append(compare(**drawn, units=world.units)["0"])
        if seed < NAIVE:
            naive.append(compare(**drawn, units=rows)["0"])
    return {
        "world": world.name, "rows": world.rows, "metric": metric,
        "coverage": share(one.low <= 0 <= one.high for one in found),
        "wrong promotions": share(one.low > 0 for one in found),
        "coverage by rows": share(one.low <= 0 <= one.high for one in naive),
        "effective rows": int(np.median([one.effective_rows for one in found])),
        "half width": float(f"{np.median([one.high - one.low for one in found]) / 2:.2g}"),
        "of which a tenth is above": float(
            f"{np.quantile([one.high - one.low for one in found], 0.9) / 2:.2g}"
        ),
    }  # fmt: skip


def fallen(world: World, metric: str, times: int) -> dict[str, Any]:
    """Count wrong promotions where the champion has fallen below its floor, and where it stands."""
    drawn = [sample(world, metric, seed) for seed in range(times)]
    found = [
        [compare(**one, units=world.units, fallen=f)["0"] for one in drawn] for f in (False, True)
    ]
    stands, fell = (share(one.low > 0 for one in each) for each in found)
    return {
        "world": world.name, "rows": world.rows, "metric": metric,
        "wrong promotions": stands, "of a fallen champion": fell,
    }  # fmt: skip


def search(world: World, metric: str, times: int) -> dict[str, Any]:
    """Let recipes of equal quality compete: how often is any of them promoted?"""
    drawn = (sample(world, metric, seed, recipes=RECIPES) for seed in range(times))
    found = [compare(**one, units=world.units).values() for one in drawn]
    return {
        "world": world.name, "rows": world.rows, "metric": metric, "recipes": RECIPES,
        "wrong promotions": share(any(one.low > 0 for one in each) for each in found),
        "coverage of all": share(all(one.low <= 0 <= one.high for one in each) for each in found),
    }  # fmt: skip


def power(world: World, metric: str, times: int) -> dict[str, Any]:
    """Count how often a recipe that is a point better is promoted; half of the skill is shared."""
    gain = (
        0.1 if metric == "mae" else norm.ppf(norm.cdf(0.8 * np.sqrt(2)) + 0.01) / np.sqrt(2) - 0.8
    )
    drawn = (sample(world, metric, seed, gain=gain, shared=0.5) for seed in range(times))
    found = [compare(**one, units=world.units)["0"] for one in drawn]
    return {
        "world": world.name, "rows": world.rows, "metric": metric,
        "promoted": share(one.low > 0 for one in found),
        "rows for a point": int(np.median([one.rows_for_a_point for one in found])),
    }  # fmt: skip


def share(hits: Iterable[bool]) -> tuple[float, float]:
    """Return a share and its Monte-Carlo error."""
    found = np.array(list(hits))
    return float(found.mean()), float(np.sqrt(found.mean() * (1 - found.mean()) / len(found)))


def seconds(rows: int, recipes: int = 1) -> dict[str, Any]:
    """Time one comparison by AUC."""
    drawn = sample(series(rows, 500, 0.5, 0.3), "roc_auc", 0, recipes)
    units = series(rows, 500, 0.5).units
    began = time.perf_counter()
    compare(**drawn, units=units)
    return {"rows": rows, "recipes": recipes, "seconds": round(time.perf_counter() - began, 3)}


def worlds(quick: bool) -> list[World]:
    found = [
        independent(500),
        independent(5_000),
        *(series(500, 500, rho) for rho in (0.5, 0.9)),
        *(series(1_344, 28, rho, 0.3) for rho in (0.5, 0.9)),
        *(series(5_000, 180, rho, 0.3) for rho in (0.5, 0.9)),
        *(hourly(2_000, rho) for rho in (0.5, 0.9)),
        *(panel(5_000, groups, 0.3) for groups in (20, 100, 500)),
        both(90, 30, 0.5),
    ]
    large = [
        independent(50_000),
        *(series(50_000, 500, rho, 0.3) for rho in (0.5, 0.9)),
        *(hourly(50_000, rho) for rho in (0.5, 0.9)),
        panel(500, 20, 0.3),
        *(panel(50_000, groups, 0.3) for groups in (20, 500)),
        both(500, 100, 0.9),
    ]
    return found if quick else found + large


def measure(times: int, quick: bool) -> dict[str, list[dict[str, Any]]]:
    """Run everything on so many samples; `quick` takes no more than 5,000 rows."""
    searched = [independent(500), series(500, 500, 0.5), panel(1_000, 100, 0.3)]
    late = [series(1_400, 77, rho, 0.3) for rho in (0.0, 0.5, 0.9)]
    judged = [independent(n) for n in ((500, 5_000) if quick else (500, 5_000, 50_000))]
    return {
        "coverage": [coverage(w, m, times) for w in worlds(quick) for m in METRICS],
        "fallen": [fallen(w, m, times) for w in late for m in METRICS],
        "search": [search(w, m, times) for w in searched for m in METRICS],
        "power": [power(w, m, times) for w in judged for m in METRICS],
        "seconds": [seconds(n) for n in ((5_000,) if quick else (5_000, 1_000_000))],
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([words(v) for v in r.values()] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def words(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{value[0]:.1%} ± {value[1]:.1%}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--quick", action="store_true", help="samples of at most 5,000 rows")
    arguments = parser.parse_args()
    quick = arguments.quick or arguments.small
    times = 5 if arguments.small else 500
    with measuring(arguments) as figures:
        for name, rows in measure(times, quick).items():
            figures.tell(f"{name}\n\n{table(rows)}\n", **{name: rows})


if __name__ == "__main__":
    main()
