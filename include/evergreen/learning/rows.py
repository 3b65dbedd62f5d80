"""Every row of a snapshot, as one recipe's features see it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.data.splits import stretch
from evergreen.learning.frames import Chosen, Stored

Array = NDArray[Any]

_LABEL, _WEIGHT = "\0label", "\0weight"


@dataclass(frozen=True)
class Rows:
    """Every row of a snapshot, as one recipe's features see it."""

    features: pd.DataFrame | Stored
    """Of each row, on positions; of many rows, what reads them when they are asked for."""
    truth: Array
    """The label of each row."""
    times: "pd.Series[pd.Timestamp] | None"
    """The event time of each row, UTC; None: the rows have no time."""
    weights: Array | None = None
    """How much each row counts in a fit; None: all the same."""

    @cached_property
    def classes(self) -> Array:
        """The classes of all rows, sorted; empty: values are predicted."""
        return self.truth[:0] if self.truth.dtype.kind == "f" else np.unique(self.truth)

    @property
    def frame(self) -> pd.DataFrame:
        """The features of all rows, held."""
        return self.features.frame if isinstance(self.features, Stored) else self.features

    def take(self, positions: "NDArray[np.intp]") -> pd.DataFrame:
        """Return the features of some rows, whose positions ascend."""
        if isinstance(self.features, Stored):
            return self.features.take(positions)
        return self.features.iloc[stretch(positions)]

    def chosen(self, positions: "NDArray[np.intp]") -> pd.DataFrame | Chosen:
        """Return some rows for a fit, which may read them part by part if they are many."""
        if isinstance(self.features, Stored):
            return Chosen(self.features, positions)
        return self.take(positions)

    @cached_property
    def names(self) -> "NDArray[np.uint64]":
        """Return a number for each row: another for other features, another label or weight."""
        every = np.arange(len(self.features))
        if not isinstance(self.features, Stored):
            return self._hashed(every)
        return np.concatenate([self._hashed(part) for part in self.features.by_chunk(every)])

    def _hashed(self, positions: "NDArray[np.intp]") -> "NDArray[np.uint64]":
        where = stretch(positions)
        values = self.take(positions).assign(**{_LABEL: self.truth[where]})
        if self.weights is not None:
            values[_WEIGHT] = self.weights[where]
        hashed = pd.util.hash_pandas_object(values, index=False, categorize=True)
        return np.asarray(hashed, dtype=np.uint64)
