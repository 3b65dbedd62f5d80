"""Rows that count more than others in a fit: by a column (`Source.weight`), by age (`half_life`).

    fit(model[1:], frame, truth, weights(rows, positions, recipe.half_life))

Only fits are weighted. What judges them counts every row once, and so do medians, scales and
target encodings of the preparation.
"""

from datetime import timedelta
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from evergreen.errors import DeclarationError
from evergreen.learning import models, passing, preparing, spreading
from evergreen.learning.crews import Crew
from evergreen.learning.frames import Chosen
from evergreen.learning.rows import Rows

Array = NDArray[Any]
NAME = "sample_weight"


def weights(rows: Rows, positions: Array | slice, half_life: timedelta | None) -> Array | None:
    """Return how much each of some rows counts; None: all the same.

    Args:
        rows: with their weights and times.
        positions: of the rows that a fit learns from.
        half_life: a row that is so much older than the newest of them counts half.
    """
    given = None if rows.weights is None else rows.weights[positions]
    if half_life is None or rows.times is None:
        return given
    times = rows.times.iloc[positions]
    ages = ((times.max() - times) / half_life).to_numpy(dtype=float)
    faded: Array = 0.5**ages
    return faded if given is None else faded * given


def fit(
    model: Pipeline,
    rows: pd.DataFrame | Chosen,
    truth: Array,
    weights: Array | None,
    crew: Crew | None = None,
) -> None:
    """Fit the steps behind the features, in place; a crew learns in the estimator's place.

    Raises:
        DeclarationError: there are weights, and the estimator takes none.
    """
    last = model[-1]
    holder = models.is_wrapper(last)
    if isinstance(rows, Chosen) and not _streams(last.estimator if holder else last):
        rows = rows.frame
    if weights is None and crew is None:
        last.fit(passing.fitted(model[:-1], rows, truth), truth)
        return
    estimator = clone(last.estimator) if holder else last
    given: dict[str, Any] = {} if weights is None else {_parameter(estimator): weights}
    given |= {} if crew is None else {"crew": crew}
    estimator.fit(passing.fitted(model[:-1], rows, truth), truth, **given)
    if holder:
        last.estimator_ = estimator


def _streams(estimator: Any) -> bool:
    """Tell whether it needs no row held: it learns from those that pass by, or from none."""
    return spreading.streams(estimator) or preparing.is_blind(estimator)


def _parameter(estimator: Any) -> str:
    name, inner = NAME, estimator
    while isinstance(inner, Pipeline):
        step, inner = inner.steps[-1]
        name = f"{step}__{name}"
    if not has_fit_parameter(inner, NAME):
        raise DeclarationError(
            "candidate.build", type(inner).__name__,
            f"with source.weight or half_life, an estimator whose fit takes {NAME}",
        )  # fmt: skip
    return name
