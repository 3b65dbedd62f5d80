"""Figures entity by entity of a panel, and their mean over entities.

    found = by_entity(use_case, held_out, truth, output)
    found[0].name, found[0].rows, found[0].metrics       # "Oslo", 28, {"mae": 3.1}
    macro(use_case, held_out, truth, output)             # {"mae": 3.4}: each entity counts alike

The pooled figure (`metrics.score`) weighs every row alike, so that entities with many rows decide
it. Source: Lewis, "Evaluating Text Categorization", HLT 1991 (micro and macro average).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from evergreen.learning import metrics
from evergreen.learning.models import Array, Output
from evergreen.spec import UseCase


@dataclass(frozen=True)
class OfEntity:
    """The rows of one entity."""

    name: str
    rows: int
    metrics: dict[str, float]
    """Those that the gate names, as far as they are defined for these rows."""


def columns_of(use_case: UseCase) -> tuple[str, ...]:
    """Return the columns that say whose a row is; empty: the rows are no panel."""
    return use_case.features.entity or use_case.windows.group


def by_entity(
    use_case: UseCase, rows: pd.DataFrame, truth: Array, output: Output
) -> list[OfEntity]:
    """Measure n predictions entity by entity.

    Args:
        use_case: the declaration.
        rows: n raw rows.
        truth: n true labels or values.
        output: n predictions.
    """
    named, gate = list(columns_of(use_case)), use_case.gate
    if not named or rows.empty:
        return []
    codes = rows.groupby(named, sort=True, dropna=False).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = [0, *(np.flatnonzero(np.diff(codes[order])) + 1).tolist(), len(order)]
    names = [_name(row) for row in rows[named].iloc[order[ends[:-1]]].to_numpy(object).tolist()]
    told = list(dict.fromkeys([gate.metric, *gate.floors]))
    owned = [order[start:end] for start, end in pairwise(ends)]
    return [
        OfEntity(name, len(own), metrics.score(use_case.scale, truth[own], output.take(own), told))
        for name, own in zip(names, owned, strict=True)
    ]


def macro(use_case: UseCase, rows: pd.DataFrame, truth: Array, output: Output) -> dict[str, float]:
    """Return the mean of each metric over the entities that it is defined for; none: no panel."""
    found = by_entity(use_case, rows, truth, output)
    means = pd.DataFrame([one.metrics for one in found]).mean()
    return {str(name): float(value) for name, value in means.items()}


def _name(values: Sequence[object]) -> str:
    return " × ".join("missing" if one is None or one != one else str(one) for one in values)
