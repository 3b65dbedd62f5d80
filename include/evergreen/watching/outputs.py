"""The champion's answers in a window beside its usual ones: their distribution, its confidence."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evergreen.records import Logged
from evergreen.spec import Kind
from evergreen.watching.drift import CATEGORICAL, NUMERIC, ColumnDrift
from evergreen.watching.facts import OutputFacts
from evergreen.watching.profile import Profile

PREDICTION = "the\N{NO-BREAK SPACE}predictions"
"""The answers, among the columns that are compared: reads well, and no column is named so."""


def column(kind: Kind) -> str:
    """Tell how answers are compared: values, or classes."""
    return NUMERIC if kind is Kind.REGRESSION else CATEGORICAL


def given(kind: Kind, outputs: Sequence[Any]) -> "pd.Series[Any]":
    """Return the champion's answers; NaN where somebody else answered."""
    if kind is Kind.REGRESSION:
        return pd.Series([np.nan if v is None else float(v) for v in outputs], dtype=float)
    return pd.Series([np.nan if v is None else str(v) for v in outputs], dtype=object)


def usual(kind: Kind, profile: Profile) -> "pd.Series[Any]":
    """Return the champion's answers to rows of its snapshot."""
    if kind is Kind.REGRESSION:
        return pd.Series(profile.values, dtype=float)
    if profile.said:
        return pd.Series(profile.said, dtype=object)
    return pd.Series(list(profile.labels), dtype=object).repeat(list(profile.labels.values()))


def measure(
    logged: Logged,
    profile: Profile,
    drift: ColumnDrift | None,
    usual: tuple[float, float] | None = None,
) -> OutputFacts:
    """Say how answers and confidence differ.

    Args:
        logged: the window.
        profile: of the champion.
        drift: what was found about the answers.
        usual: mean and deviation of its confidence in windows of the past; None: rows tell them.

    The error of the confidence is the usual deviation and that of the mean of the answers given:
    squares add up. Of a single answer it is not to be had, and its confidence tells nothing.
    """
    sure = np.array([p for p in logged.probabilities if p is not None], dtype=float)
    known = len(sure) > 1
    mean, deviation = usual or (profile.confidence, _deviation(profile))
    return OutputFacts(
        rows=sum(output is not None for output in logged.outputs),
        distance=drift.distance if drift else None,
        threshold=drift.threshold if drift else None,
        confidence=float(sure.mean()) if known else None,
        confidence_error=float(np.hypot(deviation, _error(sure))) if known else 0.0,
        usual_confidence=mean,
    )


def _deviation(profile: Profile) -> float:
    return profile.confidence_deviation / math.sqrt(max(profile.rows, 1))


def _error(sure: "np.ndarray[Any, Any]") -> float:
    return float(sure.std(ddof=1)) / math.sqrt(len(sure))
