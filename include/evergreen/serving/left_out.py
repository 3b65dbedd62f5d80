"""Rows that training has not seen: features do not look back at them when a row is asked about.

    left_out = LeftOut("weather", dossier.inputs, records.quarantine)
    left_out.among(moments, lambda: keys)      # which of n rows: True

These are rows of days that the declaration excludes, and those that are in quarantine by their key.
A row that is asked about itself is answered all the same; that is for the caller to see to.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np

from evergreen.dossier import Inputs
from evergreen.learning.models import Array
from evergreen.plain import plain
from evergreen.refs import Json

MICROSECOND = timedelta(microseconds=1)
Key = Mapping[str, Any]


class Quarantined(Protocol):
    """What is asked of the records."""

    def among(self, use_case: str, keys: Sequence[Json]) -> Collection[int]:
        """Return the places of the keys that are in quarantine."""


@dataclass(frozen=True)
class LeftOut:
    """What training has left out of the rows of a use case."""

    use_case: str
    inputs: Inputs
    quarantine: Quarantined | None = None
    """None: nobody is asked."""

    def among(self, moments: Array, keys: Callable[[], Sequence[Key]]) -> Array:
        """Tell which of n rows are left out (n booleans).

        Args:
            moments: event times, microseconds since 1970.
            keys: the key of each row, if they are needed.
        """
        out = np.zeros(len(moments), dtype=bool)
        for one in self.inputs.excluded:
            out |= (moments >= microseconds(one.start)) & (moments < microseconds(one.end))
        if self.inputs.quarantined and self.quarantine is not None and len(moments):
            asked = [{name: plain(cell) for name, cell in key.items()} for key in keys()]
            out[list(self.quarantine.among(self.use_case, asked))] = True
        return out


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return (moment - datetime.fromtimestamp(0, UTC)) // MICROSECOND
