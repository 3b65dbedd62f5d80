"""Labels that have not come: which states are told, and which refuse the data.

Usage::

    labels = Labels(target="y", left_out=48, newest_rows=1344, missing=48, newest=..., limit=0.3)
    labels.problem      # empty, or why the data is refused
    labels.notes        # what a reader should know
"""

from dataclasses import dataclass
from datetime import datetime

from evergreen.spec.lengths import percent


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What is known of the labels of the mature rows, at `as_of`."""

    target: str
    left_out: int = 0
    """Mature rows without a label."""
    newest_rows: int = 0
    """Mature rows in the newest stretch, as long as what is held out."""
    missing: int = 0
    """How many of these have no label."""
    newest: datetime | None = None
    """Event time of the newest row that has one; None: there is no time, or no row."""
    limit: float = 1.0
    """The share that may be missing: `source.max_unlabelled`."""

    @property
    def problem(self) -> str:
        """Why the data is refused; empty: it is not."""
        if self.missing <= self.limit * self.newest_rows:
            return ""
        since = f"; the newest that has one is of {_moment(self.newest)}" if self.newest else ""
        return (
            f"{self.target}: the labels of {self._share} have not come"
            f" (source.max_unlabelled allows {percent(self.limit)}){since}."
            " Load them, or give source.label_delay the time they take"
        )

    @property
    def notes(self) -> list[str]:
        """The rows that are left out, in sentences: those that are awaited, and older ones."""
        told = []
        if self.missing:
            since = f"; labels reach up to {_moment(self.newest)}" if self.newest else ""
            told.append(f"labels are late: {self._share} have none yet, and are left out{since}")
        if older := self.left_out - self.missing:
            told.append(f"{older:,} older rows without a label are left out")
        return told

    @property
    def _share(self) -> str:
        return f"{self.missing:,} of the newest {self.newest_rows:,} mature rows"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
