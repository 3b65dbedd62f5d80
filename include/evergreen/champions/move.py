"""One move of one champion: what `promotion` does it with, and how it is repaired."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from evergreen.champions.proof import Prove
from evergreen.champions.registry import ModelRegistry
from evergreen.errors import ModelRefused, StalePromotion
from evergreen.records import Decision, Pin, Promotion, decision_id
from evergreen.records.promotions import PENDING, ROLLBACK
from evergreen.records.protocols import Ledger
from evergreen.refs import FORCED, Json, PromotionRef, Verdict
from evergreen.settings import Settings
from evergreen.spec import check_name

PROMOTION, REPAIR = "promotion", "repair"

Describe = Callable[[Verdict, str, int], None]
"""Writes the dossier of a version: the verdict, the id of the gate's decision, the version."""


def nothing_new(*_: object) -> None:
    """Describe nothing, where no version is registered."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Move:
    """Who moves which champion, and with what."""

    use_case: str
    settings: Settings
    ledger: Ledger
    registry: ModelRegistry
    prove: Prove
    actor: str
    describe: Describe = nothing_new

    @classmethod
    def of(
        cls,
        use_case: str,
        ledger: Ledger,
        settings: Settings,
        actor: str,
        registry: ModelRegistry | None,
        prove: Prove,
        describe: Describe = nothing_new,
    ) -> "Move":
        """Return a move of that use case, in the registry of the settings unless one is given.

        Raises:
            DeclarationError: `use_case` could not be a name.
        """
        check_name("use case", use_case)
        registry = registry or ModelRegistry(settings, ledger.locks)
        return cls(
            use_case=use_case, settings=settings, ledger=ledger, registry=registry,
            prove=prove, actor=actor, describe=describe,
        )  # fmt: skip

    def record(
        self,
        kind: str,
        outcome: str,
        sentence: str,
        about: str,
        evidence: Json,
        as_of: datetime | None = None,
        run_key: str = "",
    ) -> Decision:
        """Put a decision on record; one for each kind, outcome and matter."""
        return self.ledger.decisions.record(
            Decision(
                id=decision_id(self.use_case, f"{kind}/{outcome}", about),
                use_case=self.use_case,
                kind=kind,
                outcome=outcome,
                sentence=sentence,
                evidence=evidence,
                as_of=as_of,
                run_key=run_key or f"{kind}/{about}",
                actor=self.actor,
            )
        )

    def check_held(self, row: Promotion) -> None:
        """Refuse a version that the alias could not name.

        Raises:
            ModelRefused: the registry does not hold it (any more).
        """
        if not self._holds(row):
            raise ModelRefused(f"the registry does not hold version {row.version} (any more)")

    def append(self, row: Promotion) -> PromotionRef:
        """Write the ledger row, let pin and alias follow, note that they have."""
        try:
            row = self.ledger.promotions.append(row)
        except StalePromotion:
            self.registry.refuse(self.use_case, row.version)
            raise
        self._pin(row)
        self.registry.crown(self.use_case, row.version)
        self.ledger.promotions.finish(row.id)
        return PromotionRef(promoted=True, champion=row.ref, sentence=row.reason)

    def _pin(self, row: Promotion) -> None:
        """Pin the champion that a person went back to; who forces another lifts the pin."""
        if row.kind == ROLLBACK:
            decision = self.ledger.decisions.get(row.decision_id)
            reason = decision.evidence["reason"] if decision else row.reason
            self.ledger.pins.put(
                Pin(use_case=self.use_case, version=row.version, reason=reason, actor=row.actor)
            )
        elif row.kind == FORCED:
            self.ledger.pins.lift(self.use_case, row.actor)

    def reconcile(self) -> list[str]:
        """Make the registry follow the newest ledger row, and tell what was not so."""
        rows = self.ledger.promotions.of(self.use_case)
        if rows and (lack := self._lack(rows[0])):
            self._tell("missing", lack, str(rows[0].id))
            return [lack]
        sentences = self._follow(rows[0]) if rows else self._follow_none()
        for sentence in sentences:
            self._tell("repaired", sentence, str(uuid4()))
        return sentences

    def _tell(self, outcome: str, sentence: str, about: str) -> None:
        logger.warning("%s: %s", self.use_case, sentence)
        self.record(REPAIR, outcome, sentence, about, {})

    def _lack(self, row: Promotion) -> str:
        """Say that the champion's version is gone from the registry; empty: it is there."""
        if self._holds(row):
            return ""
        return (
            f"Version {row.version} is champion in the ledger, but the registry does not hold it"
            " (any more). The service answers by its own copy of the file; without one it could not"
            " start. Roll back to a version that the registry holds, or promote a new one."
        )

    def _holds(self, row: Promotion) -> bool:
        return self.registry.versions(self.use_case).get(row.version) == row.sha256

    def _follow(self, row: Promotion) -> list[str]:
        version, named = row.version, self.registry.crowned(self.use_case)
        if named == version and row.state != PENDING:
            return []
        if row.state == PENDING:
            self._pin(row)
        self.registry.crown(self.use_case, version)
        self.ledger.promotions.finish(row.id)
        if row.state == PENDING:
            return [f"Finished the {row.kind} of version {version}, which was interrupted."]
        was = "had been deleted" if named is None else f"had been moved to version {named}"
        return [f"The alias champion {was}; it names version {version} again, as in the ledger."]

    def _follow_none(self) -> list[str]:
        named = self.registry.crowned(self.use_case)
        if named is None:
            return []
        self.registry.uncrown(self.use_case)
        return [f"The alias champion named version {named}, which was never promoted; removed."]
