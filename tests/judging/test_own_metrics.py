"""A metric that is only a function: measured, compared with intervals, and a ground to refuse."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evidences as e
from evergreen.errors import DeclarationError
from evergreen.judging import jackknife
from evergreen.judging.differences import compare
from evergreen.judging.evidence import Evidence
from evergreen.judging.gate import judge
from evergreen.judging.influence import influence
from evergreen.judging.report import document
from evergreen.judging.units import Units
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.refs import CandidateRef, Check, Status
from evergreen.settings import Settings
from evergreen.spec import Kind, Metric, Scale
from learning import IRIS, WEATHER
from verdicts import verdict_on

Array = np.ndarray[Any, Any]


def cost(truth: Array, said: Array) -> float:
    """A miss costs five, a false alarm one."""
    return float((5 * (truth & ~said.astype(bool)) + (~truth & said.astype(bool))).mean())


def absolute(truth: Array, said: Array) -> float:
    return float(np.abs(truth - said).mean())


TRAINED = CandidateRef(name="c", run_id="r", cv={}, metrics={}, seconds=1)
COST = Metric(name="cost", function=cost, more_is_better=False)
MINE = Scale(Kind.REGRESSION, (Metric(name="mine", function=absolute, more_is_better=False),))


def times(days: int, each: int) -> "pd.Series[Any]":
    return pd.Series(pd.date_range("2026-01-01", periods=days, freq="D").repeat(each))


def panel() -> Units:
    return Units.of(times(60, 20), pd.Series(list(range(20)) * 60, name="store"), 1_200)


UNITS: dict[str, Callable[[], Units]] = {
    "rows": lambda: Units.of(None, None, 1_200),
    "days": lambda: Units.of(times(60, 20), None, 1_200),
    "many days": lambda: Units.of(times(600, 2), None, 1_200),
    "groups": lambda: Units.of(None, pd.Series(np.arange(1_200) // 10, name="farm"), 1_200),
    "both": panel,
}


@pytest.mark.parametrize("units", UNITS.values(), ids=UNITS.keys())
def test_the_interval_is_that_of_the_same_metric_with_a_formula(
    units: Callable[[], Units],
) -> None:
    draw, of = np.random.default_rng(5), units()
    shared = draw.normal(size=1_200 // 20).repeat(20)
    truth = draw.normal(size=1_200)
    ours, theirs = (Output(truth + shared * k + draw.normal(size=1_200)) for k in (0.3, 0.6))

    known = compare(Kind.REGRESSION, "mae", truth, {"": ours}, theirs, of)[""]
    found = compare(MINE, "mine", truth, {"": ours}, theirs, of)[""]

    assert found.estimate == pytest.approx(known.estimate)
    assert 0.7 < (found.high - found.low) / (known.high - known.low) < 1.4


def test_a_figure_is_computed_a_bounded_number_of_times() -> None:
    asked: list[int] = []

    def figure(kept: Array) -> float:
        asked.append(int(kept.sum()))
        return float(kept.sum())

    jackknife.influence(figure, 5_000.0, Units.of(None, None, 5_000))

    assert len(asked) == jackknife.MOST
    assert set(asked) == {4_975}


def test_probabilities_are_those_of_the_positive_class() -> None:
    seen: list[Array] = []
    metric = Metric(
        name="seen", function=lambda _, said: seen.append(said), more_is_better=True,
        reads="probabilities",
    )  # fmt: skip
    output = Output(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]))

    found = metrics.score(Scale(Kind.BINARY, (metric,)), np.array([0, 1]), output)

    assert "seen" not in found and "accuracy" in found
    assert seen[0].tolist() == [0.1, 0.8]


@pytest.mark.parametrize("name", ["average_precision", "balanced_accuracy"])
def test_influences_tell_what_the_metric_loses_without_a_row(name: str) -> None:
    draw = np.random.default_rng(0)
    chance = draw.random(400).round(2)
    truth = (draw.random(400) < chance).astype(int)
    output = Output((chance > 0.5) * 1, np.column_stack([1 - chance, chance]), np.array([0, 1]))

    def figure(kept: Array) -> float:
        return metrics.score(Kind.BINARY, truth[kept], output.take(kept), [name])[name]

    everything = np.ones(400, dtype=bool)
    without = [figure(np.arange(400) != row) for row in range(400)]
    lost = 399 * (figure(everything) - np.array(without))

    found = influence(Kind.BINARY, name, truth, output)
    assert found.sum() == pytest.approx(0, abs=1e-9)
    assert np.corrcoef(found, lost)[0, 1] > 0.999
    assert found.std() == pytest.approx(lost.std(), rel=0.02)


def test_the_gate_may_name_it() -> None:
    gate = replace(WEATHER.gate, metric="cost", floors={"cost": 0.5})

    use_case = replace(WEATHER, metrics=(COST,), gate=gate)

    assert not use_case.more_is_better
    assert use_case.scale.directions["cost"] is False
    with pytest.raises(DeclarationError, match=r"'costs'.*did you mean 'cost'"):
        replace(use_case, gate=replace(gate, metric="costs"))


@pytest.mark.parametrize("names", [("mine", "mine"), ("f1",), ("pinball_50",)])
def test_its_name_is_its_own(names: tuple[str, ...]) -> None:
    own = tuple(replace(COST, name=name) for name in names)

    with pytest.raises(DeclarationError, match="names that differ, and none of ours"):
        replace(WEATHER, metrics=own)
    with pytest.raises(DeclarationError, match=r"metric\.reads is 'rows'"):
        replace(COST, reads="rows")


def test_a_quantile_is_measured_when_the_gate_names_it() -> None:
    crop = replace(
        IRIS,
        kind=Kind.REGRESSION,
        gate=replace(IRIS.gate, metric="pinball_90", floors={"pinball_90": 3.0}),
    )

    assert list(crop.scale.beside) == ["pinball_90"]
    with pytest.raises(DeclarationError, match="pinball_01 to pinball_99"):
        replace(crop, gate=replace(crop.gate, metric="pinball_0"))


def enough_stores(evidence: Evidence) -> tuple[bool, str]:
    rows = evidence.holdout.rows
    return rows >= 1_000, f"{rows} rows of at least 1,000"


def broken(evidence: Evidence) -> tuple[bool, str]:
    raise LookupError("no such store")


def wordless(evidence: Evidence) -> bool:
    return True


def own(check: Callable[[Evidence], Any], evidence: Evidence) -> Check:
    gate = e.gate(checks=(check,))
    return next(one for one in judge(gate, evidence) if one.name == f"own_{check.__name__}")


def test_a_check_of_ones_own_passes_or_fails_with_its_reason() -> None:
    good = e.evidence()
    few = replace(good, holdout=replace(good.holdout, rows=10))
    many = replace(good, holdout=replace(good.holdout, rows=1_000))

    assert own(enough_stores, many).status == Status.PASSED
    refused = own(enough_stores, few)
    assert (refused.status, refused.reason) == (Status.FAILED, "10 rows of at least 1,000")


@pytest.mark.parametrize(
    ("check", "words"), [(broken, "LookupError: no such store"), (wordless, "not (passed, reason)")]
)
def test_a_check_of_ones_own_that_breaks_has_not_passed(
    check: Callable[[Evidence], Any], words: str
) -> None:
    found = own(check, e.evidence())

    assert found.status == Status.UNKNOWN
    assert words in found.reason


def test_checks_of_ones_own_have_names() -> None:
    with pytest.raises(DeclarationError, match=r"gate\.checks.*whose names differ"):
        e.gate(checks=(enough_stores, enough_stores))
    for nameless in (enough_stores, (partial(broken),)):
        with pytest.raises(DeclarationError, match=r"gate\.checks"):
            e.gate(checks=nameless)


def test_the_report_names_them(settings: Settings) -> None:
    gate, evidence = e.gate(checks=(enough_stores,)), e.evidence()

    told = document(gate, evidence, verdict_on(WEATHER, TRAINED), settings)

    assert told["gate"]["checks"] == ["enough_stores"]
