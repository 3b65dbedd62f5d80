"""Memory and time of one fit of a million rows, by what prepares them.

    .venv/bin/python benchmarks/prepare.py [--rows 1000000]

8 numbers and 13 categories, as churn has them; then with a category of 4,000 values (the planes of
flights) beside. *Before* is what all estimators were given once: imputed, scaled and dense one-hot.
Each fit runs in a process of its own; the memory is its peak, with that of the rows.
"""

import os
import resource
import time
from dataclasses import replace
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

import numpy as np
import pandas as pd

from common import Figures, alone, happened, measuring, options

BEFORE, NOW = "before", "now"
CATEGORIES, PLANES = 13, 4_000
CANDIDATES = ("boosting", "logistic", "lightgbm")
EXTRA = "lightgbm"


def frame(rows: int, planes: int) -> tuple[pd.DataFrame, Any]:
    """Return features as the recipes see them, and labels."""
    draw = np.random.default_rng(0)
    numbers = {f"number_{n}": draw.normal(size=rows) for n in range(8)}
    columns: dict[str, Any] = dict(numbers)
    for n in range(CATEGORIES):
        names = np.array([f"c{k}" for k in range(2 + n % 3)], dtype=object)
        columns[f"category_{n}"] = names[draw.integers(0, len(names), rows)]
    if planes:
        names = np.array([f"N{k}" for k in range(planes)], dtype=object)
        columns["tailnum"] = names[draw.integers(0, planes, rows)]
    truth = (numbers["number_0"] + draw.normal(size=rows) > 0).astype(int)
    return pd.DataFrame(columns), truth


def candidates() -> list[str]:
    """Return what can be fitted here: LightGBM is an extra."""
    try:
        import lightgbm  # noqa: F401
    except ImportError:
        return [name for name in CANDIDATES if name != EXTRA]
    return list(CANDIDATES)


def estimator(name: str) -> Any:
    if name == EXTRA:
        from lightgbm import LGBMClassifier

        return LGBMClassifier(n_estimators=60)
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    return {
        "boosting": lambda: HistGradientBoostingClassifier(max_iter=60, early_stopping=False),
        "logistic": lambda: LogisticRegression(max_iter=200),
    }[name]()


def pipeline(name: str, how: str, rows: pd.DataFrame) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from evergreen import catalog
    from evergreen.learning import models
    from evergreen.settings import PROJECT
    from evergreen.spec import Candidate, Features

    numeric = [column for column in rows if column.startswith("number")]
    texts = [column for column in rows if column not in numeric]
    if how == BEFORE:
        hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        names = make_pipeline(SimpleImputer(strategy="most_frequent"), hot)
        scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        return make_pipeline(
            ColumnTransformer([("numeric", scaled, numeric), ("categorical", names, texts)]),
            estimator(name),
        )
    churn = catalog.load(PROJECT / "include" / "use_cases").find("churn")
    baselines = tuple(replace(one, columns=None) for one in churn.baselines)
    declared = Features(numeric=tuple(numeric), categorical=tuple(texts))
    churn = replace(churn, features=declared, baselines=baselines)
    return models.pipeline(churn, Candidate(name=name, build=lambda: estimator(name)))[1:]


def one(name: str, how: str, rows: int, planes: int) -> dict[str, float]:
    """Fit once; return seconds and peak memory in GB."""
    given, truth = frame(rows, planes)
    model = pipeline(name, how, given)
    began = time.perf_counter()
    model.fit(given, truth)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    right = float((model.predict(given[:5_000]) == truth[:5_000]).mean())
    return {"seconds": seconds, "gb": peak, "right": right}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with measuring(arguments) as figures:
        measure(3_000 if arguments.small else arguments.rows, figures)


def measure(rows: int, figures: Figures) -> None:
    for planes in (0, PLANES):
        for name in candidates():
            for how in (BEFORE, NOW):
                if how == BEFORE and (planes or name == EXTRA):
                    continue  # dense one-hot of 4,000 categories: 32 GB for a million rows
                found = alone(one, name, how, rows, planes)
                happened(f"{name} learned something", found["right"] > 0.6, True)
                figures.tell(
                    f"{name:10} {how:7} {planes:5} planes {rows:9,} rows"
                    f" {found['seconds']:7.1f} s {found['gb']:6.2f} GB",
                    candidate=name, how=how, planes=planes, rows=rows, **found,
                )  # fmt: skip


if __name__ == "__main__":
    main()
