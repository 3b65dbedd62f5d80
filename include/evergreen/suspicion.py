"""Columns that alone tell the label: the label in disguise, or its own past.

leaks(moment, "weather", ("day",), label, features, "day")
# (Suspect(name="temperature", metric="r2", score=0.9995, rows_before=24),)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.data.warehouse import Reading, identifier, quoted
from evergreen.judging import single_feature
from evergreen.labelling import Label
from evergreen.learning.features import PART, labels_of
from evergreen.spec import Features, Gate, Kind

SAMPLE = 20_000
"""So many rows are looked at."""
FURTHEST = 400
"""The label's own past is looked for up to so many rows before."""
SAME = 0.95
"""It is, where at least so many of its values are those of the label that many rows before."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Suspect:
    """A column that alone tells the label better than the gate lets pass."""

    name: str
    metric: str
    score: float
    rows_before: int = 0
    """It is the label of so many rows before; 0: it is not."""


def leaks(
    moment: Reading, table: str, key: Sequence[str], label: Label, features: Features,
    time: str | None,
) -> tuple[Suspect, ...]:  # fmt: skip
    """Return the columns that alone tell the label: better than the gate would let pass."""
    most = Gate.max_single_feature
    if most is None or not features.numeric + features.categorical + features.dates:
        return ()  # sentences alone
    frame = _sample(moment, table, key, label, features)
    found = single_feature.scores(label.kind, label.name, features, frame)
    told = sorted((one for one in found if one.score > most), key=lambda one: one.score)
    best = {one.feature: one for one in told}
    order = [*(name for name in key if name != time), time] if time else []
    past = {
        name: _rows_before(moment, table, order, label, name)
        for name in best
        if order and label.kind is Kind.REGRESSION and name in features.numeric
    }
    return tuple(
        Suspect(name, best[name].metric, best[name].score, past.get(name, 0))
        for name in features.columns
        if name in best
    )


def _sample(
    moment: Reading, table: str, key: Sequence[str], label: Label, features: Features
) -> pd.DataFrame:
    """Return some rows, the same each time; half of them judge."""
    order = ", ".join(f"{quoted(name)}::text" for name in key)
    read = numbers(moment, table)
    truth = read[label.column] if label.kind is Kind.REGRESSION else f"({label.sql})"
    columns = [read[name] for name in features.numeric]
    columns += [f"{quoted(name)}::text" for name in features.categorical]
    columns += [f"extract(epoch FROM {quoted(name)})::float8" for name in features.dates]
    rows = moment.query(
        f"SELECT {truth}, {', '.join(columns)} FROM {identifier(table)}"
        f" WHERE {truth} IS NOT NULL ORDER BY md5(concat_ws('/', {order})) LIMIT {SAMPLE}"
    )
    numeric = [*features.numeric, *features.dates]
    names = [*features.numeric, *features.categorical, *features.dates]
    frame = pd.DataFrame(rows, columns=[label.name, *names])
    frame[numeric] = frame[numeric].astype(float)
    frame[label.name] = labels_of(label.kind, frame[label.name])
    return frame.assign(**{PART: [TRAINING if n % 2 else HOLDOUT for n in range(len(frame))]})


def _rows_before(moment: Reading, table: str, order: Sequence[str], label: Label, name: str) -> int:
    """Return of how many rows before a column is the label, entity by entity; 0: it is not."""
    read = numbers(moment, table)
    rows = moment.query(
        f"SELECT {read[label.column]}, {read[name]} FROM {identifier(table)}"
        f" ORDER BY {', '.join(map(quoted, order))} LIMIT {SAMPLE}"
    )
    truth, found = np.array(rows, dtype=float).T
    lags = range(min(FURTHEST, len(truth) // 2) + 1)
    shares = [_same(truth[: len(truth) - lag], found[lag:]) for lag in lags]
    best = int(np.argmax(shares))
    return best if shares[best] >= SAME else 0


def _same(truth: Floats, found: Floats) -> float:
    """Return the share of equal values among those that both have."""
    both = np.isfinite(truth) & np.isfinite(found)
    return float(np.isclose(truth[both], found[both]).mean()) if both.any() else 0.0


def numbers(moment: Reading, table: str) -> dict[str, str]:
    """Return by column the SQL that reads a number; one that is not finite as NULL."""
    columns = moment.columns(identifier(table))
    return {
        column.name: _finite(f"{column.identifier}::{column.type}::float8") for column in columns
    }


def _finite(number: str) -> str:
    return f"CASE WHEN {number} > '-Infinity' AND {number} < 'Infinity' THEN {number} END"
