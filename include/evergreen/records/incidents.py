"""Which runs failed and which states alert, and whether somebody has been told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evergreen.records.session import Row, Session, insert, storable

HOUSE = "operations"
"""What is about no use case is about this."""
DIGEST = "digest"
"""The kind of what is told and never ends."""
BEGIN_ANEW = """
ON CONFLICT (run_key) DO UPDATE SET step = excluded.step, message = excluded.message,
    link = excluded.link, created_at = DEFAULT, delivery = DEFAULT, notified_at = DEFAULT,
    resolved_at = DEFAULT, resolution = DEFAULT, resolution_delivery = DEFAULT,
    resolution_notified_at = DEFAULT
WHERE incidents.resolved_at < %(began)s
"""
GIVEN = ("use_case", "run_key", "step", "message", "link", "kind")


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A run that failed, or a state that alerts, and whether somebody has been told."""

    use_case: str
    run_key: str
    step: str
    message: str
    link: str = ""
    id: int = 0
    delivery: str = "waiting"
    """waiting, told, `nobody to tell: …` or `failed: …`."""
    created_at: datetime | None = None
    notified_at: datetime | None = None
    resolved_at: datetime | None = None
    kind: str = "failure"
    """failure (of the run), or of an alert: drift, quality, gate, stale, service."""
    resolution: str = ""
    """Why it is over, in one sentence."""
    resolution_delivery: str = ""
    resolution_notified_at: datetime | None = None

    @property
    def end_is_due(self) -> bool:
        """Tell whether those who were told of the beginning must still be told of the end."""
        told = self.notified_at is not None and self.resolution_notified_at is None
        return told and self.kind != DIGEST


class Incidents:
    """The table `evergreen.incidents`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, incident: Incident, began: datetime | None = None) -> Incident:
        """Store an incident and return it as stored: the first one of a run stays.

        Unless it was over before its run `began`, which was cleared since: then it begins anew.
        """
        row = {name: storable(getattr(incident, name)) for name in GIVEN}
        self._session.write(insert("incidents", row, BEGIN_ANEW), row | {"began": began})
        sql = "SELECT * FROM evergreen.incidents WHERE run_key = %(run_key)s"
        return Incident(**self._session.read(sql, row)[0])

    def newest(
        self,
        use_case: str | None = None,
        limit: int = 50,
        waiting: bool = False,
        *,
        open: bool = False,
        kind: str | None = None,
    ) -> tuple[Incident, ...]:
        """Return incidents, newest first.

        `waiting`: only those that nobody has been told of; `open`: only those that last.
        """
        rows = self._session.read(
            "SELECT * FROM evergreen.incidents WHERE use_case = coalesce(%s, use_case)"
            " AND NOT (%s AND notified_at IS NOT NULL) AND NOT (%s AND resolved_at IS NOT NULL)"
            " AND kind = coalesce(%s, kind) ORDER BY id DESC LIMIT %s",
            (use_case, waiting, open, kind, limit),
        )
        return tuple(Incident(**row) for row in rows)

    def lasting(self) -> dict[str, tuple[Incident, ...]]:
        """Return the alerts that last, by what they are about, newest first: one of each kind."""
        rows = self._session.read(
            "SELECT * FROM evergreen.incidents WHERE kind <> 'failure' AND resolved_at IS NULL"
            " ORDER BY id DESC"
        )
        return _by_use_case(rows)

    def failures(self) -> dict[str, tuple[Incident, ...]]:
        """Return the failures that no later run has mended, by use case, one of each DAG."""
        rows = self._session.read(
            "SELECT DISTINCT ON (use_case, split_part(run_key, '/', 1)) * FROM evergreen.incidents"
            " WHERE kind = 'failure' AND resolved_at IS NULL"
            " ORDER BY use_case, split_part(run_key, '/', 1), id DESC"
        )
        return _by_use_case(rows)

    def during(
        self, use_case: str, since: datetime, until: datetime, limit: int
    ) -> tuple[Incident, ...]:
        """Return what lasted at some moment of a while, newest first; no digests."""
        rows = self._session.read(
            "SELECT * FROM evergreen.incidents WHERE use_case = %s AND created_at < %s"
            " AND (resolved_at IS NULL OR resolved_at >= %s) AND kind <> 'digest'"
            " ORDER BY id DESC LIMIT %s",
            (use_case, until, since, limit),
        )
        return tuple(Incident(**row) for row in rows)

    def note_delivery(self, incident_id: int, delivery: str, *, told: bool) -> Incident:
        """Note whether somebody could be told; the first time that it was so stays."""
        rows = self._session.write(
            "UPDATE evergreen.incidents SET delivery = %s, notified_at = CASE WHEN %s"
            " THEN coalesce(notified_at, clock_timestamp()) ELSE notified_at END"
            " WHERE id = %s RETURNING *",
            (storable(delivery), told, incident_id),
        )
        return Incident(**rows[0])

    def resolve(self, run_key: str, resolution: str = "") -> Incident | None:
        """Note that an incident is over, and return it; None: there is none of that key."""
        rows = self._session.write(
            "UPDATE evergreen.incidents SET resolved_at = coalesce(resolved_at, clock_timestamp()),"
            " resolution = CASE resolution WHEN '' THEN %s ELSE resolution END"
            " WHERE run_key = %s RETURNING *",
            (storable(resolution), run_key),
        )
        return Incident(**rows[0]) if rows else None

    def note_resolution(self, incident_id: int, delivery: str, *, told: bool) -> Incident:
        """Note whether somebody could be told that an incident is over."""
        rows = self._session.write(
            "UPDATE evergreen.incidents SET resolution_delivery = %s, resolution_notified_at ="
            " CASE WHEN %s THEN coalesce(resolution_notified_at, clock_timestamp())"
            " ELSE resolution_notified_at END WHERE id = %s RETURNING *",
            (storable(delivery), told, incident_id),
        )
        return Incident(**rows[0])


def _by_use_case(rows: Sequence[Row]) -> dict[str, tuple[Incident, ...]]:
    found: dict[str, list[Incident]] = {}
    for row in rows:
        found.setdefault(row["use_case"], []).append(Incident(**row))
    return {about: tuple(several) for about, several in found.items()}
