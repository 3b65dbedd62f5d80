"""Who may ask the prediction service, for what and until when; the keys themselves nobody keeps."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evergreen.records.session import Session, insert, known

GIVEN = ("name", "sha256", "scopes", "use_cases", "expires_at", "created_by")


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key of the service, by its digest."""

    name: str
    """Of who has it."""
    sha256: str
    scopes: tuple[str, ...]
    use_cases: tuple[str, ...] = ()
    """Empty: all."""
    expires_at: datetime | None = None
    """None: never."""
    created_by: str = ""
    id: int = 0
    created_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None


class ApiKeys:
    """The table `evergreen.api_keys`; of a name one key holds at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> tuple[ApiKey, ...]:
        """Return every key that there ever was, newest first."""
        rows = self._session.read("SELECT * FROM evergreen.api_keys ORDER BY id DESC")
        return tuple(_key(row) for row in rows)

    def create(self, key: ApiKey) -> ApiKey:
        """Store a key, in place of the one that the name had before."""
        row = {name: getattr(key, name) for name in GIVEN}
        row |= {"scopes": list(key.scopes), "use_cases": list(key.use_cases)}
        with self._session.writing() as cursor:
            cursor.execute(REVOKE, (key.created_by, key.name))
            cursor.execute(insert("api_keys", row), row)
            return _key(cursor.fetchone())

    def revoke(self, name: str, by: str) -> ApiKey | None:
        """End the key of a name; None: it has none."""
        rows = self._session.write(REVOKE, (by, name))
        return _key(rows[0]) if rows else None


REVOKE = """
UPDATE evergreen.api_keys SET revoked_at = clock_timestamp(), revoked_by = %s
WHERE name = %s AND revoked_at IS NULL RETURNING *
"""


def _key(row: dict[str, Any]) -> ApiKey:
    return known(ApiKey, row | {name: tuple(row[name]) for name in ("scopes", "use_cases")})
