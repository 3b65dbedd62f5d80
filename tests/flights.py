"""Flights: rows with gaps, a category that may be missing, thousands of planes, and sentences."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows

boosting = partial(HistGradientBoostingClassifier, max_iter=20)


def flights(rows: int = 3_000, planes: int = 600) -> pd.DataFrame:
    """Return rows whose label is told by a gap, a category, a plane and a word."""
    random = np.random.default_rng(0)
    carrier, plane = random.integers(0, 8, rows), random.integers(0, planes, rows)
    distance = random.normal(1000, 300, rows)
    gap = random.random(rows) < 0.1
    late = random.random(rows) < 0.3
    chance = 0.1 + 0.4 * np.isin(carrier, [1, 4]) + 0.3 * (plane % 3 == 0) + 0.2 * gap
    names = np.array([f"c{code}" for code in carrier], dtype=object)
    names[random.random(rows) < 0.05] = None
    return pd.DataFrame(
        {
            "id": range(rows),
            "carrier": names,
            "tailnum": [f"N{number}" for number in plane],
            "distance": np.where(gap, np.nan, distance),
            "notes": np.where(late, "strong wind and rain", "calm sky"),
            "delayed": random.random(rows) < chance,
        }
    )


def use_case_of(build: Callable[[], Any] = boosting, **features: Any) -> UseCase:
    declared = {"numeric": ("distance",), "categorical": ("carrier", "tailnum")} | features
    return UseCase(
        name="flights",
        doc="Will it be late?",
        owner="me",
        kind=Kind.BINARY,
        source=Source(table="flights", key=("id",), target="delayed"),
        windows=Windows(holdout=0.3),
        features=Features(**declared),
        candidates=(Candidate(name="one", build=build),),
        baselines=(Candidate(name="base", build=LogisticRegression),),
        gate=Gate(metric="roc_auc", floors={"roc_auc": 0.5}),
    )
