"""Estimators that end badly, for workers to fit."""

import os
import time
from pathlib import Path
from socket import gethostname
from typing import Any
from uuid import uuid4

import numpy as np
from sklearn.linear_model import LogisticRegression


class Mortal(LogisticRegression):
    """Takes its process with it, the first time that it is fitted anywhere."""

    def __init__(self, died: str = "") -> None:
        super().__init__()
        self.died = died
        """A file that says that it has."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Mortal":  # noqa: N803
        """Die, or fit."""
        if not Path(self.died).exists():
            Path(self.died).write_text(str(os.getpid()))
            os._exit(1)
        super().fit(X, y, sample_weight)
        return self


class Fatal(LogisticRegression):
    """Takes its process with it, every time."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Fatal":  # noqa: N803
        """Die."""
        os._exit(1)


class Wrong(LogisticRegression):
    """Cannot be fitted."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Wrong":  # noqa: N803
        """Raise."""
        raise ValueError(f"{len(y)} rows are not to its taste")


class Slow(LogisticRegression):
    """Takes its time, and leaves a file in a folder each time, which names the host."""

    def __init__(self, folder: str = "") -> None:
        super().__init__()
        self.folder = folder

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Slow":  # noqa: N803
        """Wait, and fit."""
        Path(self.folder, f"{gethostname()}.{uuid4().hex}").touch()
        time.sleep(2)
        super().fit(X, y, sample_weight)
        return self


class Deadly:
    """Rows of numbers, the last of which end whoever reads them, or raise; once, or every time."""

    def __init__(self, rows: Any, died: Path | None = None, message: str = "") -> None:
        self.rows = rows
        self.last = True
        self.died = died
        """A file that says that somebody has; None: everybody does."""
        self.message = message
        """What is raised instead."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice) -> "Deadly":
        found = Deadly(self.rows[some], self.died, self.message)
        found.last = self.last and some.stop >= len(self.rows)
        return found

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Read them."""
        if self.last and self.message:
            raise LookupError(self.message)
        if self.last and not (self.died and self.died.exists()):
            if self.died:
                self.died.write_text(str(os.getpid()))
            os._exit(1)
        return np.array(self.rows, dtype=dtype)
