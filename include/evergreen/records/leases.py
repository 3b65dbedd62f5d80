"""Locks for hours: a row that its holder renews, and that lapses with it; each has a token.

Usage::

    with records.leases.hold("training", key, wait=3600):     # one at a time, others wait
        ...
    lease = records.leases.seize("task", "weather/…/gate")    # the newest try wins at once
    records.fenced(lease).decisions.record(...)               # refused once somebody else has it

An earlier try of a task may live on unseen: what it writes then carries a token that is no more.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2

from evergreen.errors import ChampionBusy, LeaseLost
from evergreen.records.session import Row, Session

SECONDS = 60.0
"""How long a holder may be silent until the next may follow."""
A_WEEK = 7 * 86_400.0
PAUSE = 0.5

TAKE = """
INSERT INTO evergreen.leases AS old (purpose, name, holder, token, expires_at)
VALUES (%(purpose)s, %(name)s, %(holder)s, nextval('evergreen.lease_tokens'),
    clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (purpose, name) DO UPDATE
SET holder = excluded.holder, token = excluded.token, expires_at = excluded.expires_at
WHERE %(seize)s OR old.expires_at < clock_timestamp()
RETURNING token
"""
RENEW = """
UPDATE evergreen.leases SET expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE token = %(token)s RETURNING token
"""
LET_GO = """
DELETE FROM evergreen.leases
WHERE token = %(token)s OR expires_at < clock_timestamp() - interval '1 day'
"""
STILL = "SELECT FROM evergreen.leases WHERE token = %s FOR SHARE"


@dataclass(frozen=True)
class Lease:
    """The right to do something, as long as nobody else has been given it."""

    purpose: str
    name: str
    token: int

    def check(self, cursor: Any) -> None:
        """Let a transaction go on, and nobody take the lease until it ends.

        Raises:
            LeaseLost: somebody else has it.
        """
        cursor.execute(STILL, (self.token,))
        if cursor.fetchone() is None:
            raise LeaseLost(
                f"{self.purpose} {self.name} is somebody else's by now: nothing written"
            )


class Leases:
    """The table `evergreen.leases`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @contextlib.contextmanager
    def hold(
        self, purpose: str, name: str, *, wait: float = 0, seconds: float = SECONDS
    ) -> Iterator[Lease]:
        """Hold a lease, renewed every third of its `seconds`, and let go of it at the end.

        Raises:
            ChampionBusy: somebody else has held it for `wait` seconds.
        """
        lease = self._wait(purpose, name, wait, seconds)
        done = threading.Event()
        beat = threading.Thread(target=self._renew, args=(lease, seconds, done), daemon=True)
        beat.start()
        try:
            yield lease
        finally:
            done.set()
            beat.join()
            self.let_go(lease)

    def seize(self, purpose: str, name: str, *, seconds: float = A_WEEK) -> Lease:
        """Take a lease away from whoever holds it."""
        lease = self._take(purpose, name, seconds, seize=True)
        assert lease is not None, "what is seized is had"  # noqa: S101
        return lease

    def let_go(self, lease: Lease) -> None:
        """Give a lease back, unless somebody else has it; a lapsed one of yesterday goes, too."""
        self._write(LET_GO, {"token": lease.token})

    def _wait(self, purpose: str, name: str, wait: float, seconds: float) -> Lease:
        end = time.monotonic() + wait
        while (lease := self._take(purpose, name, seconds, seize=False)) is None:
            if time.monotonic() >= end:
                raise ChampionBusy(_BUSY.format(purpose, name, wait))
            time.sleep(min(PAUSE, max(0.01, end - time.monotonic())))
        return lease

    def _take(self, purpose: str, name: str, seconds: float, *, seize: bool) -> Lease | None:
        holder = f"{socket.gethostname()}/{os.getpid()}"
        values = {"purpose": purpose, "name": name, "holder": holder, "seconds": seconds,
                  "seize": seize}  # fmt: skip
        rows = self._write(TAKE, values)
        return Lease(purpose, name, rows[0]["token"]) if rows else None

    def _renew(self, lease: Lease, seconds: float, done: threading.Event) -> None:
        """Renew until done; while the database is away, try again."""
        while not done.wait(seconds / 3):
            with contextlib.suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                if not self._write(RENEW, {"token": lease.token, "seconds": seconds}):
                    return

    def _write(self, sql: str, values: Row) -> list[Row]:
        with self._session.transaction() as cursor:
            cursor.execute(sql, values)
            return list(map(dict, cursor.fetchall())) if cursor.description else []


_BUSY = "somebody else has held {} {} for {:.0f} s; see evergreen.leases, then try again"
