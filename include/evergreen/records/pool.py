"""Connections to PostgreSQL, kept for whoever asks next: shared by threads, not over a fork.

Usage::

    pool = Pool(url)
    with pool.transaction() as cursor:      # commits when the block succeeds, else rolls back
        cursor.execute("SELECT 1")
    pool.close()

It opens as many connections as are asked for at once, so that nobody waits for somebody who waits,
and keeps a few of them. One that the server or the network has ended is replaced by another.
Every setting is local to its transaction, as PgBouncer hands the session on to the next after it.
"""

import contextlib
import os
import select
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import psycopg2
from psycopg2.extensions import connection, make_dsn, parse_dsn
from psycopg2.extras import RealDictCursor

KEPT = 4
"""How many connections wait for the next who asks."""
CONNECT_SECONDS = 5
TIMED_OUT = "timeout expired"
"""What libpq says then."""
Connection = connection


class Pool:
    """The connections of this process to one database."""

    def __init__(self, url: str, *, kept: int = KEPT, statement_seconds: float = 0) -> None:
        """Make an empty pool.

        Args:
            url: `postgresql://…`; of the database itself, or of PgBouncer in transaction mode.
            kept: how many unused connections stay open.
            statement_seconds: how long one statement may take; 0: as the server has it.
        """
        self._url, self._kept, self._closed = libpq(url), kept, False
        self._prelude = "; ".join(SETTINGS)
        if statement_seconds:
            self._prelude += f"; SET LOCAL statement_timeout = '{statement_seconds * 1000:.0f}ms'"
        self._mutex = threading.Lock()
        self._unused: list[connection] = []
        _pools.add(self)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """Yield a cursor whose rows are dictionaries, inside a transaction of its own.

        Raises:
            DatabaseAway: the database is away.
        """
        with self._connection() as opened, opened.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(self._prelude)
            yield cursor

    def close(self) -> None:
        """Close what is unused now, and what is in use when it comes back."""
        with self._mutex:
            self._closed, unused, self._unused = True, self._unused, []
        for opened in unused:
            opened.close()

    def forget(self) -> None:
        """Begin anew without closing what is open: after a fork it is the other process's."""
        self._mutex, self._unused = threading.Lock(), []

    @contextlib.contextmanager
    def _connection(self) -> Iterator[connection]:
        opened, process = self._take(), os.getpid()
        try:
            yield opened
            opened.commit()
        except BaseException:
            with contextlib.suppress(psycopg2.Error):
                opened.rollback()
            raise
        finally:
            if os.getpid() == process:
                self._give_back(opened)

    def _take(self) -> connection:
        while True:
            with self._mutex:
                opened = self._unused.pop() if self._unused else None
            if opened is None:
                return connect(self._url)
            if is_alive(opened):
                return opened
            opened.close()

    def _give_back(self, opened: connection) -> None:
        with self._mutex:
            if not (opened.closed or self._closed) and len(self._unused) < self._kept:
                self._unused.append(opened)
                return
        opened.close()


UTC = "SET LOCAL TimeZone = 'UTC'"
SETTINGS = (UTC, "SET LOCAL search_path = pg_catalog")
"""Of each transaction; our statements name their schema."""


def connect(url: str, name: str = "evergreen") -> connection:
    """Open a connection that is nobody else's; PostgreSQL's lists show its name.

    libpq waits by the time of day. A clock that leaps ahead meanwhile ends its patience at once: it
    is asked again, until the time is really over.
    """
    began = time.monotonic()
    while True:
        try:
            opened: connection = psycopg2.connect(
                libpq(url), application_name=name, client_encoding="UTF8",
                connect_timeout=CONNECT_SECONDS,
                keepalives_idle=60, keepalives_interval=10, keepalives_count=3,
            )  # fmt: skip
        except psycopg2.OperationalError as error:
            over = time.monotonic() - began >= CONNECT_SECONDS
            if over or TIMED_OUT not in str(error):
                raise
        else:
            return opened


def is_alive(unused: connection) -> bool:
    """Tell whether the server still holds its end: to an unused one it says only bye."""
    if unused.closed:
        return False
    looked = select.poll()
    looked.register(unused, select.POLLIN)
    return not looked.poll(0)


def libpq(url: str) -> str:
    """Return a URL without SQLAlchemy's driver name, as in `postgresql+psycopg2://`."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def secretless(url: str) -> tuple[str, str]:
    """Return what a program may be told on its command line, and the password (or nothing)."""
    parts = parse_dsn(libpq(url))
    password = parts.pop("password", "")
    return make_dsn(**parts), password


def whereabouts(url: str) -> tuple[str, str, str]:
    """Return host, port and database that a URL names, each may be empty; of many hosts the first.

    >>> whereabouts("postgresql://ada:secret@pg1:5433,pg2:5434/shop?target_session_attrs=any")
    ('pg1', '5433', 'shop')
    """
    parts = parse_dsn(libpq(url))
    host, port = (parts.get(name, "").partition(",")[0] for name in ("host", "port"))
    return "" if host.startswith("/") else host, port, parts.get("dbname", "")


_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget()


os.register_at_fork(after_in_child=_forget_all)
