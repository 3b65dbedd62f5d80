"""Where the dossiers are kept."""

from typing import Protocol

from evergreen.dossier.document import Dossier
from evergreen.errors import DossierMissing
from evergreen.refs import Json


class DossierLog(Protocol):
    """What is asked of the records."""

    def get(self, use_case: str, version: int) -> Json | None:
        """Return the document of a version."""

    def put(self, use_case: str, version: int, written: Json) -> Json:
        """Store a document and return it as stored: the first of a version stays."""


def find(kept: DossierLog, use_case: str, version: int) -> Dossier | None:
    """Return the dossier of a version; None: there is none."""
    document = kept.get(use_case, version)
    return None if document is None else Dossier.from_json(document)


def read(kept: DossierLog, use_case: str, version: int) -> Dossier:
    """Return the dossier of a version.

    Raises:
        DossierMissing: it has none.
    """
    found = find(kept, use_case, version)
    if found is None:
        raise DossierMissing(
            f"version {version} of {use_case} has no dossier, so that nobody knows what it reads;"
            " `evergreen check --repair` writes it, or train and promote again"
        )
    return found
