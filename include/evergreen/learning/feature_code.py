"""The first step of every model: the use case's own feature code, kept as text.

A champion trained with old feature code keeps its own, whatever the use case's module says today.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from evergreen.errors import DeclarationError
from evergreen.learning import dates as calendar
from evergreen.learning import source_code


class FeatureCode(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Raw rows in, features out: the same rows, in the same order.

    Loading a model gives this class text that `transform` executes. Check the digest of the model
    file before you load it (`models.load` does): the digest is the guard, not the list of types.

    Args:
        source: text of a Python module that defines `function`; empty: the columns are selected.
        function: name of the function, `DataFrame -> DataFrame`.
        inputs: raw columns that it reads.
        numeric: features that become float64, missing is NaN.
        categorical: features (categories, and text) that become text, missing is NaN.
        dates: features that become seconds since 1970, missing is NaN.
    """

    dates: Sequence[str] = ()  # of a model from before there were any

    def __init__(
        self,
        source: str = "",
        function: str = "",
        inputs: Sequence[str] = (),
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
        dates: Sequence[str] = (),
    ) -> None:
        self.source = source
        self.function = function
        self.inputs = inputs
        self.numeric = numeric
        self.categorical = categorical
        self.dates = dates

    @property
    def columns(self) -> tuple[str, ...]:
        """The features, in their order."""
        return (*self.numeric, *self.categorical, *self.dates)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Those that are kept as numbers."""
        return (*self.numeric, *self.dates)

    @property
    def digest(self) -> str:
        """The sha256 of the source, which names the code in MLflow."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, raw: pd.DataFrame, truth: object = None) -> Self:  # noqa: ARG002
        """Learn nothing: features of a row depend on the raw rows alone."""
        return self

    def transform(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return the features of each raw row, on the same index.

        Raises:
            DeclarationError: the function lost rows or columns, or a feature is no number.
            KeyError: a raw column is missing.
        """
        found = raw[list(self.inputs)]
        if self.source:
            found = self._computed(found)
        columns = {name: _number(found[name]) for name in self.numeric}
        if self.source:
            columns = {name: _steady(values) for name, values in columns.items()}
        columns |= {name: _text(found[name]) for name in self.categorical}
        columns |= {name: calendar.seconds(found[name]) for name in self.dates}
        return pd.DataFrame(columns, index=raw.index)

    def _computed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what the function makes of rows, once that is known to be as it must."""
        found: pd.DataFrame = source_code.load(self.source, self.function)(rows)
        self._check(rows, found)
        return found

    def _check(self, raw: pd.DataFrame, found: object) -> None:
        place = f"features.function {self.function}()"
        if not isinstance(found, pd.DataFrame):
            raise DeclarationError(place, type(found).__name__, "a DataFrame as its result")
        if not found.index.equals(raw.index):
            got = f"{len(found)} rows for {len(raw)}, or another index"
            raise DeclarationError(place, got, "the same rows: `index=raw.index`")
        missing = [c for c in self.columns if c not in found]
        if missing:
            raise DeclarationError(place, list(found), f"columns that include {missing}")


class EntityCode(FeatureCode):
    """The same for a panel: the function gets the rows of one entity at a time.

    So a row's features depend on its own entity alone, whoever else is read with it.

    Args:
        entity: raw columns, among the inputs, that say whose a row is.
    """

    def __init__(
        self,
        source: str = "",
        function: str = "",
        inputs: Sequence[str] = (),
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
        dates: Sequence[str] = (),
        entity: Sequence[str] = (),
    ) -> None:
        super().__init__(source, function, inputs, numeric, categorical, dates)
        self.entity = entity

    @property
    def digest(self) -> str:
        """The sha256 of the source, and of what divides the rows."""
        return hashlib.sha256(f"{list(self.entity)}\n{self.source}".encode()).hexdigest()

    def _computed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Compute each entity's rows on their own, numbered from 0, in the order that they have."""
        codes = rows.groupby(list(self.entity), sort=False, dropna=False).ngroup().to_numpy()
        order = np.argsort(codes, kind="stable")
        ends = np.flatnonzero(np.diff(codes[order])) + 1
        sorted_rows = rows.iloc[order]
        found = [
            super(EntityCode, self)._computed(sorted_rows.iloc[start:end].reset_index(drop=True))
            for start, end in pairwise([0, *ends.tolist(), len(rows)])
        ]
        return pd.concat(found).set_axis(rows.index[order]).iloc[np.argsort(order)]


def _number(values: "pd.Series[Any]") -> "pd.Series[float]":
    if getattr(values.dtype, "kind", "") in "mM":  # as numbers, one that is missing were -9.2e18
        told = "numbers, such as .dt.total_seconds() of a length of time"
        raise DeclarationError(f"features.numeric {values.name!r}", str(values.dtype), told)
    try:
        return pd.Series(values.to_numpy(dtype=float, na_value=np.nan), index=values.index)
    except (TypeError, ValueError) as error:
        raise DeclarationError(
            f"features.numeric {values.name!r}", str(values.dtype), f"numbers ({error})"
        ) from error


def _steady(values: "pd.Series[float]") -> "pd.Series[float]":
    """Round to 40 of the 52 binary digits (12 decimal ones).

    A rolling mean ends in other last digits when it begins elsewhere, and a tree splits on them:
    training, batch and one row online would fall on different sides.
    """
    bits = values.to_numpy(dtype=float).view(np.uint64)
    rounded = (bits + np.uint64(1 << 11)) & ~np.uint64((1 << 12) - 1)
    return pd.Series(rounded.view(float), index=values.index)


def _text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    codes, names = pd.factorize(values)
    texts = np.array([*map(_name, names), np.nan], dtype=object)
    return pd.Series(texts[codes], index=values.index, dtype=object)


def _name(value: Any) -> str:
    """Write a category as text; 3.0 is '3', as an integer column with a gap reads as floats."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
