"""Champions on record, without the minutes that training one takes."""

from datetime import datetime

from database import records_of
from evergreen.records import Decision, Promotion, decision_id
from evergreen.refs import Span
from evergreen.settings import Settings


def make_champion(
    settings: Settings,
    use_case: str,
    version: int,
    snapshot: str = "5" * 64,
    until: datetime | None = None,
    kind: str = "change",
) -> None:
    """Write the promotion of a version that was trained on a snapshot."""
    ledger = records_of(settings)
    before = ledger.promotions.of(use_case)
    key = f"{use_case}_training/{kind}/{version}"
    decision = ledger.decisions.record(
        Decision(
            id=decision_id(use_case, "fit/train", key), use_case=use_case, kind="gate",
            outcome="passed", sentence="Better.", evidence={}, as_of=None, run_key=key,
            actor="schedule",
        )
    )  # fmt: skip
    ledger.promotions.append(
        Promotion(
            use_case=use_case, version=version, run_id="run", model_uri="models:/m",
            sha256="0" * 64, snapshot_sha256=snapshot, golden_sha256=None,
            training=Span(rows=9, end=until),
            predecessor_id=before[0].id if before else None, decision_id=decision.id,
            kind=kind, reason="better", actor="ada",
        )
    )  # fmt: skip
