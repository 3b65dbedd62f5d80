"""What of a window's columns goes together otherwise than in what the champion learned from.

    found = measure(history, held, now, kinds, stretch, alpha, monitoring, alone={"age"})
    found.facts.drifted[0].sentence     # "spend and visits: correlation -0.48, 0.51 before …"

The pairs are one more test of the window: see `together` for what is measured, `calibration` for
what is usual. A pair with a column that drifted by itself is left out, as that is told already.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evergreen.spec import Monitoring
from evergreen.watching import together
from evergreen.watching.bases import Array
from evergreen.watching.pair_facts import PairFacts, TogetherFacts
from evergreen.watching.together import Scores
from evergreen.watching.yardstick import History, Stretch, Yardstick, allowed

SHOWN = 5
"""So many of the furthest pairs are told."""


@dataclass(frozen=True)
class Paired:
    """What was found, and the rows that it was found in, for pictures."""

    facts: TogetherFacts | None = None
    """None: it is declared off."""
    before: pd.DataFrame | None = None
    now: pd.DataFrame | None = None


def measure(
    history: History,
    held: Yardstick,
    now: pd.DataFrame,
    kinds: Mapping[str, str],
    stretch: Stretch,
    alpha: float,
    monitoring: Monitoring,
    alone: Collection[str],
) -> Paired:
    """Compare how the columns `kinds` go together in the window and in the reference.

    Args:
        history: what the champion learned from.
        held: what its columns are held against.
        now: the window, n rows.
        kinds: the columns that can be compared, and how.
        stretch: the event time of the window.
        alpha: chance of a false alarm, of all pairs together.
        monitoring: what is declared.
        alone: columns that have drifted by themselves.
    """
    if not monitoring.pairs:
        return Paired()
    scores = history.scores
    names = [name for name in scores.columns if name in kinds]
    if len(names) < 2:
        few = f"{len(names)} of its columns can be compared, and a pair takes two"
        return Paired(TogetherFacts(problem=few))
    usual = held.pairs
    if usual is None and not held.told.problem:
        unknown = "windows of the past do not tell how they usually do"
        return Paired(TogetherFacts(columns=len(names), problem=unknown))
    before = history.rows_of(names, usual.basis if usual else None, stretch, monitoring.sample)
    then, here = (scores.among(each.reindex(columns=scores.columns)) for each in (before, now))
    whole = [together.correlations(together.totals(each)[0], scores) for each in (then, here)]
    far = together.apart(*whole)
    critical = together.critical(then, here, scores, alpha)
    limits = allowed(
        critical, usual.limits if usual else None, (len(now), len(before)),
        usual.rows if usual else 0.0, stretch.rows,
    )  # fmt: skip
    limits = np.maximum(limits, _least(scores, monitoring))
    told = np.isfinite(far) & np.isfinite(limits) & (_of(scores, names) == 2)
    found = _furthest(scores, whole, far, limits, told & (_of(scores, alone) == 0))
    facts = TogetherFacts(
        columns=len(names), pairs=int(told.sum()), found=found,
        basis=usual.basis.name if usual else "", sure=held.told.enough or usual is None,
        problem="" if told.any() else f"{stretch.rows} different rows do not tell how they do",
    )  # fmt: skip
    return Paired(facts, before, now)


def _least(scores: Scores, monitoring: Monitoring) -> Array:
    """Return the smallest distance of each pair that may be drift: of its columns, the larger."""
    least = np.array([monitoring.watched(s.column).min_effect for s in scores.found], dtype=float)
    first, second = scores.pairs
    return np.asarray(np.maximum(least[first], least[second]))


def _of(scores: Scores, names: Collection[str]) -> Array:
    """Count the columns of each pair that are among some."""
    known = np.array([score.column in names for score in scores.found], dtype=int)
    first, second = scores.pairs
    return np.asarray(known[first] + known[second])


def _furthest(
    scores: Scores, whole: list[Array], far: Array, limits: Array, told: Array
) -> tuple[PairFacts, ...]:
    """Return the pairs of columns that lie furthest beyond (or nearest below) their limits."""
    ratio = np.where(told, far / np.where(told, limits, 1.0), -np.inf)
    first, second = scores.pairs
    found: dict[tuple[str, str], PairFacts] = {}
    for n in np.argsort(-ratio, kind="stable"):
        one, other = scores.found[first[n]], scores.found[second[n]]
        if not told[n] or len(found) == SHOWN:
            break
        found.setdefault((one.column, other.column), PairFacts(
            first=one.column, second=other.column, told=(one.told, other.told),
            before=float(whole[0][n]), now=float(whole[1][n]), distance=float(far[n]),
            threshold=float(limits[n]),
        ))  # fmt: skip
    return tuple(found.values())
