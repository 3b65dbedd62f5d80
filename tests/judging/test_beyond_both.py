"""After a change of concept champion and challenger may both be beyond a limit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import evidences as e
from evergreen.judging.evidence import Evidence, Role, SliceScore
from evergreen.judging.gate import judge, sentence
from evergreen.refs import Check, Status
from evergreen.spec import Fairness

FAIR = Fairness(slice="gender", most=0.1)
GATE = e.gate(min_business=5.0, fairness=(FAIR,), max_calibration_error=0.1)


def apart(gap: float) -> dict[str, Any]:
    scores = {
        name: SliceScore(rows=200, metrics={"recall": 0.5 + extra})
        for name, extra in (("female", gap), ("male", 0.0))
    }
    return {"slices": {"gender": scores}}


def worth(value: float) -> dict[str, Any]:
    return {"business": {"value": value}}


def off(error: float) -> dict[str, Any]:
    return {"calibration_error": error}


def evidence(ours: dict[str, Any], theirs: dict[str, Any], low: float = 0.01) -> Evidence:
    changed = {Role.CHALLENGER: ours, Role.CHAMPION: theirs, Role.BASELINE: worth(5.5)}
    models = tuple(replace(one, **changed.get(one.role, {})) for one in e.evidence().models)
    against = e.difference("champion v3", low)
    return e.evidence(models=models, against_champion=against, constants={"0": 5.5, "1": 0.0})


def check(name: str, found: Evidence) -> Check:
    return next(one for one in judge(GATE, found) if one.name.startswith(name))


LIMITS: list[tuple[str, Callable[[float], dict[str, Any]], float, float]] = [
    ("calibration", off, 0.2, 0.3),
    ("fairness", apart, 0.2, 0.3),
    ("business", worth, 4.0, 3.0),
]


@pytest.mark.parametrize(("name", "figure", "ours", "theirs"), LIMITS)
def test_a_surely_better_challenger_takes_over_from_a_champion_that_is_farther_beyond(
    name: str, figure: Callable[[float], dict[str, Any]], ours: float, theirs: float
) -> None:
    found = check(name, evidence(figure(ours), figure(theirs)))

    assert found.status == Status.PASSED
    assert ", as is champion v3 (" in found.reason


@pytest.mark.parametrize(("name", "figure", "ours", "theirs"), LIMITS)
def test_one_that_is_farther_beyond_than_the_champion_does_not(
    name: str, figure: Callable[[float], dict[str, Any]], ours: float, theirs: float
) -> None:
    found = check(name, evidence(figure(theirs), figure(ours)))

    assert found.status == Status.FAILED


@pytest.mark.parametrize(("name", "figure", "ours", "theirs"), LIMITS)
def test_one_that_may_be_no_better_does_not(
    name: str, figure: Callable[[float], dict[str, Any]], ours: float, theirs: float
) -> None:
    found = check(name, evidence(figure(ours), figure(theirs), low=0.0))

    assert found.status == Status.FAILED


def test_the_promotion_says_that_both_are_beyond_the_floor() -> None:
    scores = {"metrics": {"roc_auc": 0.62, "log_loss": 0.5}}
    worse = {"metrics": {"roc_auc": 0.42, "log_loss": 0.6}}
    found = evidence(scores | worth(6.0), worse | worth(6.0))

    said = sentence(GATE, found, [check("floor_roc_auc", found)])

    assert "(roc_auc 0.620, below the floor 0.680 as is the champion's, " in said


def test_the_promotion_names_what_else_is_beyond_a_limit() -> None:
    found = evidence(off(0.2) | worth(4.0), off(0.3) | worth(3.0))
    checks = [check("calibration", found), check("business", found)]

    said = sentence(GATE, found, checks)

    assert said.endswith("; beyond a limit, as the champion: calibration and business.")


def test_a_champion_that_is_worth_enough_keeps_out_one_that_is_not() -> None:
    found = check("business", evidence(worth(4.0), worth(6.0)))

    assert found.status == Status.FAILED
