"""Every check of the gate: what passes, what fails, and what is unknown (which is not passed)."""

import math
from dataclasses import replace
from typing import Any

import pytest

import evidences as e
from evergreen.judging.evidence import (
    Evidence,
    ModelTest,
    Overlap,
    Role,
    Schema,
    SingleFeature,
    SliceScore,
)
from evergreen.judging.gate import inspect, passed
from evergreen.judging.gate import judge as judge_recipes
from evergreen.refs import Check, Span, Status
from evergreen.spec import Gate

PASSED, FAILED, UNKNOWN = Status.PASSED, Status.FAILED, Status.UNKNOWN
NAN = math.nan
GATE = e.gate()


def judge(gate: Gate, evidence: Evidence) -> tuple[Check, ...]:
    """Every check: of the recipes, and of the fit that is to serve."""
    return (*judge_recipes(gate, evidence), *inspect(gate, evidence))


def fitted(**changes: Any) -> Evidence:
    fit = e.evidence().fit
    assert fit is not None
    return e.evidence(fit=replace(fit, **changes))


def found(name: str, evidence: Evidence, gate: Gate = GATE) -> Check:
    return next(check for check in judge(gate, evidence) if check.name == name)


def season(
    low: float = 0.0, high: float = 0.1, rows: int = 90, other: str = "champion v3", **winter: Any
) -> dict[str, Any]:
    """A challenger's slices: in summer its difference to the other has this interval."""
    middle = (low + high) / 2
    against = e.difference(other, low, high=high, estimate=middle)
    summer = SliceScore(rows=rows, metrics={"roc_auc": 0.55}, against={"roc_auc": against})
    return {"slices": {"season": {"summer": summer, **winter}}}


NO_POSITIVES = SliceScore(rows=180, metrics={"accuracy": 0.9}, against={})


def behaviour(**changes: bool | None) -> tuple[ModelTest, ...]:
    old = {test.name: test for test in e.evidence().model_tests}
    new = {n: ModelTest(name=n, passed=p, detail="it said so") for n, p in changes.items()}
    return tuple((old | new).values())


def told(score: float) -> SingleFeature:
    return SingleFeature(feature="wind", metric="roc_auc", score=score)


def overlaps(challenger: int | None, champion: int | None) -> tuple[Overlap, ...]:
    return (
        Overlap(model=Role.CHALLENGER, rows=challenger, how="compared"),
        Overlap(model=Role.CHAMPION, rows=champion, how="its snapshot is gone"),
    )


BASELINES_BY_NAN = tuple(
    replace(one, metrics={"roc_auc": NAN}) if one.name == "climatology" else one
    for one in e.evidence().models
)
UNSURE = e.difference("climatology", estimate=0.08, low=NAN, high=NAN)
NO_BASELINES = tuple(one for one in e.evidence().models if one.role is not Role.BASELINE)
NO_CHAMPION_MODEL = tuple(one for one in e.evidence().models if one.role is not Role.CHAMPION)

