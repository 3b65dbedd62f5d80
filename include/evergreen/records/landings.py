"""Which files, days and hours have been landed in the warehouse, and by which of them last."""

from datetime import datetime

from evergreen.records.session import Session
from evergreen.refs import Landing

COLUMNS = "use_case, item, sha256, rows, relation, read_as, delivered_at"
LOST = "lost"
"""The relation of what is in no table any more."""


class Landings:
    """The table `evergreen.landings`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def newest(self, use_case: str) -> dict[str, Landing]:
        """Return the last landing of each item, by the item's name."""
        rows = self._session.read(
            f"SELECT DISTINCT ON (item) {COLUMNS}, landed_at, id AS number"
            " FROM evergreen.landings WHERE use_case = %s ORDER BY item, id DESC",
            (use_case,),
        )
        return {row["item"]: Landing(**row) for row in rows}

    def moments(self, use_case: str, limit: int = 101) -> tuple[datetime, ...]:
        """Return when rows were landed, newest first; empty deliveries brought none."""
        rows = self._session.read(
            "SELECT landed_at FROM evergreen.landings WHERE use_case = %s AND rows > 0"
            " ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(row["landed_at"] for row in rows)

    def record(self, landing: Landing) -> int:
        """Note that an item is in its table; return the number of this landing."""
        [row] = self._session.write(
            f"INSERT INTO evergreen.landings ({COLUMNS})"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                landing.use_case,
                landing.item,
                landing.sha256,
                landing.rows,
                landing.relation,
                landing.read_as,
                landing.delivered_at,
            ),
        )
        return int(row["id"])

    def lose(self, use_case: str) -> None:
        """Note that no row which was landed is in its table any more."""
        self._session.write(
            "UPDATE evergreen.landings SET relation = %s WHERE use_case = %s AND rows > 0",
            (LOST, use_case),
        )
