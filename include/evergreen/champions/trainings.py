"""What earlier trainings left: finished ones on record, and the answers of their walks."""

import hashlib
from dataclasses import dataclass

from evergreen.learning.walking import Known
from evergreen.records.trainings import Trainings, Walk
from evergreen.refs import Json
from evergreen.storage import Damaged, Store


@dataclass(frozen=True)
class Remembered:
    """The trainings of one use case: on record, with their answers in the store."""

    records: Trainings
    store: Store
    use_case: str

    def recall(self, recipe: str) -> Known | None:
        """Return the answers of a recipe's newest walk; damaged ones are answered again."""
        walk = self.records.walk(self.use_case, recipe)
        if walk is None:
            return None
        try:
            return Known.unpacked(self.store.read(walk.place, walk.sha256))
        except (Damaged, FileNotFoundError):
            return None

    def keep(self, recipe: str, known: Known) -> None:
        """Keep the answers of a recipe's newest walk; those of the one before go."""
        before = self.records.walk(self.use_case, recipe)
        content = known.packed()
        sha256 = hashlib.sha256(content).hexdigest()
        place = f"{self.use_case}/{sha256}.parquet"
        self.store.publish(place, content)
        self.records.keep(Walk(use_case=self.use_case, recipe=recipe, place=place, sha256=sha256))
        if before and before.place != place:
            self.store.delete(before.place)

    def finished(self, key: str) -> Json | None:
        """Return the document of a training that was finished."""
        return self.records.finished(key)

    def finish(self, key: str, document: Json) -> None:
        """Put a finished training on record."""
        self.records.finish(self.use_case, key, document)
