"""What belongs to each champion, as it was when it was promoted."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.records.session import Session, document, insert
from evergreen.refs import Json


@dataclass(frozen=True, kw_only=True)
class DossierRow:
    """The dossier of a promotion, as a document."""

    promotion_id: int
    use_case: str
    version: int
    document: Json
    created_at: datetime | None = None


class Dossiers:
    """The table `evergreen.dossiers`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, promotion_id: int) -> DossierRow | None:
        """Return the dossier of a promotion."""
        rows = self._session.read(
            "SELECT * FROM evergreen.dossiers WHERE promotion_id = %s", (promotion_id,)
        )
        return DossierRow(**rows[0]) if rows else None

    def put(self, dossier: DossierRow) -> DossierRow:
        """Store a dossier and return it as stored: the first of a promotion stays."""
        row = vars(dossier) | {"document": document(dossier.document)}
        del row["created_at"]
        self._session.write(insert("dossiers", row, "ON CONFLICT (promotion_id) DO NOTHING"), row)
        stored = self.get(dossier.promotion_id)
        assert stored is not None, "the row that was just written"  # noqa: S101
        return stored

    def list(self, use_case: str, limit: int = 100) -> tuple[DossierRow, ...]:
        """Return the dossiers of a use case, newest first."""
        rows = self._session.read(
            "SELECT * FROM evergreen.dossiers WHERE use_case = %s"
            " ORDER BY promotion_id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(DossierRow(**row) for row in rows)
