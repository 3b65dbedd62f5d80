"""Intervals, fairness and worth, each passed, failed and unknown."""

from dataclasses import replace
from typing import Any

import pytest

import evidences as e
from evergreen.errors import DeclarationError
from evergreen.judging.evidence import Evidence, Interval, Role, SliceScore
from evergreen.judging.gate import judge
from evergreen.refs import Check, Status
from evergreen.spec import Business, Fairness, Gate
from learning import CATALOG

NAN = float("nan")
FAIR = Fairness(slice="gender", rate="recall", most=0.1)


def outcome(name: str, gate: Gate, evidence: Evidence) -> Check:
    [found] = [check for check in judge(gate, evidence) if check.name == name]
    return found


def subject(**changes: Any) -> Evidence:
    good = e.evidence()
    return replace(good, subject=replace(good.subject, **changes))


def covered(share: float | None) -> Evidence:
    interval = None if share is None else Interval(coverage=share, half_width=0.5)
    models = e.challenger(interval=interval)
    return replace(subject(interval=0.9), models=models)


@pytest.mark.parametrize(
    ("share", "status", "words"),
    [
        (
            0.91,
            Status.PASSED,
            "hold 91.0 % of the held-out values (± 0.500, promised 90 %, at least 85.0 %)",
        ),
        (0.86, Status.PASSED, "86.0 %"),
        (0.80, Status.FAILED, "hold only 80.0 % .*at least 85.0 %"),
        (None, Status.UNKNOWN, "the coverage of the challenger boosting is unknown"),
    ],
)
def test_intervals_must_hold_what_they_promise(
    share: float | None, status: str, words: str
) -> None:
    found = outcome("coverage", e.gate(), covered(share))

    assert found.status == status
    assert all(part in found.reason for part in words.split(" .*"))


def test_coverage_is_not_asked_of_a_use_case_without_intervals() -> None:
    assert "coverage" not in {check.name for check in judge(e.gate(), e.evidence())}


def groups(**recalls: float) -> Evidence:
    scores = {
        name: SliceScore(rows=10 if name == "other" else 200, metrics={"recall": recall})
        for name, recall in recalls.items()
    }
    return e.evidence(models=e.challenger(slices={"gender": scores}))


@pytest.mark.parametrize(
    ("recalls", "status", "words"),
    [
        ({"female": 0.80, "male": 0.75}, Status.PASSED, "0.050 apart (at most 0.100)"),
        (
            {"female": 0.80, "male": 0.60},
            Status.FAILED,
            "recall is 0.600 for gender = male and 0.800 for female: 0.200 apart, more than 0.100",
        ),
        ({"female": 0.80, "other": 0.10}, Status.UNKNOWN, "fewer than two groups of gender"),
        (
            {"female": 0.80, "male": float("nan")},
            Status.UNKNOWN,
            "fewer than two groups of gender have 30 held-out rows and a recall;"
            " recall where gender = male is unknown",
        ),
        (
            {"female": 0.80, "male": 0.75, "none": float("nan")},
            Status.PASSED,
            "(at most 0.100); recall where gender = none is unknown",
        ),
    ],
)
def test_a_rate_must_not_differ_too_much_between_large_groups(
    recalls: dict[str, float], status: str, words: str
) -> None:
    found = outcome("fairness_gender_recall", e.gate(fairness=(FAIR,)), groups(**recalls))

    assert found.status == status
    assert words in found.reason


def worth(
    business: dict[str, float] | None, baseline: dict[str, float] | None = None, **changes: Any
) -> Evidence:
    """A challenger that is worth so much, and baselines that are worth 5.5, or this."""
    models = tuple(
        replace(one, business=baseline or {"value": 5.5}) if one.role is Role.BASELINE else one
        for one in e.challenger(business=business, threshold=0.38)
    )
    return replace(subject(unit="USD"), models=models, **changes)


@pytest.mark.parametrize(
    ("evidence", "status", "words"),
    [
        (
            worth({"value": 6.0, "more": -1.0}),
            Status.PASSED,
            "value is 6.000 USD, saying positive from a probability of 0.380 on (at least 5.000;"
            " the baseline climatology: 5.500)",
        ),
        (worth({"value": 4.0}), Status.FAILED, "of 0.380 on, less than 5.000"),
        (worth({"value": 5.2}), Status.FAILED, "less than the 5.500 of the baseline climatology"),
        (
            worth({"value": 1287.0}, constants={"0": 1318.0, "1": 0.0}),
            Status.FAILED,
            "value is 1,287.0 USD, saying positive from a probability of 0.380 on,"
            " less than the 1,318.0 of answering 0 for all",
        ),
        (worth({"value": 6.0}, constants=None), Status.UNKNOWN, "answer the same for all is unkn"),
        (worth({"value": 6.0}, {"value": NAN}), Status.UNKNOWN, "the baseline climatology is unkn"),
        (worth({"value": 6.0}, {"other": 1.0}), Status.UNKNOWN, "baseline climatology is unknown"),
        (worth(None), Status.UNKNOWN, "is worth is unknown"),
        (worth({"value": NAN}), Status.UNKNOWN, "value of the challenger boosting is unknown"),
    ],
)
def test_the_first_business_figure_must_be_worth_enough_and_more_than_no_model(
    evidence: Evidence, status: str, words: str
) -> None:
    found = outcome("business", e.gate(min_business=5.0), evidence)

    assert found.status == status
    assert words in found.reason


CHURN, CROP = CATALOG.find("churn"), CATALOG.find("crop")


def test_fairness_names_a_declared_slice() -> None:
    strange = replace(CHURN.gate, fairness=(Fairness(slice="gendre", most=0.1),))

    with pytest.raises(DeclarationError, match="did you mean 'gender'"):
        replace(CHURN, gate=strange)


@pytest.mark.parametrize("changes", [{"rate": "recal"}, {"most": 1.5}])
def test_a_fairness_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=r"fairness\."):
        Fairness(**{"slice": "gender", "most": 0.1, **changes})


def test_a_business_floor_needs_a_measure() -> None:
    with pytest.raises(DeclarationError, match="with business="):
        replace(CROP, gate=replace(CROP.gate, min_business=1.0))


def test_only_two_classes_have_a_threshold() -> None:
    chosen = Business(measure=lambda *_: {"value": 1.0}, unit="", choose_threshold=True)

    with pytest.raises(DeclarationError, match="BINARY only"):
        replace(CROP, business=chosen)


@pytest.mark.parametrize(
    ("surely", "low", "status"),
    [
        (True, 0.01, Status.PASSED),
        (True, -0.01, Status.FAILED),
        (False, -0.01, Status.PASSED),
    ],
)
def test_where_luck_looks_like_skill_the_baseline_must_be_beaten_beyond_doubt(
    surely: bool, low: float, status: str
) -> None:
    evidence = e.evidence(against_baseline=e.difference("climatology", low))

    found = outcome("beats_baseline", e.gate(beat_baseline_surely=surely), evidence)

    assert found.status == status
    assert ("may be no better" in found.reason) == (status == Status.FAILED)
