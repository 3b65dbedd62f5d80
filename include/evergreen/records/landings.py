"""Which files and days have been landed in the warehouse."""

from evergreen.records.session import Session
from evergreen.refs import Landing


class Landings:
    """The table `evergreen.landings`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def has(self, landing: Landing) -> bool:
        """Tell whether the same bytes of an item have been landed."""
        return bool(
            self._session.read(
                "SELECT FROM evergreen.landings WHERE (use_case, item, sha256) = (%s, %s, %s)",
                (landing.use_case, landing.item, landing.sha256),
            )
        )

    def record(self, landing: Landing) -> None:
        """Note that an item is in its table; the same one again changes nothing."""
        self._session.write(
            "INSERT INTO evergreen.landings (use_case, item, sha256, rows)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT ON CONSTRAINT landings_once DO NOTHING",
            (landing.use_case, landing.item, landing.sha256, landing.rows),
        )
