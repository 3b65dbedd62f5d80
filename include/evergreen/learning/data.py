"""All that one training learns from and is judged on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.data.splits import Folds
from evergreen.learning.rows import Rows

Array = NDArray[Any]


@dataclass(frozen=True)
class Data:
    """All that one training learns from and is judged on."""

    rows: Rows
    raw: pd.DataFrame
    """The raw rows, on the same positions."""
    folds: Folds

    @property
    def judged(self) -> Array:
        """Positions of the judged rows, ascending: the order of their answers."""
        judged: Array = np.sort(np.concatenate([fold.test for fold in self.folds.judging]))
        return judged
