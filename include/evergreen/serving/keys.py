"""Keys of the service: what each may do, for which use cases, until when.

key, row = create("shop", scopes=("predict",), use_cases=("churn",), days=90, actor="ada", ...)
ring.renew(records.api_keys.all())              # the service does, within two seconds
ring.problem(key, scope="predict", use_case="churn", at=time.time())    # "": it may

A key is told once, when it is made; the ledger holds its digest. Those of EVERGREEN_API_KEYS may do
everything. Once there was any key, one is needed for ever: whoever revokes the last opens nothing.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from evergreen.errors import DeclarationError, EvergreenError
from evergreen.records import Records
from evergreen.records.api_keys import ApiKey
from evergreen.spec import check_name

PREDICT, FEEDBACK, READ = "predict", "feedback", "read"
SCOPES = (PREDICT, FEEDBACK, READ)
"""Ask for predictions; tell what turned out to be true; look at models, figures and docs."""
UNKNOWN = "is missing or not known"


class KeyRing:
    """The keys that hold, replaced as a whole when the ledger has others."""

    def __init__(self, all_mighty: Iterable[str] = ()) -> None:
        everything = ApiKey(name="EVERGREEN_API_KEYS", sha256="", scopes=SCOPES)
        self._fixed = {digest(key.encode()): everything for key in all_mighty}
        self._keys = dict(self._fixed)
        self.needed = bool(self._fixed)
        """A request without a key is refused."""

    def renew(self, rows: Sequence[ApiKey]) -> None:
        """Take over the keys of the ledger, the revoked ones as well."""
        self.needed = bool(self._fixed or rows)
        self._keys = self._fixed | {row.sha256: row for row in rows if row.revoked_at is None}

    def problem(self, key: bytes, scope: str, use_case: str, at: float) -> tuple[int, str]:
        """Tell why a key does not do for a request: HTTP status and reason; (0, ""): it does.

        Args:
            key: as it was sent; empty: none was.
            scope: what is asked for.
            use_case: about which; empty: about none, so whoever may read may.
            at: seconds since 1970.
        """
        if (found := self._keys.get(digest(key))) is None:
            return 401, UNKNOWN
        if found.expires_at is not None and at >= found.expires_at.timestamp():
            return 401, f"of {found.name} has expired on {found.expires_at:%Y-%m-%d %H:%M} UTC"
        if scope not in found.scopes:
            return 403, f"of {found.name} is good for {', '.join(found.scopes)}, not for {scope}"
        if use_case and found.use_cases and use_case not in found.use_cases:
            return 403, f"of {found.name} is good for {', '.join(found.use_cases)} only"
        return 0, ""


def digest(key: bytes) -> str:
    """Return the digest of a key. (It is random and long: a slow hash would add nothing.)"""
    return hashlib.sha256(key).hexdigest()


def create(
    name: str,
    *,
    scopes: Sequence[str],
    use_cases: Sequence[str] = (),
    days: int | None = None,
    actor: str,
    now: datetime,
    records: Records,
) -> tuple[str, ApiKey]:
    """Make a key, in place of the one that the name had before; return it, and what is on record.

    Raises:
        DeclarationError: no such scope, or no such time.
    """
    check_name("NAME", name)
    for scope in scopes:
        if scope not in SCOPES:
            raise DeclarationError("--scope", scope, ", ".join(SCOPES))
    if days is not None and days < 1:
        raise DeclarationError("--days", days, "1 or more, or nothing: it never expires")
    key = f"eg_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        name=name, sha256=digest(key.encode()), scopes=tuple(scopes or SCOPES),
        use_cases=tuple(use_cases), created_by=actor,
        expires_at=now.astimezone(UTC) + timedelta(days=days) if days else None,
    )  # fmt: skip
    return key, records.api_keys.create(row)


def revoke(name: str, *, actor: str, records: Records) -> ApiKey:
    """End the key of a name.

    Raises:
        EvergreenError: it has none.
    """
    if (found := records.api_keys.revoke(name, actor)) is None:
        known = sorted({row.name for row in records.api_keys.all() if row.revoked_at is None})
        raise EvergreenError(f"{name} has no key; those that have: {', '.join(known) or 'nobody'}")
    return found
