"""Locks for seconds: of a transaction, so that they work through PgBouncer and end with it."""

import contextlib
from collections.abc import Iterator

import psycopg2

from evergreen.errors import ChampionBusy
from evergreen.records.session import Session


class Locks:
    """PostgreSQL's advisory locks, named by purpose and name."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @contextlib.contextmanager
    def hold(
        self, purpose: str, name: str, timeout: float = 120, *, shared: bool = False
    ) -> Iterator[None]:
        """Hold the lock of a purpose (`champion`, `version` ...) and a name.

        What is `shared` keeps out only who wants it alone.

        Raises:
            ChampionBusy: somebody else has held it for `timeout` seconds.
        """
        key = f"evergreen/{purpose}/{name}"
        with self._session.transaction() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, true),"
                " set_config('idle_in_transaction_session_timeout', '0', true)",
                (f"{int(timeout * 1000)}ms",),
            )
            lock = "pg_advisory_xact_lock" + "_shared" * shared
            try:
                cursor.execute(f"SELECT {lock}(hashtextextended(%s, 0))", (key,))
            except psycopg2.errors.LockNotAvailable:
                raise ChampionBusy(_BUSY.format(key, timeout)) from None
            yield


_BUSY = "the lock {} was not let go of within {:.0f} s; see pg_locks in PostgreSQL, then try again"
