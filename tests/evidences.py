"""Evidence about a challenger that passes every check, to be changed by the test."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from evergreen.judging.checks import MODEL_TESTS
from evergreen.judging.evidence import (
    Difference,
    Evidence,
    Fit,
    ModelTest,
    Origin,
    Overlap,
    Role,
    Schema,
    ScoredModel,
    SingleFeature,
    SliceScore,
    Subject,
)
from evergreen.refs import Span
from evergreen.spec import Gate, Kind

AS_OF = datetime(2026, 11, 20, tzinfo=UTC)


def gate(**changes: Any) -> Gate:
    return Gate(
        **{
            "metric": "roc_auc",
            "floors": {"roc_auc": 0.68, "log_loss": 0.6},
            "min_rows": 100,
            "max_calibration_error": 0.15,
            **changes,
        }
    )


def difference(other: str, low: float = 0.01, **changes: Any) -> Difference:
    facts = {"metric": "roc_auc", "confidence": 0.95, "resamples": 1000}
    spread = {"low": low, "estimate": low + 0.02, "high": low + 0.04}
    return Difference(**{"other": other, **facts, **spread, **changes})


def model(name: str, role: Role, roc_auc: float = 0.74, **changes: Any) -> ScoredModel:
    return ScoredModel(
        **{
            "name": name,
            "role": role,
            "run_id": f"run-{name}",
            "recipe": f"recipe-{name}",
            "version": 3 if role is Role.CHAMPION else None,
            "metrics": {"roc_auc": roc_auc, "log_loss": 0.5},
            "cv": None if role is Role.CHAMPION else {"roc_auc": roc_auc},
            "slices": {
                "season": {
                    "summer": SliceScore(
                        rows=90,
                        metrics={"roc_auc": roc_auc},
                        against={"roc_auc": difference("champion v3", -0.01)},
                    ),
                    "winter": SliceScore(rows=12, metrics={}, against={}),
                }
            },
            "calibration_error": 0.05,
            **changes,
        }
    )


def evidence(**changes: Any) -> Evidence:
    """A challenger that is better than champion v3 and passes everything."""
    return replace(_GOOD, **changes)


def first(**changes: Any) -> Evidence:
    """The same challenger where there is no champion yet."""
    entered = changes.pop("models", _GOOD.models)
    models = tuple(one for one in entered if one.role is not Role.CHAMPION)
    none = {"champion_version": None, "against_champion": None, "overlap": _GOOD.overlap[:1]}
    return replace(_GOOD, **({"models": models, "fit": None} | none | changes))


def challenger(**changes: Any) -> tuple[ScoredModel, ...]:
    """The models, with a challenger that differs."""
    return tuple(
        replace(one, **changes) if one.role is Role.CHALLENGER else one for one in _GOOD.models
    )


def champion(**changes: Any) -> tuple[ScoredModel, ...]:
    """The models, with a champion that differs."""
    return tuple(
        replace(one, **changes) if one.role is Role.CHAMPION else one for one in _GOOD.models
    )


_GOOD = Evidence(
    report_id="20261120T000000-0123456789ab",
    subject=Subject(
        name="weather",
        doc="Rain tomorrow?",
        owner="weather-team",
        kind=Kind.BINARY,
        metric="roc_auc",
        target="rain_tomorrow",
        slices=("season",),
    ),
    origin=Origin(
        as_of=AS_OF,
        snapshot_uri="/snapshots/weather/abc",
        snapshot_sha256="snap",
        features_sha256="feat",
        split="time, holdout from 2026-05-24",
        code_commit="c0ffee",
    ),
    training=Span(
        rows=1200, start=datetime(2023, 1, 1, tzinfo=UTC), end=datetime(2026, 5, 22, tzinfo=UTC)
    ),
    holdout=Span(
        rows=180, start=datetime(2026, 5, 24, tzinfo=UTC), end=datetime(2026, 11, 18, tzinfo=UTC)
    ),
    models=(
        model("boosting", Role.CHALLENGER, 0.74),
        model("champion v3", Role.CHAMPION, 0.71),
        model("forest", Role.CANDIDATE, 0.73),
        model("climatology", Role.BASELINE, 0.66),
        model("persistence", Role.BASELINE, 0.60),
    ),
    champion_version=3,
    against_champion=difference("champion v3"),
    against_baseline=difference("climatology", 0.06),
    fit=Fit(
        kind="refresh",
        name="boosting",
        sha256="sha-boosting",
        training=Span(rows=1380, end=datetime(2026, 11, 18, tzinfo=UTC)),
        before=Span(rows=1379, end=datetime(2026, 11, 17, tzinfo=UTC)),
        disagreement=0.01,
        label=0.4,
        labels=(0.3, 0.5, 0.45, 0.35, 0.4),
    ),
    golden_difference=0.0,
    model_tests=tuple(ModelTest(name=name, passed=True, detail="fine") for name in MODEL_TESTS),
    latency_ms=6.0,
    size_bytes=200_000,
    single=SingleFeature(feature="wind", metric="roc_auc", score=0.61),
    constants={"0": 0.0, "1": -5.0},
    schema=Schema(takes={"wind": "float64"}, offered={"wind": "float64", "date": "datetime64[s]"}),
    overlap=(
        Overlap(model=Role.CHALLENGER, rows=0, how="keys compared"),
        Overlap(model=Role.CHAMPION, rows=0, how="trained up to 2025-05-01"),
    ),
)
