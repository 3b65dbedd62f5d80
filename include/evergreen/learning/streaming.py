"""Boosted trees learn from rows that lie in Parquet: they pass by in parts, and bins are kept.

    streamed = passing.fitted(model[:-1], rows.chosen(positions), truth)
    lightgbm(LGBMClassifier(num_leaves=15), Learning(streamed, …))      # the trees as text
    xgboost(lesson(XGBClassifier(max_depth=4), Learning(streamed, …)))  # the trees, a Booster

LightGBM has them pass twice: a sample tells the edges of the bins, then each row is put into its
own. XGBoost has them pass five times: it counts them, sketches the quantiles of each column, row
after row wherever a part ends, and fills the bins. Edges are those that each would find in the
whole, so the trees are the same to the last bit.
"""

import re
from collections.abc import Iterator
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
    columns: pd.Index
    """All of them, in their order."""
    made: pd.DataFrame
    """Those that are held; the others pass."""

    def __len__(self) -> int:
        return len(self.made)

    def __getitem__(self, some: slice) -> "Streamed":
        return replace(self, rows=self.rows[some], made=self.made.iloc[some])

    @property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns."""
        return len(self), len(self.columns)

    @property
    def passing(self) -> list[str]:
        """Return the columns that are read from `rows`."""
        return sorted(name for name in self.columns if name not in self.made)

    @property
    def dtypes(self) -> "pd.Series[Any]":
        """Return the types of the columns: categories are to be split as such."""
        held = self.made.dtypes
        return pd.Series({name: held.get(name, np.dtype(float)) for name in self.columns})

    def parts(self) -> list["Part"]:
        """Return the rows of each chunk."""
        sizes, desk = [len(rows) for rows in self.rows.by_chunk()], _Desk()
        pairs = zip(sizes, accumulate(sizes), strict=True)
        return [Part(self[end - size : end], desk) for size, end in pairs]

    def matrix(self, numbers: pd.DataFrame, rows: slice) -> Array:
        """Return n × features floats of some rows, whose passing numbers are at hand."""
        sources = ((self.made if name in self.made else numbers)[name] for name in self.columns)
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
            self._part, self._numbers = part, part.rows.rows.only(part.rows.passing)
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

    def blocks(self) -> Iterator[Array]:
        """Yield the rows, as many as at once."""
        yield from (self._desk.block(self, n) for n in range(0, len(self), AT_ONCE))


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


@dataclass(frozen=True)
class Lesson:
    """Rows that XGBoost learns from, and how."""

    rows: Any
    """Streamed, or n × features numbers that are held."""
    truth: Array
    weights: Array | None
    late: tuple[Any, Array] | None
    """Rows and labels that tell when to stop."""
    settings: dict[str, Any]
    bins: dict[str, Any]
    rounds: int
    patience: int | None
    """Rounds without anything better, until it stops; None: it does not."""
    kinds: list[str] | None
    """Of the columns: numbers or categories."""

    def share(self, number: int, of: int) -> "Lesson":
        """Return one of so many parts, each of rows that follow each other."""
        some, late = _stretch(self.truth, number, of), self.late
        if late is not None:
            newest = _stretch(late[1], number, of)
            late = _rows(late[0], newest), late[1][newest]
        weights = None if self.weights is None else self.weights[some]
        rows = _rows(self.rows, some)
        return replace(self, rows=rows, truth=self.truth[some], weights=weights, late=late)


def lesson(estimator: Any, learning: "Learning") -> Lesson:
    """Return what an unfitted estimator of XGBoost is to learn."""
    bins = {
        "max_bin": estimator.max_bin, "nthread": estimator.n_jobs, "missing": estimator.missing,
        "enable_categorical": bool(learning.categories),
    }  # fmt: skip
    return Lesson(
        learning.matrix, learning.truth, learning.weights, learning.late,
        _parameters(estimator, learning), bins, estimator.get_num_boosting_rounds(),
        estimator.early_stopping_rounds, estimator.feature_types,
    )  # fmt: skip


def xgboost(asked: Lesson) -> Any:
    """Return the trees, a Booster of XGBoost."""
    import xgboost as package

    rows = _passing_by(asked.rows, asked.truth, asked.weights, asked.kinds)
    whole = package.QuantileDMatrix(rows, **asked.bins)
    late = []
    if asked.late:
        newest = _passing_by(*asked.late, None, asked.kinds)
        late = [(package.QuantileDMatrix(newest, ref=whole, **asked.bins), "late")]
    return package.train(
        asked.settings, whole, asked.rounds, evals=late, verbose_eval=False,
        early_stopping_rounds=asked.patience,
    )  # fmt: skip


def _stretch(rows: Array, number: int, of: int) -> slice:
    """Return where one of so many parts lies, which differ by a row at most."""
    return slice(len(rows) * number // of, len(rows) * (number + 1) // of)


def _rows(rows: Any, some: slice) -> Any:
    return rows.iloc[some] if isinstance(rows, pd.DataFrame) else rows[some]


def _blocks(rows: Any) -> Iterator[Array]:
    """Yield rows, as many as at once."""
    if isinstance(rows, Streamed):
        yield from (block for part in rows.parts() for block in part.blocks())
        return
    for start in range(0, len(rows), AT_ONCE):
        yield np.asarray(_rows(rows, slice(start, start + AT_ONCE)), dtype=float)


def _parameters(estimator: Any, learning: "Learning") -> dict[str, Any]:
    """Return what the package makes of an estimator's parameters when it fits it."""
    found: dict[str, Any] = estimator.get_xgb_params()
    classes = len(np.unique(learning.truth)) if hasattr(estimator, "predict_proba") else 0
    if classes > 2:
        found["num_class"] = classes
        if found["objective"] != "multi:softmax":
            found["objective"] = "multi:softprob"
    return found


def _passing_by(rows: Any, truth: Array, weights: Array | None, kinds: list[str] | None) -> Any:
    """Return what hands over rows, with labels and weights, whenever they are asked for."""
    import xgboost as package

    class PassingBy(package.DataIter):
        def __init__(self) -> None:
            super().__init__()
            self.reset()

        def reset(self) -> None:
            self._start = 0
            self._blocks = _blocks(rows)

        def next(self, input_data: Any) -> bool:
            if (block := next(self._blocks, None)) is None:
                return False
            some = slice(self._start, self._start + len(block))
            weight = None if weights is None else weights[some]
            input_data(data=block, label=truth[some], weight=weight, feature_types=kinds)
            self._start = some.stop
            return True

    return PassingBy()
