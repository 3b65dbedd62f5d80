"""Ask the champion about many rows, by the engine that answers over HTTP.

Usage::

    asking = Asking(served, admission)
    for answered in asking.about(chunk):
        answered.rows, answered.output

A row that the model has no answer for is refused, as the service does; the others have theirs.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from evergreen.learning.models import Array, Output
from evergreen.scoring.admission import Admission
from evergreen.scoring.chunks import Chunk
from evergreen.serving import answers
from evergreen.serving.desk import Served

log = logging.getLogger(__name__)
MOST_FAILURES = 100
"""So often a chunk is halved to find the rows that fail; then all of it is refused."""


@dataclass(frozen=True)
class Answered:
    """Rows with their answers."""

    rows: pa.Table
    """n rows: the key and the raw columns."""
    output: Output


@dataclass
class Asking:
    """One champion, and what was found out while it was asked."""

    served: Served
    admission: Admission
    unseen: Counter[str] = field(default_factory=Counter)
    """Values that training never saw, by column."""
    _failures: int = 0

    def about(self, chunk: Chunk) -> Iterator[Answered]:
        """Yield the rows that have a finite answer, in parts."""
        try:
            scored = self.served.engine.frame(chunk.frame, chunk.wanted)
        except Exception as error:  # the feature code of a use case may raise anything on odd rows
            yield from self._parted(chunk, error)
            return
        self.unseen.update(scored.unseen)
        finite = answers.finite(scored.output)
        self.admission.refuse(answers.NO_FINITE_ANSWER, int((~finite).sum()))
        yield Answered(chunk.rows.filter(pa.array(finite)), scored.output.take(finite))

    def _parted(self, chunk: Chunk, error: Exception) -> Iterator[Answered]:
        """Look for the rows that fail; those with a history fail together."""
        self._failures += 1
        log.info("%s cannot be scored", self.served.ref.use_case, exc_info=error)
        alone = len(chunk.wanted) == 1 or self.served.contract.looks_back
        if alone or self._failures > MOST_FAILURES:
            reason = f"the model cannot score these values ({type(error).__name__})"
            self.admission.refuse(reason, len(chunk.wanted))
            return
        for places in np.array_split(np.arange(len(chunk.wanted)), 2):
            yield from self.about(_part(chunk, places))


def _part(chunk: Chunk, places: Array) -> Chunk:
    """Return some rows of a chunk without a history."""
    frame = chunk.frame.iloc[places].reset_index(drop=True)
    return Chunk(frame, np.arange(len(places)), chunk.rows.take(pa.array(places)))