TABLE: list[tuple[str, str, Evidence, str]] = [
    ("holdout_size", PASSED, e.evidence(holdout=Span(rows=100)), "100 rows"),
    ("holdout_size", FAILED, e.evidence(holdout=Span(rows=99)), "99 rows, fewer than 100"),
    (
        "leak",
        PASSED,
        e.evidence(single=told(0.99)),
        "rain_tomorrow: roc_auc 0.990 (at",
    ),
    (
        "leak",
        FAILED,
        e.evidence(single=told(0.991)),
        "wind alone tells rain_tomorrow: roc",
    ),
    ("leak", UNKNOWN, e.evidence(single=told(NAN)), "how well wind alone tells rain_tomorrow is"),
    ("leak", UNKNOWN, e.evidence(single=None), "one feature alone tells rain_tomorrow is unknown"),
    ("overlap", PASSED, e.evidence(), "challenger and champion"),
    ("overlap", PASSED, e.first(), "training of the challenger"),
    ("overlap", FAILED, e.evidence(overlap=overlaps(2, 0)), "challenger was trained on 2 of"),
    ("overlap", FAILED, e.evidence(overlap=overlaps(0, 7)), "champion was trained on 7 of"),
    ("overlap", UNKNOWN, e.evidence(overlap=overlaps(0, None)), "its snapshot is gone"),
    ("overlap", UNKNOWN, e.evidence(overlap=overlaps(0, 0)[:1]), "nobody looked"),
    ("overlap", UNKNOWN, e.evidence(overlap=()), "nobody looked"),
    ("schema", PASSED, e.evidence(), "all 1 columns"),
    ("schema", FAILED, e.evidence(schema=Schema(takes={"a": "i"}, offered={})), "takes a, which"),
    (
        "schema",
        FAILED,
        e.evidence(schema=Schema(takes={"a": "int64"}, offered={"a": "str"})),
        "a is str, the challenger learned int64",
    ),
    ("schema", UNKNOWN, e.evidence(schema=None), "unknown"),
    ("schema", UNKNOWN, e.evidence(schema=Schema(takes={}, offered={"a": "i"})), "unknown"),
    ("floor_roc_auc", PASSED, e.evidence(), "roc_auc is 0.740"),
    ("floor_roc_auc", PASSED, e.evidence(models=e.challenger(metrics={"roc_auc": 0.68})), "0.680"),
    (
        "floor_roc_auc",
        FAILED,
        e.evidence(models=e.challenger(metrics={"roc_auc": 0.67999})),
        "below the floor on roc_auc: 0.67999 against 0.68000",
    ),
    ("floor_roc_auc", UNKNOWN, e.evidence(models=e.challenger(metrics={})), "unknown"),
    (
        "floor_roc_auc",
        UNKNOWN,
        e.evidence(models=e.challenger(metrics={"roc_auc": NAN})),
        "unknown",
    ),
    (
        "floor_roc_auc",
        UNKNOWN,
        e.evidence(models=e.challenger(metrics={}, problem="the file is gone")),
        "the file is gone",
    ),
    ("floor_log_loss", PASSED, e.evidence(), "not above the ceiling 0.600"),
    (
        "floor_log_loss",
        FAILED,
        e.evidence(models=e.challenger(metrics={"log_loss": 0.7})),
        "above the ceiling on log_loss: 0.700 against 0.600",
    ),
    ("beats_baseline", PASSED, e.evidence(), "climatology, on roc_auc: +0.080"),
    (
        "beats_baseline",
        FAILED,
        e.evidence(against_baseline=e.difference("climatology", -0.02)),
        "not better than the baseline climatology on roc_auc: +0.000"
        " (95 % interval -0.020 to +0.020, which includes 0)",
    ),
    (
        "beats_baseline",
        FAILED,
        e.evidence(
            against_baseline=e.difference("climatology", -0.097, high=-0.03, estimate=-0.06)
        ),
        "on roc_auc: -0.060 (95 % interval -0.097 to -0.030, all of it worse)",
    ),
    ("beats_baseline", UNKNOWN, e.evidence(against_baseline=None), "unknown"),
    (
        "beats_baseline",
        UNKNOWN,
        e.evidence(against_baseline=UNSURE),
        "fewer than 8 of the rarer class, or on fewer than 8 days or in fewer groups: judge more of"
        " them by a longer windows.holdout, or wait for more; a person may let the challenger take"
        " over (evergreen promote --force",
    ),
    (
        "better_than_champion",
        UNKNOWN,
        e.evidence(against_champion=replace(UNSURE, other="champion v3")),
        "how far the roc_auc against champion v3 may be off is unknown, as the",
    ),
    ("beats_baseline", UNKNOWN, e.evidence(models=NO_BASELINES), "no baseline was scored"),
    ("beats_baseline", UNKNOWN, e.evidence(models=BASELINES_BY_NAN), "climatology is unknown"),
    (
        "beats_baseline",
        UNKNOWN,
        e.evidence(against_baseline=e.difference("persistence", 0.1)),
        "the best baseline is climatology",
    ),
    ("better_than_champion", PASSED, e.evidence(), "better than champion v3 on roc_auc: +0.030"),
    ("better_than_champion", PASSED, e.first(), "first champion: only the floors count"),
    (
        "better_than_champion",
        FAILED,
        e.evidence(against_champion=e.difference("champion v3", -0.016)),
        "is not better on roc_auc: +0.004 (95 % interval -0.016 to +0.024 must lie above 0)",
    ),
    (
        "better_than_champion",
        FAILED,
        e.evidence(against_champion=e.difference("champion v3", 0.0)),
        "must lie above",
    ),
    (
        "better_than_champion",
        FAILED,
        e.evidence(models=e.champion(recipe="recipe-boosting")),
        "is the recipe in charge, and there is no other",
    ),
    (
        "better_than_champion",
        UNKNOWN,
        e.evidence(models=e.champion(problem="ModelRefused: other bytes", metrics={})),
        "the recipe of champion v3 could not be walked: ModelRefused: other bytes",
    ),
    ("better_than_champion", UNKNOWN, e.evidence(models=NO_CHAMPION_MODEL), "was not scored"),
    ("better_than_champion", UNKNOWN, e.evidence(against_champion=None), "unknown"),
    (
        "better_than_champion",
        UNKNOWN,
        e.evidence(against_champion=e.difference("champion v3", NAN)),
        "unknown",
    ),
    (
        "better_than_champion",
        UNKNOWN,
        e.evidence(against_champion=e.difference("champion v3", 0.1, metric="accuracy")),
        "another gate",
    ),
    (
        "better_than_champion",
        UNKNOWN,
        e.evidence(against_champion=e.difference("champion v3", 0.1, confidence=0.6)),
        "another gate",
    ),
    ("slices", PASSED, e.evidence(), "compared: 1"),
    ("slices", PASSED, e.evidence(models=e.challenger(**season(-0.1, 0.1))), "(compared: 1)"),
    (
        "slices",
        FAILED,
        e.evidence(models=e.challenger(**season(-0.25, -0.16))),
        "much worse than champion v3 in season = summer (90 rows): roc_auc 0.550, -0.205"
        " (95 % interval -0.250 to -0.160, all of it below -0.15)",
    ),
    (
        "slices",
        PASSED,
        e.evidence(models=e.challenger(**season(-0.4, 0.1))),
        "no slice is surely worse by more than 0.15 (compared: 1);"
        " too few rows to tell: season = summer",
    ),
    ("slices", PASSED, e.first(models=e.challenger(**season(other="the floor"))), "compared: 1"),
    (
        "slices",
        FAILED,
        e.first(models=e.challenger(**season(-0.3, -0.2, other="the floor"))),
        "much worse than the floor in season = summer",
    ),
    (
        "slices",
        PASSED,
        e.evidence(models=e.challenger(**season(-0.3, -0.2, rows=29))),
        "(compared: 0); not judged, as nothing can be told: season = summer",
    ),
    (
        "slices",
        PASSED,
        e.evidence(models=e.challenger(**season(winter=NO_POSITIVES))),
        "(compared: 1); not judged, as nothing can be told: season = winter",
    ),
    (
        "slices",
        PASSED,
        e.evidence(models=e.challenger(**season(NAN, NAN))),
        "not judged, as nothing can be told: season = summer",
    ),
    ("slices", UNKNOWN, e.evidence(models=e.challenger(slices={})), "slices of season are unknown"),
    (
        "slices",
        UNKNOWN,
        e.evidence(
            models=e.challenger(slices={"season": {"summer": SliceScore(rows=90, metrics={})}})
        ),
        "the comparison with the champion in season = summer is unknown",
    ),
    ("calibration", PASSED, e.evidence(), "off by 0.050"),
    (
        "calibration",
        FAILED,
        e.evidence(models=e.challenger(calibration_error=0.2)),
        "off by 0.200 on average, more than 0.150",
    ),
    ("calibration", UNKNOWN, e.evidence(models=e.challenger(calibration_error=None)), "unknown"),
    ("calibration", UNKNOWN, e.evidence(models=e.challenger(calibration_error=NAN)), "unknown"),
    ("golden", PASSED, e.evidence(golden_difference=1e-9), "off by 1e-09"),
    ("golden", FAILED, e.evidence(golden_difference=0.01), "off its golden predictions by 0.010"),
    ("golden", FAILED, e.evidence(golden_difference=math.inf), "other classes"),
    ("golden", UNKNOWN, e.evidence(golden_difference=NAN), "unknown"),
    (
        "golden",
        UNKNOWN,
        e.evidence(golden_difference=None, golden_problem="no golden.json"),
        "no golden.json",
    ),
    ("model_quality", PASSED, e.evidence(), "passed 6 tests"),
    (
        "model_quality",
        FAILED,
        e.evidence(model_tests=behaviour(one_row=False)),
        "fails one_row: it",
    ),
    ("model_quality", UNKNOWN, e.evidence(model_tests=behaviour(one_row=None)), "test one_row"),
    ("model_quality", UNKNOWN, e.evidence(model_tests=()), "not done"),
    ("model_quality", UNKNOWN, e.evidence(model_tests=behaviour()[1:]), "test shape"),
    ("latency", PASSED, e.evidence(latency_ms=100.0), "100.0 ms"),
    ("latency", FAILED, e.evidence(latency_ms=101.0), "101.0 ms, more than 100.0 ms"),
    ("latency", UNKNOWN, e.evidence(latency_ms=None), "unknown"),
    ("latency", UNKNOWN, e.evidence(latency_ms=NAN), "unknown"),
    ("size", PASSED, e.evidence(size_bytes=100_000_000), "100.000 MB"),
    ("size", FAILED, e.evidence(size_bytes=100_010_000), "100.010 MB, more than 100.000 MB"),
    ("size", UNKNOWN, e.evidence(size_bytes=None), "unknown"),
    ("agreement", PASSED, e.evidence(), "differ by 0.010 on average"),
    ("agreement", PASSED, fitted(disagreement=None), "cannot be asked any more"),
    ("agreement", FAILED, fitted(disagreement=0.3), "more than 0.100"),
    ("agreement", FAILED, fitted(disagreement=0.05, usual=(0.01,) * 5), "more than 0.040"),
    ("agreement", PASSED, fitted(disagreement=0.05, usual=(0.01,) * 4), "at most 0.100"),
    ("agreement", PASSED, fitted(disagreement=0.05, usual=(0.0,) * 5), "at most 0.100"),
    ("agreement", UNKNOWN, fitted(disagreement=NAN), "how far the fits disagree"),
    ("labels", PASSED, e.evidence(), "newest stretch is 0.400, and was 0.300 to 0.500"),
    ("labels", FAILED, fitted(label=0.71), "further than max_label_shift allows"),
    ("labels", FAILED, fitted(label=0.09), "further than max_label_shift allows"),
    ("labels", PASSED, fitted(label=0.99, labels=(0.1,) * 4), "too few"),
    (
        "labels",
        PASSED,
        fitted(label=0.003, label_error=0.003, labels=(0.0,) * 8),
        "0.003, and was 0.000 to 0.000 in the 8 stretches before: by no more than two",
    ),
    ("labels", FAILED, fitted(label=0.9, label_error=0.017, labels=(0.0,) * 8), "further than"),
    ("labels", FAILED, fitted(label=1.0, label_error=0.0, labels=(0.0,) * 8), "further than"),
    ("labels", UNKNOWN, fitted(label=NAN), "unknown"),
]


