"""Our own Protocols in memory; tests/records/test_contract.py holds them against the real ones."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from evergreen.errors import ChampionBusy, StalePromotion
from evergreen.learning.walking import Known
from evergreen.records import Decision, Incident, Pin, Promotion, reversal_id
from evergreen.records.promotions import DONE, PENDING
from evergreen.records.session import storable
from evergreen.refs import ChampionRef, Json


def now() -> datetime:
    return datetime.now(UTC)


class FakeDecisions:
    def __init__(self) -> None:
        self.rows: dict[str, Decision] = {}

    def record(self, decision: Decision) -> Decision:
        stored = self._store(decision)
        if stored.outcome == decision.outcome:
            return stored
        return self._store(replace(decision, id=reversal_id(decision.id, decision.outcome)))

    def get(self, id: str, outcome: str | None = None) -> Decision | None:
        ids = [id] if outcome is None else [id, reversal_id(id, outcome)]
        found = (self.rows[one] for one in ids if one in self.rows)
        return next((row for row in found if outcome in {None, row.outcome}), None)

    def newest(
        self,
        use_case: str | None = None,
        limit: int = 50,
        kind: str | None = None,
        without: Sequence[str] = (),
    ) -> tuple[Decision, ...]:
        rows = [
            row
            for row in reversed(self.rows.values())
            if use_case in {None, row.use_case} and kind in {None, row.kind}
        ]
        return tuple(row for row in rows if row.kind not in without)[:limit]

    def _store(self, decision: Decision) -> Decision:
        stored = replace(
            decision, sentence=storable(decision.sentence), evidence=storable(decision.evidence),
            created_at=now(),
        )  # fmt: skip
        return self.rows.setdefault(decision.id, stored)


class FakePromotions:
    def __init__(self) -> None:
        self.rows: list[Promotion] = []

    def champion(self, use_case: str) -> ChampionRef | None:
        rows = self.of(use_case)
        return rows[0].ref if rows else None

    def of(self, use_case: str) -> tuple[Promotion, ...]:
        return tuple(row for row in reversed(self.rows) if row.use_case == use_case)

    def by(self, use_case: str, decision_id: str) -> Promotion | None:
        found = (row for row in self.of(use_case) if row.decision_id == decision_id)
        return next(found, None)

    def use_cases(self) -> tuple[str, ...]:
        return tuple(sorted({row.use_case for row in self.rows}))

    def append(self, promotion: Promotion) -> Promotion:
        predecessors = {row.predecessor_id for row in self.of(promotion.use_case)}
        if promotion.predecessor_id in predecessors:
            raise StalePromotion(f"{promotion.use_case}: somebody else moved the champion first")
        row = replace(promotion, id=len(self.rows) + 1, state=PENDING, created_at=now())
        self.rows.append(row)
        return row

    def finish(self, promotion_id: int) -> None:
        self.rows[promotion_id - 1] = replace(self.rows[promotion_id - 1], state=DONE)


class FakeIncidents:
    def __init__(self) -> None:
        self.rows: dict[str, Incident] = {}

    def open(self, incident: Incident, began: datetime | None = None) -> Incident:
        found = self.rows.get(incident.run_key)
        if found and not (began and found.resolved_at and found.resolved_at < began):
            return found
        number = found.id if found else len(self.rows) + 1
        return self._put(replace(incident, id=number, created_at=now()))

    def newest(
        self,
        use_case: str | None = None,
        limit: int = 50,
        waiting: bool = False,
        *,
        open: bool = False,
        kind: str | None = None,
    ) -> tuple[Incident, ...]:
        rows = [
            row
            for row in reversed(self.rows.values())
            if use_case in {None, row.use_case} and kind in {None, row.kind}
            and not (waiting and row.notified_at) and not (open and row.resolved_at)
        ]  # fmt: skip
        return tuple(rows[:limit])

    def note_delivery(self, incident_id: int, delivery: str, *, told: bool) -> Incident:
        row = self._row(incident_id)
        at = row.notified_at or (now() if told else None)
        return self._put(replace(row, delivery=delivery, notified_at=at))

    def resolve(self, run_key: str, resolution: str = "") -> Incident | None:
        row = self.rows.get(run_key)
        if row is None:
            return None
        return self._put(
            replace(
                row, resolved_at=row.resolved_at or now(), resolution=row.resolution or resolution
            )
        )

    def note_resolution(self, incident_id: int, delivery: str, *, told: bool) -> Incident:
        row = self._row(incident_id)
        at = row.resolution_notified_at or (now() if told else None)
        return self._put(replace(row, resolution_delivery=delivery, resolution_notified_at=at))

    def _row(self, id: int) -> Incident:
        return next(row for row in self.rows.values() if row.id == id)

    def _put(self, row: Incident) -> Incident:
        self.rows[row.run_key] = row
        return row


class FakeLocks:
    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}

    @contextmanager
    def hold(
        self, purpose: str, name: str, timeout: float = 120, *, shared: bool = False
    ) -> Iterator[None]:
        key = f"evergreen/{purpose}/{name}"
        lock = self._locks.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise ChampionBusy(f"the lock {key} was not let go of")
        try:
            yield
        finally:
            lock.release()


class FakePins:
    def __init__(self) -> None:
        self.held: dict[str, Pin] = {}

    def get(self, use_case: str) -> Pin | None:
        return self.held.get(use_case)

    def put(self, pin: Pin) -> Pin:
        return self.held.setdefault(pin.use_case, pin)

    def lift(self, use_case: str, by: str) -> Pin | None:
        return self.held.pop(use_case, None)


class FakeLedger:
    """Decisions, promotions, pins, incidents and locks of one test."""

    def __init__(self) -> None:
        self.pins = FakePins()
        self.decisions, self.promotions = FakeDecisions(), FakePromotions()
        self.incidents, self.locks = FakeIncidents(), FakeLocks()


class FakeTrainings:
    """What `learning.training.Trainings` asks for."""

    def __init__(self) -> None:
        self.walks: dict[str, Known] = {}
        self.documents: dict[str, Json] = {}

    def recall(self, recipe: str) -> Known | None:
        return self.walks.get(recipe)

    def keep(self, recipe: str, known: Known) -> None:
        self.walks[recipe] = known

    def finished(self, key: str) -> Json | None:
        return self.documents.get(key)

    def finish(self, key: str, document: Json) -> None:
        self.documents[key] = document
