"""What belongs to each version, as it was when it was registered: see `evergreen.dossier`."""

from evergreen.records.session import Session, document, insert
from evergreen.refs import Json


class Dossiers:
    """The table `evergreen.dossiers`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, use_case: str, version: int) -> Json | None:
        """Return the document of a version; None: there is none."""
        rows = self._session.read(
            "SELECT document FROM evergreen.dossiers WHERE use_case = %s AND version = %s",
            (use_case, version),
        )
        return dict(rows[0]["document"]) if rows else None

    def versions(self, use_case: str) -> frozenset[int]:
        """Return the versions that have one."""
        rows = self._session.read(
            "SELECT version FROM evergreen.dossiers WHERE use_case = %s", (use_case,)
        )
        return frozenset(row["version"] for row in rows)

    def put(self, use_case: str, version: int, written: Json) -> Json:
        """Store a document and return it as stored: the first of a version stays."""
        row = {"use_case": use_case, "version": version, "document": document(written)}
        self._session.write(insert("dossiers", row, "ON CONFLICT DO NOTHING"), row)
        stored = self.get(use_case, version)
        assert stored is not None, "the row that was just written"  # noqa: S101
        return stored
