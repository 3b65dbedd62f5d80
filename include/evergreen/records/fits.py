"""Which fits are kept, so that the same recipe on the same rows is fitted once."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.records.session import Session, insert

GIVEN = ("use_case", "recipe", "rows_digest", "place", "sha256", "seconds")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A model that was fitted, and where it lies."""

    use_case: str
    recipe: str
    """Digest of the recipe."""
    rows_digest: str
    """Of the rows that it was fitted on."""
    place: str
    """Address in the store."""
    sha256: str
    """Of the model's bytes."""
    seconds: float
    id: int = 0
    created_at: datetime | None = None


class Fits:
    """The table `evergreen.fits`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, recipe: str, rows_digest: str) -> Fit | None:
        """Return the fit of a recipe on rows."""
        rows = self._session.read(
            "SELECT * FROM evergreen.fits WHERE recipe = %s AND rows_digest = %s",
            (recipe, rows_digest),
        )
        return Fit(**rows[0]) if rows else None

    def put(self, fit: Fit) -> Fit:
        """Store a fit and return it as stored: the first of a recipe on rows stays."""
        row = {name: getattr(fit, name) for name in GIVEN}
        self._session.write(
            insert("fits", row, "ON CONFLICT ON CONSTRAINT fits_once DO NOTHING"), row
        )
        stored = self.get(fit.recipe, fit.rows_digest)
        assert stored is not None, "the row that was just written"  # noqa: S101
        return stored

    def list(self, use_case: str, limit: int = 100) -> tuple[Fit, ...]:
        """Return the fits of a use case, newest first."""
        rows = self._session.read(
            "SELECT * FROM evergreen.fits WHERE use_case = %s ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(Fit(**row) for row in rows)
