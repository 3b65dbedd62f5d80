"""When those who watch looked last, and DAGs ran last, so that somebody else can see that they do.

`watchdog` is what watches, `watchdog/awake` since when it has looked without a pause, and
`dag/weather_training` a DAG.
"""

from datetime import datetime, timedelta

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

    def awake(self, name: str, now: datetime, pause: timedelta) -> datetime | None:
        """Return since when somebody who watches has looked; None: without a longer pause, ever.

        To be asked before each `beat`; after a longer pause it is now.
        """
        looked, since = self._at(name), self._at(f"{name}/awake")
        if looked is None or now - looked <= pause:
            return since
        if since is None or since <= looked:  # and not yet of this pause, by a look that failed
            self.beat(f"{name}/awake", since := now)
        return since

    def ran(self, dag_id: str, at: datetime) -> None:
        """Note that a run of a DAG has ended, well or not."""
        self.beat(f"dag/{dag_id}", at)

    def ended(self, dag_id: str) -> datetime | None:
        """Return when a run of a DAG ended last; None: none has."""
        return self._at(f"dag/{dag_id}")

    def _at(self, name: str) -> datetime | None:
        sql = "SELECT at FROM evergreen.heartbeats WHERE name = %s"
        rows = self._session.read(sql, (name,))
        return rows[0]["at"] if rows else None
