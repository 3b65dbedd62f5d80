"""The scored rows that go into the log of predictions, where they are watched like the others.

A million rows a day in a log that keeps inputs as JSON is dear, and a window is judged by a sample
all the same. So of each run the rows with the smallest hash are logged: always the same ones, with
no regard to their order, under ids that a second run gives again. The counts are of all rows.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from uuid import NAMESPACE_URL, UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evergreen.learning.models import Array
from evergreen.scoring.asking import Answered
from evergreen.scoring.raw import ScoringInterval
from evergreen.serving import answers
from evergreen.serving.answers import BATCH, Task
from evergreen.serving.contract import Order
from evergreen.serving.desk import Served

BETWEEN = "\x1f"
"""Stands between the parts of a key."""


class Sample:
    """The lines of one run."""

    def __init__(
        self,
        served: Served,
        interval: ScoringInterval,
        limit: int,
        *,
        asked_at: datetime,
        code: str,
    ) -> None:
        self._served, self._limit = served, limit
        self._context = {"time": asked_at, "code": code, "release_id": None}
        about = (served.ref.use_case, str(served.ref.version), *_texts(interval))
        self._prefix = "/".join(("evergreen", *about, ""))
        self._kept: list[tuple[int, bytes]] = []

    @property
    def lines(self) -> list[bytes]:
        """Those that are kept, as `evergreen.predictions` wants them."""
        return [line for _, line in self._kept]

    def add(self, answered: Answered, milliseconds: float) -> None:
        """Look at n scored rows, which took so long together."""
        digests = self._digests(answered.rows)
        places, numbers = self._drawn(digests)
        if not len(places):
            return
        names = [str(UUID(bytes=digests[place][:16], version=5)) for place in places]
        lines = self._lines(answered, places, names, milliseconds / len(digests))
        self._kept = sorted([*self._kept, *zip(numbers, lines, strict=True)])[: self._limit]

    def _drawn(self, digests: list[bytes]) -> tuple[Array, list[int]]:
        """Return the places of the rows that may be among the smallest, and their numbers."""
        numbers = np.frombuffer(b"".join(digest[:8] for digest in digests), dtype=">u8")
        places = np.arange(len(numbers))
        if len(self._kept) >= self._limit:
            places = np.flatnonzero(numbers < (self._kept[-1][0] if self._kept else 0))
        places = places[np.argsort(numbers[places], kind="stable")][: self._limit]
        return places, numbers[places].tolist()

    def _lines(
        self, answered: Answered, places: Array, names: list[str], latency: float
    ) -> list[bytes]:
        rows, inputs = answered.rows.take(pa.array(places)), self._served.dossier.inputs
        task = Task(
            Order(
                rows=rows.select(list(inputs.names)).to_pylist(), wanted=len(names),
                keys=rows.select([column.name for column in inputs.key]).to_pylist(), batch=True,
            ),
            tuple(names),
        )  # fmt: skip
        found = answers.predictions(names, answered.output.take(places))
        return answers.record(self._served, BATCH, task, found, latency, self._context)

    def _digests(self, rows: pa.Table) -> list[bytes]:
        """Return the SHA-1 of each row's name, of which RFC 9562 makes a UUID of version 5."""
        begun = hashlib.sha1(NAMESPACE_URL.bytes + self._prefix.encode(), usedforsecurity=False)
        return [_digest(begun, key) for key in self._keys(rows)]

    def _keys(self, rows: pa.Table) -> list[str]:
        parts = [pc.cast(rows[c.name], pa.string()) for c in self._served.dossier.inputs.key]
        found: list[str] = pc.binary_join_element_wise(*parts, BETWEEN).to_pylist()
        return found


def _digest(begun: "hashlib._Hash", key: str) -> bytes:
    found = begun.copy()
    found.update(key.encode())
    return found.digest()


def _texts(interval: ScoringInterval) -> Iterator[str]:
    yield interval.start.isoformat()
    yield interval.end.isoformat()
