"""The rows that the newest snapshots of the use cases lack, as they broke expectations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from evergreen.records.session import Row, Session, document

KEEP = """
INSERT INTO evergreen.quarantine (use_case, snapshot_sha256, place, key, reasons, as_of)
SELECT %(use_case)s, %(sha256)s, place, key, ARRAY(SELECT jsonb_array_elements_text(reasons)),
       %(as_of)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS bad (place bigint, key jsonb, reasons jsonb)
ON CONFLICT DO NOTHING
"""


class Quarantine:
    """The table `evergreen.quarantine`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(
        self, use_case: str, snapshot_sha256: str, as_of: datetime, rows: Sequence[Any]
    ) -> None:
        """Keep the rows (`quality.quarantine.BadRow`) of a snapshot; again: changes nothing.

        Those of snapshots that were taken before it go: decisions and dossiers still count them.
        """
        told = [{"place": r.place, "key": r.key, "reasons": list(r.reasons)} for r in rows]
        asked = {"use_case": use_case, "sha256": snapshot_sha256, "as_of": as_of}
        with self._session.writing() as cursor:
            cursor.execute(
                "DELETE FROM evergreen.quarantine WHERE use_case = %(use_case)s"
                " AND as_of <= %(as_of)s AND snapshot_sha256 <> %(sha256)s",
                asked,
            )
            cursor.execute(KEEP, asked | {"rows": document(told)})

    def among(self, use_case: str, keys: Sequence[Any]) -> frozenset[int]:
        """Return the places of the keys (plain JSON) whose rows are in quarantine."""
        found = self._session.read(
            "SELECT number - 1 AS place FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS"
            " asked (key, number) WHERE EXISTS (SELECT FROM evergreen.quarantine AS bad WHERE"
            " bad.use_case = %s AND bad.key = asked.key)",
            (document(list(keys)), use_case),
        )
        return frozenset(int(row["place"]) for row in found)

    def of(self, use_case: str, limit: int = 1000) -> list[Row]:
        """Return the newest of them: snapshot_sha256, place, key, reasons, as_of."""
        return self._session.read(
            "SELECT snapshot_sha256, place, key, reasons, as_of FROM evergreen.quarantine"
            " WHERE use_case = %s ORDER BY as_of DESC, place LIMIT %s",
            (use_case, limit),
        )
