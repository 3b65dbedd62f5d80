from datetime import UTC, datetime, timedelta

import pytest

from evergreen.champions import in_charge
from evergreen.records import Decision, Promotion
from evergreen.records.promotions import CHANGE, ROLLBACK
from evergreen.refs import Span
from fakes import FakeLedger

DAY = timedelta(days=1)


def promoted(ledger: FakeLedger, version: int, as_of: datetime | None, kind: str = CHANGE) -> None:
    number = len(ledger.promotions.rows)
    decision = Decision(
        id=f"{number}", use_case="iris", kind="rollback" if kind == ROLLBACK else "fit",
        outcome="passed", sentence="So it is.", evidence={}, as_of=as_of, run_key="r", actor="ada",
    )  # fmt: skip
    ledger.promotions.append(
        Promotion(
            use_case="iris", version=version, run_id="r", model_uri="m", sha256=f"{version}" * 64,
            snapshot_sha256="5" * 64, golden_sha256=None, training=Span(rows=9),
            predecessor_id=number or None, decision_id=ledger.decisions.record(decision).id,
            kind=kind, reason="So it is.", actor="ada",
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ago", "version"), [(9 * DAY, None), (6 * DAY, 2), (4 * DAY, 3), (-DAY, 2)]
)
def test_a_moment_before_a_rollback_has_the_champion_of_then(ago, version) -> None:
    ledger, now = FakeLedger(), datetime.now(UTC)
    promoted(ledger, 2, now - 8 * DAY)
    promoted(ledger, 3, now - 5 * DAY)
    promoted(ledger, 2, None, ROLLBACK)

    found = in_charge.find(ledger, "iris", now - ago)

    assert (found.champion.version if found else None) == version
    present = in_charge.find(ledger, "iris")
    assert present is not None
    assert present.champion.version == 2
