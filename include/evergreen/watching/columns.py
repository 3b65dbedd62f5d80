"""What can be said of the raw columns before any distance: absent, null, infinite, never seen.

    checked = check(reference, logged.inputs, names)
    checked.facts["wind"].problem         # "wind is in none of the 200 rows"
    checked.frame[["temp_max"]]           # the sound columns, typed like the reference

This comes first because Evidently passes over a column that is missing and fails on one of nulls.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from evergreen.watching.distances import more_often
from evergreen.watching.drift import CATEGORICAL, NUMERIC
from evergreen.watching.facts import ColumnFacts
from evergreen.watching.reference import Reference, usable

EXAMPLES = 3


@dataclass(frozen=True)
class Checked:
    """The columns of a window's sample."""

    facts: dict[str, ColumnFacts]
    frame: pd.DataFrame
    """The columns that can be compared, infinite values as NaN."""

    @property
    def kinds(self) -> dict[str, str]:
        """How each sound column is compared."""
        return {str(name): self.facts[str(name)].kind for name in self.frame}


def check(
    reference: Reference, inputs: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> Checked:
    """Check the raw columns `names` of n logged rows."""
    facts: dict[str, ColumnFacts] = {}
    sound: dict[str, pd.Series[Any]] = {}
    for name in names:
        kind = reference.kinds.get(name, "unknown")
        values = usable((row.get(name) for row in inputs), kind)
        facts[name] = _facts(reference, name, inputs, values)
        if kind in {NUMERIC, CATEGORICAL} and not facts[name].problem:
            sound[name] = values.mask(np.isinf(values)) if kind == NUMERIC else values
    return Checked(facts, pd.DataFrame(sound))


def _facts(
    reference: Reference,
    name: str,
    inputs: Sequence[Mapping[str, Any]],
    values: "pd.Series[Any]",
) -> ColumnFacts:
    rows, nulls = len(values), int(values.isna().sum())
    absent = sum(name not in row for row in inputs)
    kind = reference.kinds.get(name, "unknown")
    was_null = reference.nulls.get(name, 0)
    found = ColumnFacts(
        name=name,
        kind=kind,
        rows=rows,
        absent=absent,
        nulls=nulls,
        reference_nulls=was_null,
        reference_rows=reference.rows,
        more_nulls=more_often((was_null, reference.rows), (nulls, rows)),
        infinite=int(np.isinf(values).sum()) if kind == NUMERIC else 0,
        problem=_problem(reference, name, rows, absent, nulls),
    )
    return _unseen(reference, found, values) if kind == CATEGORICAL else found


def _problem(reference: Reference, name: str, rows: int, absent: int, nulls: int) -> str:
    if name not in reference.kinds:
        return f"{name} is not in the snapshot that the champion was trained on"
    if absent == rows:
        return f"{name} is in none of the {rows} rows"
    if reference.kinds[name] not in {NUMERIC, CATEGORICAL}:
        return ""
    if nulls == rows:
        return f"{name} has no value in any of the {rows} rows"
    if reference.nulls[name] == reference.rows:
        return f"{name} has no value in the reference"
    return ""


def _unseen(reference: Reference, facts: ColumnFacts, values: "pd.Series[Any]") -> ColumnFacts:
    strange = values[values.notna() & ~values.isin(reference.categories[facts.name])]
    if strange.empty:
        return facts
    # Good-Turing: a share of about once/rows of new rows has a category that was never seen.
    rate = min(max(reference.once[facts.name] / reference.rows, 1 / reference.rows), 1.0)
    chance = float(binom.sf(len(strange) - 1, facts.rows, rate))
    common = strange.value_counts().index[:EXAMPLES]
    return replace(
        facts,
        unseen=len(strange),
        unseen_values=tuple(str(value)[:40] for value in common),
        more_unseen=chance if math.isfinite(chance) else 0.0,
    )
