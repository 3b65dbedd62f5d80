"""The client: a pool of connections and a repository for each table."""

from typing import Self

from evergreen.records import schema
from evergreen.records.decisions import Decisions
from evergreen.records.dossiers import Dossiers
from evergreen.records.fits import Fits
from evergreen.records.incidents import Incidents
from evergreen.records.locks import Locks
from evergreen.records.pins import Pins
from evergreen.records.pool import KEPT, Pool
from evergreen.records.promotions import Promotions
from evergreen.records.session import Session
from evergreen.settings import Settings


def open(settings: Settings) -> "Records":
    """Return the records of the settings; the caller closes them, as by `with`."""
    return Records(settings.database_url)


class Records:
    """The tables of the schema `evergreen` in one database."""

    def __init__(self, url: str, *, kept: int = KEPT, statement_seconds: float = 0) -> None:
        """Connect to nothing yet; see `pool.Pool` for the arguments."""
        self._url, self._is_current = url, False
        self._pool = Pool(url, kept=kept, statement_seconds=statement_seconds)
        self._bind(Session(self._pool, self.migrate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def migrate(self) -> None:
        """Create the schema or bring it up to date; once asked, it is so for good.

        Raises:
            SchemaOutdated: it must be brought up to date where Alembic is installed.
        """
        if not self._is_current:
            schema.ensure(self._pool, self._url)
            self._is_current = True

    def _bind(self, session: Session) -> None:
        self.decisions = Decisions(session)
        self.promotions = Promotions(session)
        self.incidents = Incidents(session)
        self.fits = Fits(session)
        self.pins = Pins(session)
        self.dossiers = Dossiers(session)
        self.locks = Locks(session)
