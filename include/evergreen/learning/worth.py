"""What answers are worth, by the measure that the use case declares.

measure(use_case, rows, truth, output)      # {"value_kept": 21.4, "contacted": 0.38}
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.errors import DeclarationError
from evergreen.learning.models import Output
from evergreen.spec import Kind, UseCase

Array = NDArray[Any]

THRESHOLDS = np.round(np.arange(0.02, 0.981, 0.02), 2)


def measure(
    use_case: UseCase, rows: pd.DataFrame, truth: Array, output: Output
) -> dict[str, float]:
    """Return the business figures, the one that decides first; empty: none is declared.

    Raises:
        DeclarationError: the declared function returns something else than named numbers.
    """
    if use_case.business is None:
        return {}
    return _figures(use_case, rows, truth, output.labels)


def constants(use_case: UseCase, rows: pd.DataFrame, truth: Array) -> dict[str, float] | None:
    """Return what it is worth to answer the same for all, by class: the first figure.

    Whoever refuses nobody, or all, needs no model. None: no business is declared, or no classes.
    """
    if use_case.business is None or use_case.kind is Kind.REGRESSION:
        return None
    figures = {
        str(one): _figures(use_case, rows, truth, np.full(len(truth), one))
        for one in np.unique(truth)
    }
    return {one: next(iter(found.values())) for one, found in figures.items()}


def threshold(
    use_case: UseCase, rows: pd.DataFrame, truth: Array, positive: Array, classes: Array
) -> float:
    """Return the probability from which on "positive" is worth most.

    Of equals the one nearest to 0.5.

    Args:
        use_case: declares `business`.
        rows: raw rows that a model answered without having seen them, in time order.
        truth: their labels.
        positive: the probability of the positive class of each.
        classes: both, the positive one last.
    """
    values = {
        float(cut): next(
            iter(_figures(use_case, rows, truth, classes[(positive >= cut).astype(int)]).values())
        )
        for cut in THRESHOLDS
    }
    finite = {cut: value for cut, value in values.items() if math.isfinite(value)}
    return max(finite, key=lambda cut: (finite[cut], -abs(cut - 0.5)), default=0.5)


def _figures(
    use_case: UseCase, rows: pd.DataFrame, truth: Array, labels: Array
) -> dict[str, float]:
    if use_case.business is None:
        raise ValueError(f"{use_case.name} declares no business")
    found = use_case.business.measure(rows, truth, labels)
    try:
        figures = {str(name): float(value) for name, value in found.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise DeclarationError("business.measure", found, "numbers by name") from error
    if not figures:
        raise DeclarationError("business.measure", found, "at least one number")
    return figures
