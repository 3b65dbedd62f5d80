"""Prove, on a few cut points, that features of a row read that row and its past, no more.

A feature that looks ahead is the best of all features in training, and worthless the day after.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from evergreen.errors import DeclarationError
from evergreen.learning.feature_code import FeatureCode
from evergreen.spec import UseCase
from evergreen.spec.lengths import spelled

ROWS = 2_000
"""So many rows show what the function does, at a bounded cost."""
ENTITIES = 4
"""At least so many entities, each with as much of its history as the rows allow."""
CUTS = 5


def check_no_lookahead(step: FeatureCode, raw: pd.DataFrame, use_case: UseCase) -> None:
    """Compare features of the whole with features of parts that end, or begin, sooner.

    With event times: rows up to a moment must give the features they have in the whole, and so must
    the rows of that moment with no more history than `features.lookback`. Without event times every
    row must give its features alone. The newest rows are checked, and of a panel (of stores, say)
    some entities with their whole history: its newest rows may all be of one moment.

    Raises:
        DeclarationError: a feature depends on later rows, or on more history than was declared.
    """
    if not step.source or raw.empty:
        return
    for some in _samples(raw, use_case):
        whole = step.transform(some)
        for allowed, part, compared in _views(some, use_case):
            column = _first_difference(whole.loc[compared], step.transform(part).loc[compared])
            if column is not None:
                raise DeclarationError(
                    f"features.function {step.function}()", f"other values of {column!r}", allowed
                )


def check_chunk(
    step: FeatureCode, raw: pd.DataFrame, found: pd.DataFrame, first: int, start: int
) -> None:
    """Compare the features of a chunk's first rows with those that they have among more rows.

    Args:
        step: the feature code.
        raw: the rows of the snapshot.
        found: the features of the chunk, on its rows' index.
        first: position of the first row that the chunk could read.
        start: position of its own first row.

    Raises:
        DeclarationError: they differ, so that features cannot be made chunk by chunk.
    """
    if not step.source:
        return
    own = found.head(ROWS)
    more = raw.iloc[max(0, first - ROWS) : start + ROWS]
    column = _first_difference(own, step.transform(more).loc[own.index])
    if column is not None:
        words = "the same among more rows: a row's features read it and `features.lookback` before"
        raise DeclarationError(
            f"features.function {step.function}()", f"other values of {column!r}", words
        )


def _samples(raw: pd.DataFrame, use_case: UseCase) -> Iterator[pd.DataFrame]:
    """Yield the newest rows, and those of some entities, in the order that they have."""
    yield raw.tail(ROWS)
    time, key = use_case.source.timestamp, use_case.source.key
    entity = use_case.features.entity or [column for column in key if column != time]
    if time is None or not entity or len(raw) <= ROWS:
        return
    codes = raw.groupby(list(entity), sort=True, dropna=False).ngroup()
    yield raw[codes.isin(_chosen(codes)) & (_place_from_the_end(codes) < ROWS // ENTITIES)]


def _chosen(codes: "pd.Series[int]") -> pd.Index:
    """Choose entities, evenly among those that have a history, until their rows are enough."""
    sizes = codes.value_counts(sort=False).sort_index().clip(upper=ROWS // ENTITIES)
    sizes = sizes[sizes > 1] if (sizes > 1).any() else sizes
    spread = sizes.sample(frac=1, random_state=0)
    return spread.index[(spread.cumsum() - spread) < ROWS - ROWS // ENTITIES]


def _place_from_the_end(codes: "pd.Series[int]") -> "pd.Series[int]":
    return codes.groupby(codes).cumcount(ascending=False)


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
    places = np.unique(np.linspace(0, len(moments) - 1, CUTS + 1).astype(int)[1:])
    for cut in pd.Series(moments[places]):
        past = raw[raw[time] <= cut]
        yield f"the same when nothing follows {cut} (it looks ahead)", past, past.index
        if cut - lookback >= raw[time].min():
            window = past[past[time] >= cut - lookback]
            words = f"the same with the {spelled(lookback)} before {cut} alone (features.lookback)"
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
