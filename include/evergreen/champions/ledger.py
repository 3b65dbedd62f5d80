"""The ledger: what was decided and why, who is champion, which runs failed. Light to import.

Usage::

    ledger = Ledger(settings.database_url)
    ledger.record(Decision(id=decision_id("weather", "gate/train", report_id), ...))
    ledger.champion("weather")       # the newest promotion, or None
    ledger.promotions("weather")     # newest first, each naming its predecessor

The schema `evergreen` is made, and brought up to date, by whoever comes first.
"""

import contextlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg2
from psycopg2.extras import RealDictCursor

from evergreen.errors import ChampionBusy, StalePromotion
from evergreen.refs import ChampionRef, Json, Span

MIGRATIONS = sorted((Path(__file__).parent / "migrations").glob("[0-9]*.sql"))
PENDING, DONE = "pending", "done"
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Something that was decided, with its reason in one sentence and the evidence."""

    id: str
    """See `decision_id`."""
    use_case: str
    kind: str
    """validation, gate, promotion, rollback, repair, trigger or backfill."""
    outcome: str
    """passed, refused, promoted, stale, rolled back, repaired ..."""
    sentence: str
    evidence: Json
    as_of: datetime | None
    run_key: str
    actor: str
    created_at: datetime | None = None
    """Set by the ledger."""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A version that became champion, by promotion or by rollback."""

    use_case: str
    version: int
    run_id: str
    model_uri: str
    sha256: str
    snapshot_sha256: str
    golden_sha256: str | None
    """Of the golden predictions; None: the champion has none."""
    training: Span
    predecessor_id: int | None
    decision_id: str
    """The gate's decision, or the rollback's."""
    kind: str
    reason: str
    actor: str
    id: int = 0
    """Given by the ledger, as are `state` and `created_at`."""
    state: str = PENDING
    """pending: on record, the alias may not have followed yet; done: it has."""
    created_at: datetime | None = None

    @property
    def ref(self) -> ChampionRef:
        """The small reference that steps hand each other."""
        assert self.created_at is not None, "a promotion that the ledger has not stored"  # noqa: S101
        return ChampionRef(
            use_case=self.use_case,
            version=self.version,
            run_id=self.run_id,
            model_uri=self.model_uri,
            sha256=self.sha256,
            snapshot_sha256=self.snapshot_sha256,
            training=self.training,
            promotion_id=self.id,
            promoted_at=self.created_at,
        )


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


def decision_id(use_case: str, kind: str, about: str) -> str:
    """Return the id of the decision of that kind about a report or a run: always the same."""
    return str(uuid5(NAMESPACE_URL, "/".join(("evergreen", use_case, kind, about))))


def reversal_id(id: str, outcome: str) -> str:
    """Return the id of a later decision on the matter of `id` that came out differently."""
    return str(uuid5(UUID(id), outcome))