@pytest.mark.parametrize(("name", "status", "evidence", "words"), TABLE)
def test_a_check(name: str, status: str, evidence: Evidence, words: str) -> None:
    check = found(name, evidence)

    assert check.status == status, check.reason
    assert words in check.reason


@pytest.mark.parametrize("name", sorted({row[0] for row in TABLE}))
def test_every_check_can_fail_and_stop_the_promotion(name: str) -> None:
    stopped = [row for row in TABLE if row[0] == name and row[1] != PASSED]

    assert any(status == FAILED for _, status, _, _ in stopped)
    assert not any(passed(judge(GATE, evidence)) for _, _, evidence, _ in stopped)


def test_the_table_knows_every_check() -> None:
    assert {row[0] for row in TABLE} == {check.name for check in judge(GATE, e.evidence())}


def test_good_evidence_passes_every_check() -> None:
    assert [c for c in judge(GATE, e.evidence()) if c.status != PASSED] == []
    assert [c for c in judge(GATE, e.first()) if c.status != PASSED] == []


@pytest.mark.parametrize(("low", "status"), [(-0.03, FAILED), (-0.01, PASSED)])
def test_a_negative_improvement_lets_a_slightly_worse_challenger_pass(
    low: float, status: str
) -> None:
    evidence = e.evidence(against_champion=e.difference("champion v3", low))

    check = found("better_than_champion", evidence, e.gate(min_improvement=-0.02))

    assert check.status == status


def test_slices_and_calibration_are_judged_only_if_declared() -> None:
    subject = replace(e.evidence().subject, slices=())

    names = {c.name for c in judge(e.gate(max_calibration_error=None), e.evidence(subject=subject))}

    assert names.isdisjoint({"slices", "calibration"})


def test_where_only_sentences_are_read_no_feature_is_asked_for_a_leak() -> None:
    subject = replace(e.evidence().subject, sentences=True)

    names = {check.name for check in judge(GATE, e.evidence(subject=subject, single=None))}

    assert "leak" not in names
