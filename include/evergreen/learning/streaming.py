"""LightGBM learns from rows that lie in Parquet: they pass by in parts, and what it keeps is bins.

    streamed = passing.fitted(model[:-1], rows.chosen(positions), truth)
    lightgbm(LGBMClassifier(num_leaves=15), Learning(streamed, …))      # the trees as text

They pass twice: a sample tells the edges of the bins, then each row is put into its own. Sample and
edges are those that LightGBM would take from the whole, so the trees are the same to the last bit.
"""

import re
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.class_weight import compute_sample_weight

if TYPE_CHECKING:
    from evergreen.learning.boosted import Learning
    from evergreen.learning.frames import Chosen

Array = NDArray[Any]

AT_ONCE = 50_000
"""Rows that are handed over at once."""
_SEED = re.compile(r"\[data_random_seed: (-?\d+)\]")


@dataclass(frozen=True)
class Streamed:
    """Prepared rows, of which the numbers that pass through as they are lie where they lay."""

    rows: "Chosen"
    passing: frozenset[str]
    """The columns that are read from `rows`."""
    made: pd.DataFrame
    """All columns, stand-ins where they pass."""

    def __len__(self) -> int:
        return len(self.made)

    def __getitem__(self, some: slice) -> "Streamed":
        return replace(self, rows=self.rows[some], made=self.made.iloc[some])

    @property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns."""
        return self.made.shape

    @property
    def columns(self) -> pd.Index:
        """Return the names of the columns."""
        return self.made.columns

    @property
    def dtypes(self) -> "pd.Series[Any]":
        """Return the types of the columns: categories are to be split as such."""
        return self.made.dtypes

    def parts(self) -> list["Part"]:
        """Return the rows of each chunk."""
        sizes, desk = [len(rows) for rows in self.rows.by_chunk()], _Desk()
        pairs = zip(sizes, accumulate(sizes), strict=True)
        return [Part(self[end - size : end], desk) for size, end in pairs]

    def matrix(self, numbers: pd.DataFrame, rows: slice) -> Array:
        """Return n × features floats of some rows, whose passing numbers are at hand."""
        sources = ((numbers if name in self.passing else self.made)[name] for name in self.made)
        return np.column_stack([one.iloc[rows].astype(float).to_numpy() for one in sources])


class _Desk:
    """Holds the passing numbers of one part, and some rows of it as a matrix."""

    def __init__(self) -> None:
        self._part: Part | None = None
        self._numbers = pd.DataFrame()
        self._block: tuple[int, Array] | None = None

    def block(self, part: "Part", start: int) -> Array:
        """Return `AT_ONCE` rows of a part from `start` on."""
        if part is not self._part:
            self._numbers, self._block = pd.DataFrame(), None  # before others are read
            self._part, self._numbers = part, part.rows.rows.only(sorted(part.rows.passing))
        if self._block is None or self._block[0] != start:
            some = slice(start, start + AT_ONCE)
            self._block = start, part.rows.matrix(self._numbers, some)
        return self._block[1]


class Part:
    """Rows of one chunk, as `lightgbm.Sequence` has them: by number, or as many as at once."""

    batch_size = AT_ONCE

    def __init__(self, rows: Streamed, desk: _Desk) -> None:
        self.rows = rows
        self._desk = desk

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int | slice) -> Array:
        if isinstance(index, slice):
            return self._desk.block(self, index.start)
        within = int(index) % AT_ONCE
        row: Array = self._desk.block(self, int(index) - within)[within]
        return row


def lightgbm(estimator: Any, learning: "Learning") -> str:
    """Return the trees of an unfitted estimator of LightGBM, as text."""
    import lightgbm as package

    package.Sequence.register(Part)
    settings = _settings(estimator, learning)
    whole = package.Dataset(
        learning.matrix.parts(), learning.truth, weight=_weights(estimator, learning),
        categorical_feature=learning.categories or "auto", params=settings,
    )  # fmt: skip
    late = [_late(whole, *learning.late)] if learning.late else []
    text: str = package.train(settings, whole, valid_sets=late).model_to_string()
    return text


def _late(whole: Any, rows: Streamed, truth: Array) -> Any:
    """Return rows that tell when to stop, all of the same weight.

    Left alone they would weigh nothing where those learned from are weighed, and so would ones,
    which LightGBM takes for no weights.
    """
    weight = None if whole.weight is None else np.full(len(rows), 2.0)
    return whole.create_valid(rows.parts(), truth, weight)


def _settings(estimator: Any, learning: "Learning") -> dict[str, Any]:
    """Return what the package makes of an estimator's parameters, as a few rows show."""
    classifies = hasattr(estimator, "predict_proba")
    few = np.unique(learning.truth, return_index=True)[1] if classifies else np.arange(2)
    truth, columns = learning.truth[few], learning.matrix.shape[1]
    matrix = np.arange(float(len(few) * columns)).reshape(len(few), columns)
    late = {"eval_X": matrix, "eval_y": truth} if learning.late else {}
    plain = clone(estimator).set_params(class_weight=None)  # of all rows: see `_weights`
    booster = plain.fit(matrix, truth, **late).booster_
    [seed] = _SEED.findall(booster.model_to_string())
    return {**booster.params, "data_random_seed": int(seed)}  # which follows another seed


def _weights(estimator: Any, learning: "Learning") -> Array | None:
    if estimator.class_weight is None:
        return learning.weights
    by_class: Array = compute_sample_weight(estimator.class_weight, learning.truth)
    return by_class if learning.weights is None else learning.weights * by_class
