"""Verdicts of a gate, without the minutes that one takes."""

from datetime import UTC, datetime

from evergreen.refs import (
    CandidateRef,
    ChampionRef,
    Counts,
    EvaluationRef,
    FeaturesRef,
    SnapshotRef,
    Span,
    Verdict,
)
from evergreen.spec import UseCase

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = "00000000-0000-0000-0000-000000000000"
"""No decision."""


def learned_from(use_case: str, **changes: object) -> FeaturesRef:
    """Return features of nine rows that are nowhere."""
    snapshot = SnapshotRef(
        use_case=use_case, uri="/s", sha256="5" * 64, rows=9, as_of=AS_OF, counts=Counts(taken=9)
    )
    facts = {
        "snapshot": snapshot, "uri": "/f", "sha256": "6" * 64, "training": Span(rows=6),
        "holdout": Span(rows=3), "split": "hash",
    }  # fmt: skip
    return FeaturesRef(**(facts | changes))


def verdict_on(
    use_case: UseCase, challenger: CandidateRef, champion: ChampionRef | None = None
) -> Verdict:
    """Return a passed verdict on a challenger."""
    evaluation = EvaluationRef(
        uri="e.json", report_id="report", challenger=challenger, champion=champion,
        features=learned_from(use_case.name),
    )  # fmt: skip
    return Verdict(
        evaluation=evaluation, passed=True, sentence="Better.", checks=(), report="r.html"
    )