class Ledger:
    """The tables of the schema `evergreen` in one database."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def migrate(self) -> None:
        """Create the schema or bring it up to date; one query when there is nothing to do."""
        with self._cursor():
            pass

    def record(self, decision: Decision) -> Decision:
        """Store a decision and return it as stored; the same one again changes nothing.

        When the same matter is decided differently later (a threshold was changed and the run
        repeated), that is a decision of its own: both stay on record.
        """
        stored = self._store(decision)
        if stored.outcome == decision.outcome:
            return stored
        return self._store(replace(decision, id=reversal_id(decision.id, decision.outcome)))

    def decision(self, id: str, outcome: str | None = None) -> Decision | None:
        """Return the decision of that id; with an outcome, the one on its matter that had it."""
        other = id if outcome is None else reversal_id(id, outcome)
        rows = self._rows(
            "SELECT * FROM evergreen.decisions"
            " WHERE id IN (%s::uuid, %s::uuid) AND outcome = coalesce(%s, outcome)",
            (id, other, outcome),
        )
        return _decision(rows[0]) if rows else None

    def decisions(
        self,
        use_case: str | None = None,
        limit: int = 50,
        kind: str | None = None,
        without: Sequence[str] = (),
    ) -> tuple[Decision, ...]:
        """Return decisions, newest first: of one use case or all, of one kind, or without some."""
        rows = self._rows(
            "SELECT * FROM evergreen.decisions"
            " WHERE use_case = coalesce(%s, use_case) AND kind = coalesce(%s, kind)"
            " AND kind <> ALL(%s::text[]) ORDER BY number DESC LIMIT %s",
            (use_case, kind, list(without), limit),
        )
        return tuple(map(_decision, rows))

    def champion(self, use_case: str) -> ChampionRef | None:
        """Return the champion: the newest promotion, pending ones included.

        A pending promotion has passed the gate and its version is registered, since both come
        before its row is written: the alias can always follow, and `promotion.reconcile` makes it.
        """
        newest = self._promotions(use_case, limit=1)
        return newest[0].ref if newest else None

    def promotions(self, use_case: str) -> tuple[Promotion, ...]:
        """Return every promotion and rollback of a use case, newest first."""
        return self._promotions(use_case, limit=None)

    def promotion_of(self, use_case: str, decision_id: str) -> Promotion | None:
        """Return the promotion that a decision led to."""
        rows = self._rows(
            "SELECT * FROM evergreen.promotions WHERE use_case = %s AND decision_id = %s::uuid",
            (use_case, decision_id),
        )
        return _promotion(rows[0]) if rows else None

    def use_cases(self) -> tuple[str, ...]:
        """Return the names of the use cases that have or had a champion."""
        rows = self._rows("SELECT DISTINCT use_case FROM evergreen.promotions ORDER BY 1")
        return tuple(row["use_case"] for row in rows)

    def append(self, promotion: Promotion) -> Promotion:
        """Write the next promotion, pending.

        Raises:
            StalePromotion: its predecessor has a successor already.
        """
        values = _fields(promotion) | {"training": json.dumps(promotion.training.to_json())}
        del values["id"], values["created_at"]
        try:
            rows = self._rows(_insert("promotions", values), values)
        except psycopg2.errors.UniqueViolation as error:
            if error.diag.constraint_name != "promotions_chain":
                raise
            raise StalePromotion(_STALE.format(promotion.use_case)) from None
        return _promotion(rows[0])

    def finish(self, promotion_id: int) -> None:
        """Note that the alias follows the promotion."""
        self._rows(
            "UPDATE evergreen.promotions SET state = 'done' WHERE id = %s RETURNING id",
            (promotion_id,),
        )

    def open_incident(self, incident: Incident) -> Incident:
        """Store a failed run and return it as stored: the first incident of a run stays."""
        values = {
            name: _storable(value)
            for name, value in _fields(incident).items()
            if name in {"use_case", "run_key", "step", "message", "link", "kind"}
        }
        self._rows(_insert("incidents", values, "ON CONFLICT (run_key) DO NOTHING"), values)
        rows = self._rows("SELECT * FROM evergreen.incidents WHERE run_key = %(run_key)s", values)
        return Incident(**rows[0])

    def incidents(
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
        rows = self._rows(
            "SELECT * FROM evergreen.incidents WHERE use_case = coalesce(%s, use_case)"
            " AND NOT (%s AND notified_at IS NOT NULL) AND NOT (%s AND resolved_at IS NOT NULL)"
            " AND kind = coalesce(%s, kind) ORDER BY id DESC LIMIT %s",
            (use_case, waiting, open, kind, limit),
        )
        return tuple(Incident(**row) for row in rows)

    def note_delivery(self, incident_id: int, delivery: str, *, told: bool) -> Incident:
        """Note whether somebody could be told; the first time that it was so stays."""
        rows = self._rows(
            "UPDATE evergreen.incidents SET delivery = %s, notified_at = CASE WHEN %s"
            " THEN coalesce(notified_at, clock_timestamp()) ELSE notified_at END"
            " WHERE id = %s RETURNING *",
            (_storable(delivery), told, incident_id),
        )
        return Incident(**rows[0])

    def resolve(self, run_key: str, resolution: str = "") -> Incident | None:
        """Note that an incident is over, and return it; None: there is none of that key."""
        rows = self._rows(
            "UPDATE evergreen.incidents SET resolved_at = coalesce(resolved_at, clock_timestamp()),"
            " resolution = CASE resolution WHEN '' THEN %s ELSE resolution END"
            " WHERE run_key = %s RETURNING *",
            (_storable(resolution), run_key),
        )
        return Incident(**rows[0]) if rows else None

    def note_resolution(self, incident_id: int, delivery: str, *, told: bool) -> Incident:
        """Note whether somebody could be told that an incident is over."""
        rows = self._rows(
            "UPDATE evergreen.incidents SET resolution_delivery = %s, resolution_notified_at ="
            " CASE WHEN %s THEN coalesce(resolution_notified_at, clock_timestamp())"
            " ELSE resolution_notified_at END WHERE id = %s RETURNING *",
            (_storable(delivery), told, incident_id),
        )
        return Incident(**rows[0])

    @contextlib.contextmanager
    def lock(self, purpose: str, name: str, timeout: float = 120) -> Iterator[None]:
        """Hold the advisory lock of a purpose (`champion`, `version` ...) and a name.

        Raises:
            ChampionBusy: somebody else has held it for `timeout` seconds.
        """
        key = f"evergreen/{purpose}/{name}"
        with contextlib.closing(psycopg2.connect(self._url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = %s", (f"{int(timeout * 1000)}ms",))
                try:
                    cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (key,))
                except psycopg2.errors.LockNotAvailable:
                    raise ChampionBusy(_BUSY.format(key, timeout)) from None
                yield  # closing the connection lets go of the lock

    def _promotions(self, use_case: str, limit: int | None) -> tuple[Promotion, ...]:
        rows = self._rows(
            "SELECT * FROM evergreen.promotions WHERE use_case = %s ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(map(_promotion, rows))

    def _store(self, decision: Decision) -> Decision:
        values = {name: _storable(value) for name, value in _fields(decision).items()}
        values["evidence"] = json.dumps(values["evidence"], allow_nan=False)
        del values["created_at"]
        self._rows(_insert("decisions", values, "ON CONFLICT (id) DO NOTHING"), values)
        stored = self.decision(decision.id)
        assert stored is not None, "the row that was just written"  # noqa: S101
        return stored

    def _rows(self, sql: str, values: Any = ()) -> list[Row]:
        with self._cursor() as cursor:
            cursor.execute(sql, values)
            return [dict(row) for row in cursor.fetchall()]

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        with (
            contextlib.closing(psycopg2.connect(self._url)) as connection,
            connection,
            connection.cursor(cursor_factory=RealDictCursor) as cursor,
        ):
            if len(_applied(cursor)) < len(MIGRATIONS):
                _migrate(cursor)
                connection.commit()
            yield cursor


_BUSY = "the lock {} was not let go of within {:.0f} s; see pg_locks in PostgreSQL, then try again"
_STALE = "{}: somebody else moved the champion first; evaluate against the new one"


def _applied(cursor: Any) -> set[str]:
    cursor.execute("SELECT to_regclass('evergreen.migrations') IS NOT NULL AS there")
    if not cursor.fetchone()["there"]:
        return set()
    cursor.execute("SELECT name FROM evergreen.migrations")
    return {row["name"] for row in cursor.fetchall()}


def _migrate(cursor: Any) -> None:
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('evergreen/migrate', 0))")
    cursor.execute("CREATE SCHEMA IF NOT EXISTS evergreen")
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS evergreen.migrations (version integer PRIMARY KEY,"
        " name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    done = _applied(cursor)  # somebody else may have migrated while we waited
    for file in MIGRATIONS:
        if file.stem not in done:
            cursor.execute(file.read_text())
            cursor.execute(
                "INSERT INTO evergreen.migrations (version, name) VALUES (%s, %s)",
                (int(file.stem.partition("_")[0]), file.stem),
            )


def _insert(table: str, values: Row, conflict: str = "") -> str:
    columns, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    return f"INSERT INTO evergreen.{table} ({columns}) VALUES ({places}) {conflict} RETURNING *"


def _fields(row: Decision | Promotion | Incident) -> Row:
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _decision(row: Row) -> Decision:
    return Decision(**{name: value for name, value in row.items() if name != "number"})


def _promotion(row: Row) -> Promotion:
    return Promotion(**row | {"training": Span.from_json(row["training"])})


def _storable(value: Any) -> Any:
    """Make a value fit for PostgreSQL: its text holds no NUL, its JSON no NaN."""
    if isinstance(value, str):
        return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value
