"""Prepare the rows of a fit without copying the numbers that pass through as they are.

    prepared = fitted(model[:-1], frame, truth)     # what fit_transform gives, and the same fit

scikit-learn's ColumnTransformer copies the columns of each part before the part sees them, and 14
numbers of ten million rows are 1.1 GB. Where a part changes none (`AsTheyAre`), a single number
takes their place, and the columns themselves that of the stand-ins afterwards: those that are
held, or those that lie in Parquet, for who learns from rows that pass by (`streaming`).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from evergreen.learning.frames import Chosen
from evergreen.learning.preparing import AsTheyAre
from evergreen.learning.streaming import Streamed

Array = NDArray[Any]
HERE, GONE = 0.0, np.nan


def fitted(before: Pipeline, rows: pd.DataFrame | Chosen, truth: Array) -> Any:
    """Fit the steps before an estimator, in place, and return what they make of the same rows.

    Of chosen rows only those columns are held that a part makes something else of: what is returned
    is `Streamed`, if there are others.
    """
    if isinstance(rows, Chosen):
        return _streamed(before, rows, truth)
    names = _passing(before, rows)
    if not names:
        return before.fit_transform(rows, truth)
    present = {name for name in names if rows[name].notna().any()}
    made = before.fit_transform(rows.assign(**_light(rows.index, names, present)), truth)
    columns = {name: rows[name] if name in present else made[name] for name in made}
    return pd.DataFrame(columns, index=rows.index, copy=False)


def _streamed(before: Pipeline, rows: Chosen, truth: Array) -> Any:
    if not _is_single(before):
        return before.fit_transform(rows.frame, truth)
    names, read = _passing(before, rows), _read(before)
    present = rows.known(names)
    held = rows.only([name for name in rows.columns if name in read and name not in names])
    others = [name for name in rows.columns if name not in held]
    light = held.assign(**_light(held.index, others, {*others} - {*names} | present))
    made = before.fit_transform(light[rows.columns], truth)
    if not names:
        return made
    return Streamed(rows, made.columns, made.drop(columns=sorted(present)))


def _light(index: pd.Index, names: list[str], present: set[str]) -> "dict[str, pd.Series[float]]":
    """Return stand-ins for columns, which say whether anything is known of them."""
    one = {name: HERE if name in present else GONE for name in names}
    every = {name: np.broadcast_to(value, len(index)) for name, value in one.items()}
    return {name: pd.Series(values, index, copy=False) for name, values in every.items()}


def _passing(before: Pipeline, rows: pd.DataFrame | Chosen) -> list[str]:
    """Return the columns that a single step passes on as they are, and no other part reads."""
    if not _is_single(before):
        return []
    parts = [(part, _columns(chosen)) for _, part, chosen in before.steps[-1][1].transformers]
    passed = [name for part, names in parts if isinstance(part, AsTheyAre) for name in names]
    others = {name for part, names in parts if not isinstance(part, AsTheyAre) for name in names}
    numbers = _numbers(rows)
    return [name for name in passed if name not in others and name in numbers]


def _is_single(before: Pipeline) -> bool:
    return len(before.steps) == 1 and isinstance(before.steps[-1][1], ColumnTransformer)


def _read(before: Pipeline) -> set[str]:
    """Return the columns that some part reads."""
    return {name for _, _, chosen in before.steps[-1][1].transformers for name in _columns(chosen)}


def _numbers(rows: Any) -> set[str]:
    if isinstance(rows, Chosen):
        return rows.stored.numbers
    if not isinstance(rows, pd.DataFrame) or not rows.columns.is_unique:
        return set()
    return {str(name) for name in rows if rows[name].dtype == float}


def _columns(chosen: Any) -> list[str]:
    return list(getattr(chosen, "names", chosen))
