"""How a model behaves, whatever its scores: on one row, on extreme values, asked twice ...

    for test in examine(use_case, model, holdout, output):
        test.name, test.passed, test.detail      # "one_row", True, "alone and with its history ..."

A test that raises has failed, with the error as its detail.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from evergreen.judging.evidence import ModelTest
from evergreen.learning import models
from evergreen.learning.features import RawHoldout, with_history
from evergreen.learning.models import TOLERANCE, Output
from evergreen.personal import failure
from evergreen.spec import Kind, UseCase

EXTREMES = (0.0, -1e9, 1e9, np.nan)
ROWS = 20
"""Rows that are asked about again, with extreme values."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Subject:
    """The model under test, with what it answered on the holdout."""

    use_case: UseCase
    model: Pipeline
    holdout: RawHoldout
    output: Output
    """Of the held-out rows."""
    classes: Array
    """That the rows have, held out or not, sorted; empty: values are predicted."""

    def latest(self) -> pd.DataFrame:
        """Return the newest held-out row and the history that its features look back at."""
        wanted = np.zeros(len(self.holdout.rows), dtype=bool)
        wanted[np.flatnonzero(self.holdout.mask)[-1]] = True
        rows = self.holdout.rows[with_history(self.use_case, self.holdout.rows, wanted)]
        return rows.reset_index(drop=True)

    def answers(self, rows: pd.DataFrame) -> Output:
        """Ask the model."""
        return models.predict(self.model, rows)


def examine(subject: Subject) -> tuple[ModelTest, ...]:
    """Do every test."""
    return tuple(_test(name, test, subject) for name, test in TESTS.items())


def _test(name: str, test: Callable[[Subject], str], subject: Subject) -> ModelTest:
    try:
        return ModelTest(name=name, passed=True, detail=test(subject))
    except Failed as failed:
        return ModelTest(name=name, passed=False, detail=str(failed))
    except Exception as error:  # a model that cannot answer has failed
        detail = f"it raised {failure(error, subject.use_case.source.personal)}"
        return ModelTest(name=name, passed=False, detail=detail)


class Failed(Exception):
    """The model did what a model must not do; the message says what."""


def shape(subject: Subject) -> str:
    """Return one answer for each row, and a probability for each class."""
    output, rows = subject.output, int(subject.holdout.mask.sum())
    if output.labels.shape != (rows,):
        raise Failed(f"{output.labels.shape} answers for {rows} rows")
    if output.probabilities is None:
        return f"one answer for each of {rows} rows"
    classes = 0 if output.classes is None else len(output.classes)
    if output.probabilities.shape != (rows, classes):
        raise Failed(f"{output.probabilities.shape} probabilities of {classes} classes")
    return f"one answer for each of {rows} rows, {classes} probabilities each"


def valid_values(subject: Subject) -> str:
    """Answer with classes that the data has; numbers are finite."""
    _check_values(subject, subject.output)
    if subject.output.classes is None:
        return "all values are finite"
    classes = subject.output.classes
    if strange := sorted(set(classes.tolist()) - set(subject.classes.tolist())):
        raise Failed(f"knows the class {strange[0]!r}, which no row has")
    return f"answers with {len(np.unique(subject.output.labels))} of {len(classes)} classes"


def probabilities(subject: Subject) -> str:
    """Give probabilities between 0 and 1 that add up to 1."""
    if subject.output.probabilities is None:
        return "gives none"
    _check_probabilities(subject.output.probabilities)
    return "between 0 and 1, and they add up to 1"


def one_row(subject: Subject) -> str:
    """Answer for one row as for all of them together: what is served is what was judged."""
    rows = subject.latest()
    alone = subject.answers(rows.tail(1).reset_index(drop=True))
    _check_values(subject, alone)
    if len(alone) != 1:
        raise Failed(f"{len(alone)} answers for one row")
    served, judged = subject.answers(rows).take(np.array([-1])), subject.output
    off = models.off(served, judged.take(np.array([-1])))
    if off > TOLERANCE:
        raise Failed(
            f"the newest row with its history of {len(rows) - 1} rows gets another answer than"
            f" among all rows (off by {off:.3g}); is features.lookback too short?"
        )
    return f"the newest row, with its history of {len(rows) - 1} rows, gets the same answer"


def extreme_values(subject: Subject) -> str:
    """Answer sensibly where the raw values are 0, huge, negative, missing or never seen."""
    rows = subject.holdout.rows.tail(ROWS).reset_index(drop=True)
    columns = [c for c in subject.use_case.features.raw if pd.api.types.is_numeric_dtype(rows[c])]
    columns = [c for c in columns if rows[c].dtype != bool]
    for value in EXTREMES:
        changed = rows.assign(**{name: _filled(rows[name], value) for name in columns})
        _check_values(subject, subject.answers(changed))
    names = [c for c in subject.use_case.features.categorical if c in rows and c not in columns]
    if names:
        _check_values(subject, subject.answers(rows.assign(**dict.fromkeys(names, "never seen"))))
    return f"{len(columns)} numbers of {len(EXTREMES)} kinds, {len(names)} texts never seen"


def same_twice(subject: Subject) -> str:
    """Give the same answer when asked twice."""
    again = subject.answers(subject.holdout.rows).take(subject.holdout.mask)
    off = models.off(again, subject.output)
    if off > 0:
        raise Failed(f"the second answer is off by {off:.3g}")
    return "asked twice, it answers the same"


TESTS: dict[str, Callable[[Subject], str]] = {
    test.__name__: test
    for test in (shape, valid_values, probabilities, one_row, extreme_values, same_twice)
}


def _filled(column: "pd.Series[Any]", value: float) -> "pd.Series[Any]":
    """Return the column with one value throughout; whole numbers have no NaN."""
    if np.isnan(value) and column.dtype.kind != "f":
        return column
    return pd.Series(value, index=column.index).astype(column.dtype)


def _check_values(subject: Subject, output: Output) -> None:
    if subject.use_case.kind is Kind.REGRESSION:
        if not np.isfinite(output.labels).all():
            raise Failed("answers with a number that is not finite")
        return
    if output.probabilities is not None:
        _check_probabilities(output.probabilities)
    known = subject.output.classes
    if known is not None and not np.isin(output.labels, known).all():
        raise Failed("answers with a class that it does not know")


def _check_probabilities(given: Array) -> None:
    if not np.isfinite(given).all():
        raise Failed("a probability is not finite")
    if given.min() < 0 or given.max() > 1:
        raise Failed(f"a probability is {given.min():.3g} or {given.max():.3g}")
    off = float(np.abs(given.sum(axis=1) - 1).max())
    if off > TOLERANCE:
        raise Failed(f"the probabilities of a row add up to 1 ± {off:.3g}")
