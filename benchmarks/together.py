"""Columns that go apart only together: our distance beside classifiers of window and reference.

python benchmarks/together.py (needs no database)

2,000 rows of a reference and 500 of a window (small: 400 and 100), ranks within each, so that no
margin tells. A classifier is asked by folds that it has not seen which of both a row is of, and is
measured by its AUC. Told is how far a change stands out: by how many standard deviations of what no
change gives.
"""

import os
import time
from collections.abc import Callable

os.environ |= {"OMP_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from common import Figures, happened, measuring, options
from evergreen.watching import together
from evergreen.watching.drift import NUMERIC
from evergreen.watching.together import Scores

BEFORE, NOW = 2_000, 500
SMALL = 5
"""How many times fewer rows are enough to see that it runs."""
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
CHANGES: dict[str, tuple[float, Change | None]] = {
    "a correlation of 0.5 turns round": (0.5, None),
    "a correlation of 0.15 turns round": (0.15, None),
    "one spreads more where the other is large": (
        0.0, lambda x, draw: np.exp(0.5 * x) * draw.normal(size=len(x)),
    ),
}  # fmt: skip


def ours(before: np.ndarray, now: np.ndarray) -> float:
    """Return the distance of the furthest pair."""
    frames = [pd.DataFrame(table).rename(columns=str) for table in (before, now)]
    names = list(frames[0])
    scores = Scores.of(frames[0], dict.fromkeys(names, NUMERIC), names)
    whole = [
        together.correlations(together.totals(scores.among(frame))[0], scores) for frame in frames
    ]
    return float(together.apart(*whole).max())


def classifier(build: Callable[[], object]) -> Callable[[np.ndarray, np.ndarray], float]:
    """Return how well a classifier tells both apart."""

    def measure(before: np.ndarray, now: np.ndarray) -> float:
        rows = np.vstack([rankdata(table, axis=0) / len(table) for table in (before, now)])
        which = np.repeat([0, 1], [len(before), len(now)])
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        told = cross_val_predict(build(), rows, which, cv=folds, method="predict_proba")
        return float(roc_auc_score(which, told[:, 1]))

    return measure


WAYS = {
    "ours": ours,
    "boosting": classifier(
        lambda: HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=16, random_state=0)
    ),
    "extra trees": classifier(
        lambda: ExtraTreesClassifier(100, min_samples_leaf=5, random_state=0)
    ),
}


def drawn(rows: int, columns: int, strength: float, change: Change | None, seed: int) -> np.ndarray:
    """Draw rows, the second column by the first."""
    draw = np.random.default_rng(seed)
    table = draw.normal(size=(rows, columns))
    if change is None:
        table[:, 1] = strength * table[:, 0] + np.sqrt(1 - strength**2) * table[:, 1]
    else:
        table[:, 1] = change(table[:, 0], draw)
    return table


def main() -> None:
    arguments = options(__doc__).parse_args()
    times, fewer = (2, SMALL) if arguments.small else (12, 1)
    with measuring(arguments) as figures:
        for columns in (6,) if arguments.small else (6, 20):
            for way in WAYS:
                tell(figures, way, columns, times, (BEFORE // fewer, NOW // fewer))


def tell(figures: Figures, way: str, columns: int, times: int, rows: tuple[int, int]) -> None:
    """Tell how far each change stands out for one way, and what it costs."""
    measure, started, found = WAYS[way], time.process_time(), {}
    for name, (strength, change) in CHANGES.items():
        calm, moved = [], []
        for seed in range(times):
            before = drawn(rows[0], columns, strength, None, seed)
            calm.append(measure(before, drawn(rows[1], columns, strength, None, 1000 + seed)))
            moved.append(measure(before, drawn(rows[1], columns, -strength, change, 2000 + seed)))
        found[name] = (np.mean(moved) - np.mean(calm)) / max(np.std(calm, ddof=1), 1e-9)
    seconds = (time.process_time() - started) / (2 * times * len(CHANGES))
    happened(f"{way} measured", all(map(np.isfinite, found.values())), True)
    told = ", ".join(f"{name} by {far:.1f}" for name, far in found.items())
    figures.tell(
        f"{way}, {columns} columns: {told} deviations; {seconds:.3f} s a window",
        way=way, columns=columns, seconds=seconds, deviations=found,
    )  # fmt: skip


if __name__ == "__main__":
    main()
