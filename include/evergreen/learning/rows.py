"""Every row of a snapshot, as one recipe's features see it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]

_LABEL, _WEIGHT = "\0label", "\0weight"


@dataclass(frozen=True)
class Rows:
    """Every row of a snapshot, as one recipe's features see it."""

    frame: pd.DataFrame
    """The features of each row, on positions."""
    truth: Array
    """The label of each row."""
    times: "pd.Series[pd.Timestamp] | None"
    """The event time of each row, UTC; None: the rows have no time."""
    weights: Array | None = None
    """How much each row counts in a fit; None: all the same."""

    @cached_property
    def names(self) -> "NDArray[np.uint64]":
        """Return a number for each row: another for other features, another label or weight."""
        values = self.frame.assign(**{_LABEL: self.truth})
        if self.weights is not None:
            values[_WEIGHT] = self.weights
        hashed = pd.util.hash_pandas_object(values, index=False, categorize=True)
        names: NDArray[np.uint64] = np.asarray(hashed, dtype=np.uint64)
        return names
