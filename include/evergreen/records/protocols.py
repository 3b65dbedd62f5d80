"""What functions of the domain ask of the records: `Records` has it, and so has a fake."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from evergreen.records.decisions import Decision
from evergreen.records.incidents import Incident
from evergreen.records.pins import Pin
from evergreen.records.promotions import Promotion
from evergreen.refs import ChampionRef


class DecisionLog(Protocol):
    """See `decisions.Decisions`."""

    def record(self, decision: Decision) -> Decision: ...  # noqa: D102

    def get(self, id: str, outcome: str | None = None) -> Decision | None: ...  # noqa: D102

    def newest(  # noqa: D102
        self,
        use_case: str | None = None,
        limit: int = 50,
        kind: str | None = None,
        without: Sequence[str] = (),
    ) -> tuple[Decision, ...]: ...


class PromotionLog(Protocol):
    """See `promotions.Promotions`."""

    def champion(self, use_case: str) -> ChampionRef | None: ...  # noqa: D102

    def of(self, use_case: str) -> tuple[Promotion, ...]: ...  # noqa: D102

    def by(self, use_case: str, decision_id: str) -> Promotion | None: ...  # noqa: D102

    def use_cases(self) -> tuple[str, ...]: ...  # noqa: D102

    def append(self, promotion: Promotion) -> Promotion: ...  # noqa: D102

    def finish(self, promotion_id: int) -> None: ...  # noqa: D102


class IncidentLog(Protocol):
    """See `incidents.Incidents`."""

    def open(self, incident: Incident, began: datetime | None = None) -> Incident: ...  # noqa: D102

    def newest(  # noqa: D102
        self,
        use_case: str | None = None,
        limit: int = 50,
        waiting: bool = False,
        *,
        open: bool = False,
        kind: str | None = None,
    ) -> tuple[Incident, ...]: ...

    def note_delivery(self, incident_id: int, delivery: str, *, told: bool) -> Incident: ...  # noqa: D102

    def resolve(self, run_key: str, resolution: str = "") -> Incident | None: ...  # noqa: D102

    def note_resolution(self, incident_id: int, delivery: str, *, told: bool) -> Incident: ...  # noqa: D102


class Locking(Protocol):
    """See `locks.Locks`."""

    def hold(  # noqa: D102
        self, purpose: str, name: str, timeout: float = 120, *, shared: bool = False
    ) -> AbstractContextManager[None]: ...


class PinBoard(Protocol):
    """See `pins.Pins`."""

    def get(self, use_case: str) -> Pin | None: ...  # noqa: D102

    def put(self, pin: Pin) -> Pin: ...  # noqa: D102

    def lift(self, use_case: str, by: str) -> Pin | None: ...  # noqa: D102


class Ledger(Protocol):
    """Decisions, promotions, pins and incidents, with the locks under which they are written."""

    @property
    def pins(self) -> PinBoard: ...  # noqa: D102

    @property
    def decisions(self) -> DecisionLog: ...  # noqa: D102

    @property
    def promotions(self) -> PromotionLog: ...  # noqa: D102

    @property
    def incidents(self) -> IncidentLog: ...  # noqa: D102

    @property
    def locks(self) -> Locking: ...  # noqa: D102
