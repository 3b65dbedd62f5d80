"""What metrics of some answers are expected to be, and how much they scatter by chance.

told = ByChances(scale, chances, output)      # of a classification: see `chances`, `expected`
told = ByLosses({"mae": lost}, {"mae": 0.8})  # of a regression: see `losses`
told.expected("f1"), told.scatter(["f1"], draws=100), told.take(rows)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from evergreen.learning import metrics
from evergreen.learning.models import Array, Output
from evergreen.spec import Scale
from evergreen.watching import expected

SEED = 0


class Probable(Protocol):
    """What is known of n answers without their labels."""

    def __len__(self) -> int: ...

    def take(self, rows: Array) -> Self:
        """Return the same of some rows."""

    def expected(self, name: str) -> float | None:
        """Return what is expected of a metric; None: it cannot be estimated."""

    def scatter(self, names: Sequence[str], draws: int) -> Mapping[str, float]:
        """Return the standard deviation of each metric by the chance of the labels."""


@dataclass(frozen=True)
class ByChances:
    """Answers of a classification."""

    scale: Scale
    chances: Array
    """Of each class, (n, k)."""
    output: Output

    def __len__(self) -> int:
        return len(self.output)

    def take(self, rows: Array) -> "ByChances":
        """Return the same of some rows."""
        return ByChances(self.scale, self.chances[rows], self.output.take(rows))

    def expected(self, name: str) -> float | None:
        """Return what is expected of a metric, as if it had been counted."""
        return expected.expected(name, self.chances, self.output)

    def scatter(self, names: Sequence[str], draws: int) -> Mapping[str, float]:
        """Return the standard deviation over labels that are drawn by their chances."""
        assert self.output.classes is not None, "answers with probabilities"  # noqa: S101
        draw, below = np.random.default_rng(SEED), self.chances.cumsum(axis=1)[:, :-1]
        found: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(draws):
            at = (draw.random(len(self))[:, None] > below).sum(axis=1)
            truth = self.output.classes[at]
            for name, value in metrics.score(self.scale, truth, self.output, names).items():
                found[name].append(value)
        return {n: float(np.std(v, ddof=1)) for n, v in found.items() if len(v) > draws / 2}


@dataclass(frozen=True)
class ByLosses:
    """Answers of a regression: a loss that is expected of each row."""

    losses: Mapping[str, Array]
    """Of each metric, (n,)."""
    noise: Mapping[str, float]
    """How far a loss is from what is expected of its row, as a share of that (root mean square)."""

    def __len__(self) -> int:
        return max(map(len, self.losses.values()), default=0)

    def take(self, rows: Array) -> "ByLosses":
        """Return the same of some rows."""
        return ByLosses({name: each[rows] for name, each in self.losses.items()}, self.noise)

    def expected(self, name: str) -> float | None:
        """Return the mean of its losses, or its root."""
        mean = float(self.losses[name].mean())
        return mean**0.5 if name == "rmse" else mean

    def scatter(self, names: Sequence[str], draws: int) -> Mapping[str, float]:  # noqa: ARG002
        """Return the standard error of the mean of losses that scatter as far as their share.

        That of a root is the mean's, divided by twice the root.
        """
        return {name: self._error(name) for name in names}

    def _error(self, name: str) -> float:
        lost = self.losses[name]
        error = self.noise[name] * float(np.sqrt((lost**2).mean() / len(lost)))
        return error / max(2 * float(np.sqrt(lost.mean())), 1e-12) if name == "rmse" else error
