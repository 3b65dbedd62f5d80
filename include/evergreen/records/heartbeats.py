"""When those who watch looked last, and DAGs ran last, so that somebody else can see that they do.

`watchdog` is what watches, `dag/weather_training` a DAG.
"""

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

    def ran(self, dag_id: str, at: datetime) -> None:
        """Note that a run of a DAG has ended, well or not."""
        self.beat(f"dag/{dag_id}", at)

    def ended(self, dag_id: str) -> datetime | None:
        """Return when a run of a DAG ended last; None: none has."""
        sql = "SELECT at FROM evergreen.heartbeats WHERE name = %s"
        rows = self._session.read(sql, (f"dag/{dag_id}",))
        return rows[0]["at"] if rows else None
