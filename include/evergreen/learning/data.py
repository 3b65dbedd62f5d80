"""All that one training learns from and is judged on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.data.splits import Folds
from evergreen.learning.rows import Rows

Array = NDArray[Any]


class Raw(Protocol):
    """Raw rows, which are read when they are asked for."""

    def __len__(self) -> int:
        """Return how many there are."""

    def take(self, positions: "NDArray[np.intp]") -> pd.DataFrame:
        """Return the rows at some positions, ascending, on these positions as their index."""

    def between(self, first: int, end: int) -> pd.DataFrame:
        """Return the rows from one position up to another."""

    def only(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return some columns of all rows."""


@dataclass(frozen=True)
class Held:
    """Raw rows that are at hand."""

    frame: pd.DataFrame
    """On positions."""

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, positions: "NDArray[np.intp]") -> pd.DataFrame:
        """Return the rows at some positions."""
        return self.frame.iloc[positions]

    def between(self, first: int, end: int) -> pd.DataFrame:
        """Return the rows from one position up to another."""
        return self.frame.iloc[first:end]

    def only(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return some columns of all rows."""
        return self.frame[list(columns)]


@dataclass(frozen=True)
class Data:
    """All that one training learns from and is judged on."""

    rows: Rows
    raw: Raw
    """The raw rows, on the same positions."""
    folds: Folds

    @property
    def judged(self) -> Array:
        """Positions of the judged rows, ascending: the order of their answers."""
        judged: Array = np.sort(np.concatenate([fold.test for fold in self.folds.judging]))
        return judged
