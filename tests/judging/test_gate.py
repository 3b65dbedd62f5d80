"""The gate fails closed, and says in one sentence what it decided and why."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evidences as e
from evergreen.judging.evidence import Evidence, Role
from evergreen.judging.gate import check, inspect, judge, passed, sentence, serve
from evergreen.refs import Check, Span, Status, Verdict
from evergreen.spec import Gate


def say(evidence: Evidence, gate: Gate | None = None) -> str:
    gate = gate or e.gate()
    return sentence(gate, evidence, judge(gate, evidence))


def test_no_checks_are_not_a_pass() -> None:
    assert not passed([])
    assert "without checks nothing is proved" in sentence(e.gate(), e.evidence(), [])


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNKNOWN, "", "PASSED", "skipped"])
def test_one_check_that_is_not_passed_shuts_the_gate(status: str) -> None:
    good = Check(name="floor", status=Status.PASSED, reason="")

    assert passed([good, good])
    assert not passed([good, Check(name="size", status=status, reason="")])


def test_a_check_that_breaks_is_unknown() -> None:
    def broken(gate: Gate, evidence: Evidence) -> tuple[bool, str]:
        raise ZeroDivisionError("division by zero")

    found = check("broken", broken, e.gate(), e.evidence())

    assert found.status == Status.UNKNOWN
    assert found.reason == "the check itself broke: ZeroDivisionError: division by zero"


def test_promotes_the_first_champion_in_words() -> None:
    assert say(e.first()) == (
        "Promote boosting as the first champion: all 9 checks passed (roc_auc 0.740 against the"
        " floor 0.680, baseline climatology 0.660)."
    )


def test_where_less_is_better_the_threshold_is_a_ceiling() -> None:
    good = Check(name="size", status=Status.PASSED, reason="")

    said = sentence(e.gate(metric="log_loss"), e.first(against_baseline=None), [good])

    assert "(log_loss 0.500 against the ceiling 0.600)" in said


def test_promotes_over_a_champion_in_words() -> None:
    assert say(e.evidence()) == (
        "Promote boosting over champion v3: all 9 checks passed (roc_auc 0.740 against the floor"
        " 0.680, baseline climatology 0.660, +0.030 against the champion, 95 % interval +0.010 to"
        " +0.050)."
    )


def test_keeps_the_champion_in_words() -> None:
    evidence = e.evidence(against_champion=e.difference("champion v3", -0.016))

    assert say(evidence) == (
        "Kept champion v3: the challenger boosting is not better on roc_auc: +0.004 (95 % interval"
        " -0.016 to +0.024 must lie above 0)."
    )


def test_tells_a_failure_before_what_is_unknown_and_names_the_others() -> None:
    unknown = e.challenger(calibration_error=None, slices={})
    evidence = e.evidence(models=unknown, holdout=Span(rows=20))

    assert say(evidence) == (
        "Kept champion v3: the holdout has 20 rows, fewer than 100; slices and calibration did not"
        " pass either."
    )


def test_says_that_there_is_no_champion_yet() -> None:
    assert say(e.first(holdout=Span(rows=20))).startswith("No champion yet: the holdout")


def kept() -> Evidence:
    return e.evidence(against_champion=e.difference("champion v3", -0.016))


def served(evidence: Evidence) -> str:
    checks = judge(e.gate(), evidence)
    recipes = Verdict(
        evaluation=None,  # type: ignore[arg-type]
        passed=passed(checks),
        sentence=sentence(e.gate(), evidence, checks),
        checks=checks,
        report="",
    )
    return serve(evidence, recipes, inspect(e.gate(), evidence))


def test_tells_a_refresh_with_what_it_learned_and_why_nobody_took_over() -> None:
    assert served(kept()) == (
        "Refreshed boosting, the recipe in charge: it has learned from 1,380 rows up to 2026-11-18"
        " (before: 2026-11-17). No other recipe takes over: the challenger boosting is not better"
        " on roc_auc: +0.004 (95 % interval -0.016 to +0.024 must lie above 0)."
    )


def test_tells_why_a_fit_may_not_serve() -> None:
    assert served(replace(kept(), golden_difference=0.5)) == (
        "Kept champion v3: the new fit of boosting was not let through: the stored model is off"
        " its golden predictions by 0.500."
    )


def test_a_fit_of_a_recipe_that_takes_over_is_told_by_the_gate() -> None:
    assert served(e.evidence()).startswith("Promote boosting over champion v3: all 9 checks")


BELOW = {"roc_auc": 0.6, "log_loss": 0.5}


def test_below_the_floor_a_surely_better_challenger_takes_over_from_one_that_is_below_too() -> None:
    models = tuple(
        replace(one, metrics=BELOW | {"roc_auc": 0.4 if one.role is Role.CHAMPION else 0.6})
        if one.role in {Role.CHAMPION, Role.CHALLENGER}
        else replace(one, metrics=BELOW | {"roc_auc": 0.5})
        for one in e.evidence().models
    )

    [floor] = [c for c in judge(e.gate(), e.evidence(models=models)) if c.name == "floor_roc_auc"]

    assert floor.status == Status.PASSED
    assert "as is champion v3 (0.400), but surely better than it" in floor.reason


@pytest.mark.parametrize("low", [0.0, -0.01])
def test_below_the_floor_one_that_is_not_surely_better_does_not(low: float) -> None:
    models = tuple(replace(one, metrics=BELOW) for one in e.evidence().models)
    evidence = e.evidence(models=models, against_champion=e.difference("champion v3", low))

    [floor] = [c for c in judge(e.gate(), evidence) if c.name == "floor_roc_auc"]

    assert floor.status == Status.FAILED


def test_without_a_champion_the_floor_stands() -> None:
    models = tuple(replace(one, metrics=BELOW) for one in e.first().models)

    [floor] = [c for c in judge(e.gate(), e.first(models=models)) if c.name == "floor_roc_auc"]

    assert floor.status == Status.FAILED


NUMBERS = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


@given(auc=NUMBERS, low=NUMBERS, golden=NUMBERS, calibration=NUMBERS, latency=NUMBERS)
def test_whatever_the_figures_nothing_passes_that_is_no_number(
    auc: float | None,
    low: float | None,
    golden: float | None,
    calibration: float | None,
    latency: float | None,
) -> None:
    figures = (auc, low, golden, calibration, latency)
    metrics = {"log_loss": 0.5} if auc is None else {"log_loss": 0.5, "roc_auc": auc}
    evidence = e.evidence(
        models=e.challenger(metrics=metrics, calibration_error=calibration),
        against_champion=None if low is None else e.difference("champion v3", low),
        golden_difference=golden,
        latency_ms=latency,
    )

    checks = (*judge(e.gate(), evidence), *inspect(e.gate(), evidence))

    if not all(figure is not None and math.isfinite(figure) for figure in figures):
        assert not passed(checks)
    assert sentence(e.gate(), evidence, checks)
