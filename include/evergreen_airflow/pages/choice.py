"""Whose cards a page shows: everybody's while they are few, and otherwise whose is asked for.

found = choose(["churn", "iris"], asked="iris")
found.shown                 # ("iris",): nothing is read of the others
found.names                 # what the page leads to
"""

from collections.abc import Iterable
from dataclasses import dataclass

FEW = 12
"""So many use cases a page shows at once."""


@dataclass(frozen=True)
class Choice:
    """The use cases that there are, and which of them is asked for."""

    names: tuple[str, ...]
    asked: str
    """Empty: none in particular."""

    @property
    def few(self) -> bool:
        """Tell whether all of them fit on the page."""
        return len(self.names) <= FEW

    @property
    def shown(self) -> tuple[str, ...]:
        """Those that are shown, by name."""
        if self.asked:
            return tuple(name for name in self.names if name == self.asked)
        return self.names if self.few else ()

    @property
    def is_missing(self) -> bool:
        """Tell whether one is asked for that is not there."""
        return bool(self.asked) and not self.shown

    @property
    def status(self) -> int:
        """Of the answer, by HTTP."""
        return 404 if self.is_missing else 200


def choose(names: Iterable[str], asked: str) -> Choice:
    """Return what to show of the use cases that there are."""
    return Choice(tuple(sorted(set(names))), asked)
