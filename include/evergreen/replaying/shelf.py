"""Where a replay keeps the answers of its fits, and its result: a folder of the store.

shelf = Shelf(storage.of(settings, storage.REPLAYS), "weather")
shelf.memory("…/20260105T0000")         # of one fit: `learning.walking.Memory`
shelf.publish(replay)                   # replay.json and chart.svg; returns its id
"""

import hashlib
import json
from dataclasses import dataclass

import pyarrow as pa

from evergreen.learning.walking import Known
from evergreen.replaying.chart import svg
from evergreen.replaying.replay import Replay
from evergreen.storage import Store

FITS = "fits"


@dataclass(frozen=True)
class Shelf:
    """The replays of one use case."""

    store: Store
    use_case: str

    def memory(self, place: str) -> "Kept":
        """Return the memory of one fit."""
        return Kept(self.store, f"{self.use_case}/{FITS}/{place}")

    def publish(self, done: Replay) -> str:
        """Keep a replay for the page; the same replay has the same id."""
        document = done.document()
        lasting = {k: v for k, v in document.items() if k not in {"fits", "fitted", "seconds"}}
        text = json.dumps(lasting, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        id = f"{done.starts[0]:%Y%m%d}-{done.end:%Y%m%d}-{digest}"
        self.store.publish(f"{self.use_case}/{id}/chart.svg", svg(done))
        self.store.publish(f"{self.use_case}/{id}/replay.json", json.dumps(document, indent=1))
        return id


@dataclass(frozen=True)
class Kept:
    """What one fit answered, as a file for each recipe."""

    store: Store
    folder: str

    def recall(self, recipe: str) -> Known | None:
        """Return the answers; a file that cannot be read is as good as none."""
        try:
            return Known.unpacked(self.store.read(self._place(recipe)))
        except (FileNotFoundError, pa.ArrowException):
            return None

    def keep(self, recipe: str, known: Known) -> None:
        """Keep the answers in place of those before."""
        self.store.publish(self._place(recipe), known.packed())

    def _place(self, recipe: str) -> str:
        return f"{self.folder}/{recipe[:20]}.parquet"
