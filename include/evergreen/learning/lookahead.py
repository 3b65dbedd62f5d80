"""Prove, on a few cut points, that features of a row read that row and its past, no more.

A feature that looks ahead is the best of all features in training, and worthless the day after.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from evergreen.errors import DeclarationError
from evergreen.learning.feature_code import FeatureCode
from evergreen.spec import UseCase

ROWS = 2_000
"""The newest rows are checked: they show what the function does, at a bounded cost."""
CUTS = 5


def check_no_lookahead(step: FeatureCode, raw: pd.DataFrame, use_case: UseCase) -> None:
    """Compare features of the whole with features of parts that end, or begin, sooner.

    With event times: rows up to a moment must give the features they have in the whole, and so must
    the rows of that moment with no more history than `features.lookback`. Without event times every
    row must give its features alone.

    Raises:
        DeclarationError: a feature depends on later rows, or on more history than was declared.
    """
    if not step.source or raw.empty:
        return
    recent = raw.tail(ROWS)
    whole = step.transform(recent)
    for allowed, part, compared in _views(recent, use_case):
        column = _first_difference(whole.loc[compared], step.transform(part).loc[compared])
        if column is not None:
            raise DeclarationError(
                f"features.function {step.function}()", f"other values of {column!r}", allowed
            )


def _views(raw: pd.DataFrame, use_case: UseCase) -> Iterator[tuple[str, pd.DataFrame, pd.Index]]:
    """Yield what must hold, the rows that the function gets, and the rows that are compared."""
    time = use_case.source.timestamp
    if time is None:
        for position in np.linspace(0, len(raw) - 1, CUTS).astype(int):
            alone = raw.iloc[[position]]
            yield f"the same when row {alone.index[0]} comes alone", alone, alone.index
        return
    lookback = use_case.features.lookback
    moments = np.sort(raw[time].dropna().unique())
    for cut in pd.Series(moments[np.linspace(0, len(moments) - 1, CUTS + 1).astype(int)[1:]]):
        past = raw[raw[time] <= cut]
        yield f"the same when nothing follows {cut} (it looks ahead)", past, past.index
        if cut - lookback >= raw[time].min():
            window = past[past[time] >= cut - lookback]
            words = f"the same with the {lookback} before {cut} alone (features.lookback)"
            yield words, window, window.index[window[time] == cut]


def _first_difference(expected: pd.DataFrame, found: pd.DataFrame) -> str | None:
    """Return the first column that differs by more than rounding (of running sums)."""
    for name in expected:
        a, b = expected[name], found[name]
        if pd.api.types.is_numeric_dtype(a):
            scale = max(1.0, a[np.isfinite(a)].abs().max())
            same = np.isclose(a, b, rtol=1e-6, atol=1e-9 * scale, equal_nan=True)
        else:
            same = ((a == b) | (a.isna() & b.isna())).to_numpy()
        if not same.all():
            return str(name)
    return None
