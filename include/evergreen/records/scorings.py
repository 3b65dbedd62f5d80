"""What was scored in batch: one row for each (use case, version, interval, destination)."""

import json
from dataclasses import dataclass, field, fields
from datetime import datetime

from evergreen.records.predictions import insert_lines
from evergreen.records.session import Row, Session
from evergreen.refs import Ref

KEEP = """
INSERT INTO evergreen.scorings AS old ({columns}) VALUES ({places})
ON CONFLICT ON CONSTRAINT scorings_once DO UPDATE SET
    rows = excluded.rows, refused = excluded.refused, reasons = excluded.reasons,
    logged = old.logged + excluded.logged, watched = old.watched OR excluded.watched,
    source = excluded.source, code = excluded.code, seconds = excluded.seconds,
    as_of = excluded.as_of, run_key = excluded.run_key, actor = excluded.actor,
    notes = excluded.notes, runs = old.runs + 1
RETURNING *
"""
_KNOWN = "(SELECT FROM evergreen.predictions AS known WHERE known.id = given.id)"
"""In whichever month: a later run asks for the same rows at another time."""
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


@dataclass(frozen=True, kw_only=True)
class Scored(Ref):
    """What a run of scoring did."""

    use_case: str
    version: int
    run_id: str
    sha256: str
    snapshot_sha256: str
    code: str
    """Commit of what scored."""
    interval_start: datetime
    interval_end: datetime
    """Not in it."""
    source: str
    """`query`, or a file."""
    destination: str
    rows: int
    """That have a prediction."""
    refused: int
    """That have none."""
    reasons: dict[str, int] = field(default_factory=dict)
    """How many of these for what."""
    logged: int = 0
    """Of the rows, how many are in the log of predictions, too."""
    watched: bool = False
    """It is what the use case declares, and counts when it is watched."""
    seconds: float
    as_of: datetime
    asked_at: datetime
    """When the first run was asked for."""
    run_key: str
    actor: str
    notes: tuple[str, ...] = ()
    """What a reader should know of the predictions."""
    runs: int = 1
    """How often it was done."""

    @property
    def sentence(self) -> str:
        """What was done, in one sentence."""
        span = f"{self.interval_start:%Y-%m-%d %H:%M} to {self.interval_end:%Y-%m-%d %H:%M} UTC"
        reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in self.reasons.items())
        refused = f"; refused {self.refused:,} ({reasons})" if self.refused else ""
        rate = self.rows / self.seconds if self.seconds else 0
        told = "".join(f"; {note}" for note in self.notes)
        return (
            f"Scored {self.rows:,} rows of {span} with version {self.version} into"
            f" {self.destination}, {rate:,.0f} a second{refused}{told}."
        )


class Scorings:
    """The table `evergreen.scorings`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def keep(self, scored: Scored, lines: list[bytes]) -> Scored:
        """Store a run with its lines for the log of predictions; return it as it is stored.

        The same again counts as another run and logs nothing twice.
        """
        with self._session.writing() as cursor:
            cursor.execute(_ALONE, (f"evergreen/scored/{scored.use_case}",))
            logged = insert_lines(cursor, "predictions", lines, but=_KNOWN) if lines else 0
            values = _values(scored) | {"logged": logged}
            columns, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
            cursor.execute(KEEP.format(columns=columns, places=places), values)
            return _scored(dict(cursor.fetchone()))

    def newest(self, use_case: str, limit: int = 20) -> tuple[Scored, ...]:
        """Return the runs of a use case, the newest first."""
        rows = self._session.read(
            "SELECT * FROM evergreen.scorings WHERE use_case = %s ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(map(_scored, rows))


def _values(scored: Scored) -> Row:
    values = {each.name: getattr(scored, each.name) for each in fields(scored)}
    return values | {"reasons": json.dumps(scored.reasons), "notes": list(scored.notes)}


def _scored(row: Row) -> Scored:
    known = {each.name for each in fields(Scored)}
    found = {name: value for name, value in row.items() if name in known}
    return Scored(**found | {"notes": tuple(row["notes"])})
