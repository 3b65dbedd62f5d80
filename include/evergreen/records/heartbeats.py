"""When those who watch looked last, so that somebody else can see that they do."""

from datetime import datetime

from evergreen.records.session import Session


class Heartbeats:
    """The table `evergreen.heartbeats`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def beat(self, name: str, at: datetime) -> None:
        """Note that somebody who watches has looked."""
        self._session.write(
            "INSERT INTO evergreen.heartbeats AS old (name, at) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET at = greatest(old.at, excluded.at)",
            (name, at),
        )
