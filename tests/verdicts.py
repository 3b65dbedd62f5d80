"""Verdicts of a gate and dossiers, without the minutes that they take."""

from datetime import UTC, datetime, timedelta

from evergreen.dossier import Answers, Dossier, Inputs, ModelFile, Proof
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
from evergreen.spec import Kind, UseCase

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = "00000000-0000-0000-0000-000000000000"
"""No decision."""


def learned_from(use_case: str, declaration: str = "") -> FeaturesRef:
    """Return features of nine rows that are nowhere."""
    snapshot = SnapshotRef(
        use_case=use_case, uri="/s", sha256="5" * 64, rows=9, as_of=AS_OF, counts=Counts(taken=9),
        declaration=declaration,
    )  # fmt: skip
    return FeaturesRef(
        snapshot=snapshot, uri="/f", sha256="6" * 64, training=Span(rows=6), holdout=Span(rows=3),
        split="hash",
    )  # fmt: skip


def verdict_on(
    use_case: UseCase,
    challenger: CandidateRef,
    champion: ChampionRef | None = None,
    features: FeaturesRef | None = None,
) -> Verdict:
    """Return a passed verdict on a challenger."""
    evaluation = EvaluationRef(
        uri="e.json", report_id="report", challenger=challenger, champion=champion,
        features=features or learned_from(use_case.name),
    )  # fmt: skip
    return Verdict(
        evaluation=evaluation, passed=True, sentence="Better.", checks=(), report="r.html"
    )


def dossier_of(use_case: str, version: int, **proof: object) -> Dossier:
    """Return a dossier of a model that is nowhere."""
    facts = {
        "decision_id": NOBODY, "report_id": "r", "report": f"{use_case}/{version}/report.html",
        "sentence": "Better.", "metric": "roc_auc", "figures": {"roc_auc": 0.74},
        "floors": {"roc_auc": 0.64},
    }  # fmt: skip
    return Dossier(
        use_case=use_case, version=version, doc="Who knows?", recipe="logistic", temporal=False,
        model=ModelFile(uri="models:/m", sha256="0" * 64, run_id="run"),
        proof=Proof(**(facts | proof)),
        inputs=Inputs(
            columns=(), key=(), timestamp=None, lookback=timedelta(0), computed=False, numeric=(),
            categorical=(), code_sha256="", table=use_case, query=None,
        ),
        answers=Answers(
            target="y", kind=Kind.BINARY, classes=(0, 1), positive=1, unit="", threshold=None,
            half_width=None,
        ),
        learned=learned_from(use_case), golden={}, declaration="",
    )  # fmt: skip
