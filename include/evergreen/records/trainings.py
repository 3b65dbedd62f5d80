"""Which trainings were finished, and where the answers of each recipe's walk lie."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.records.session import Session, document, insert
from evergreen.refs import Json


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The answers of a recipe's newest walk, in the store."""

    use_case: str
    recipe: str
    """Digest of the recipe."""
    place: str
    sha256: str
    walked_at: datetime | None = None
    """Given by the repository."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A training that was finished, or asked for again."""

    key: str
    document: Json
    """The CandidateRef."""
    finished_at: datetime


class Trainings:
    """The tables `evergreen.trainings` and `evergreen.walks`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def finished(self, key: str) -> Json | None:
        """Return the document of a training that was finished."""
        rows = self._session.read("SELECT document FROM evergreen.trainings WHERE key = %s", (key,))
        return rows[0]["document"] if rows else None

    def finish(self, use_case: str, key: str, finished: Json) -> None:
        """Put a finished training on record, in place of one that was forced again.

        One that is put there again is as young as a new one to whoever deletes what is old.
        """
        row = {"key": key, "use_case": use_case, "document": document(finished)}
        again = (
            "ON CONFLICT (key) DO UPDATE SET document = excluded.document,"
            " finished_at = clock_timestamp()"
        )
        self._session.write(insert("trainings", row, again), row)

    def walk(self, use_case: str, recipe: str) -> Walk | None:
        """Return where the answers of a recipe lie."""
        rows = self._session.read(
            "SELECT use_case, recipe, place, sha256, walked_at FROM evergreen.walks"
            " WHERE use_case = %s AND recipe = %s",
            (use_case, recipe),
        )
        return Walk(**rows[0]) if rows else None

    def keep(self, walk: Walk) -> None:
        """Note where the answers of a recipe lie from now on."""
        again = (
            "ON CONFLICT (use_case, recipe) DO UPDATE SET place = excluded.place,"
            " sha256 = excluded.sha256, walked_at = clock_timestamp()"
        )
        row = {name: value for name, value in vars(walk).items() if name != "walked_at"}
        self._session.write(insert("walks", row, again), row)

    def all(self, use_case: str) -> tuple[Finished, ...]:
        """Return every training of a use case that was finished."""
        rows = self._session.read(
            "SELECT key, document, finished_at FROM evergreen.trainings WHERE use_case = %s",
            (use_case,),
        )
        return tuple(Finished(**row) for row in rows)

    def walks(self, use_case: str) -> tuple[Walk, ...]:
        """Return the newest walk of every recipe of a use case."""
        rows = self._session.read(
            "SELECT use_case, recipe, place, sha256, walked_at FROM evergreen.walks"
            " WHERE use_case = %s",
            (use_case,),
        )
        return tuple(Walk(**row) for row in rows)

    def drop(self, use_case: str, run_id: str) -> None:
        """Forget the training that an MLflow run did."""
        self._session.write(
            "DELETE FROM evergreen.trainings WHERE use_case = %s AND document ->> 'run_id' = %s",
            (use_case, run_id),
        )

    def drop_walk(self, walk: Walk) -> None:
        """Forget where the answers of a walk lie, unless there is a newer one."""
        self._session.write(
            "DELETE FROM evergreen.walks WHERE use_case = %s AND recipe = %s AND place = %s",
            (walk.use_case, walk.recipe, walk.place),
        )
