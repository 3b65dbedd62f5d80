"""The live metric without labels: stored, shown, and a trigger only where it is declared."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bag import USE_CASES
from evergreen.catalog import load
from evergreen.errors import DeclarationError
from evergreen.spec import Gate, Monitoring
from evergreen.watching import verdict
from evergreen.watching.estimate_facts import EstimatedMetric, EstimateFacts
from evergreen.watching.estimating import Estimate
from evergreen.watching.ground import Outside
from watching.conftest import SHOP, Shop
from watching.test_verdict import facts, quality

PROBABLY = EstimatedMetric(
    name="roc_auc", more_is_better=True, floor=0.68,
    estimate=Estimate(name="roc_auc", value=0.55, error=0.01, freedom=30),
)  # fmt: skip


def bought(rows: pd.DataFrame) -> "np.ndarray":
    return rows["bought"].to_numpy()


def test_a_window_without_labels_has_an_estimate_with_its_band(shop: Shop) -> None:
    shop.log(shop.resampled(400))

    seen = shop.watch()

    assert seen.live is None
    assert seen.estimate is not None
    assert seen.estimate.low < seen.holdout < seen.estimate.high
    assert seen.outcome == "calm"
    assert seen.expected is None


def test_it_holds_what_the_labels_tell_when_they_come(shop: Shop) -> None:
    shop.log(shop.resampled(400), label=bought)

    seen = shop.watch()

    assert seen.expected is not None
    assert seen.expected.low <= seen.live <= seen.expected.high
    assert not [told for told in seen.unknowns if "no estimate sees" in told]


def test_labels_that_turned_round_are_told_by_labels_alone(shop: Shop) -> None:
    shop.log(shop.resampled(400), label=lambda rows: 1 - bought(rows))

    seen = shop.watch(trust_estimate=True)

    assert seen.estimate.low > 0.5 > seen.live
    assert any(
        "what rows mean may have changed, which no estimate sees" in t for t in seen.unknowns
    )
    assert not any("without labels" in alarm for alarm in seen.alarms)


def test_the_report_says_what_it_cannot_see(shop: Shop) -> None:
    shop.log(shop.resampled(400), label=bought)

    seen = shop.watch()

    page = (shop.settings.home / "drift" / "shop" / seen.report_id / "report.html").read_text()
    assert "Quality without labels" in page
    assert "It does not see that the same rows have other labels now" in page
    assert "It informs, and triggers nothing." in page


def test_what_was_learned_of_the_walk_forward_is_kept(shop: Shop) -> None:
    shop.log(shop.resampled(400))
    shop.watch()

    kept = shop.settings.home / "drift" / "shop" / "champions"

    assert len(list(kept.glob("*-estimate.json"))) == 1


@pytest.mark.parametrize(("trusted", "outcome"), [(False, "calm"), (True, "critical")])
def test_it_informs_and_triggers_where_that_is_declared(trusted: bool, outcome: str) -> None:
    limits = Monitoring(trust_estimate=trusted)
    found = facts(estimate=EstimateFacts(rows=500, metrics=(PROBABLY,)))

    judged = verdict.judge(found, limits)

    said = (
        "without labels, roc_auc is estimated at 0.550 (0.530 to 0.570); the gate's floor is 0.680"
    )
    assert judged.outcome == outcome
    assert said in (judged.alarms if trusted else judged.unknowns)
    assert verdict.poor(found, limits) == ([said] if trusted else [])


@pytest.mark.parametrize(("trusted", "outcome"), [(False, "calm"), (True, "unknown")])
def test_what_was_extrapolated_triggers_nothing_and_is_not_passed_off_as_known(
    trusted: bool, outcome: str
) -> None:
    limits = Monitoring(trust_estimate=trusted)
    far = replace(PROBABLY, outside=Outside(column="age", share=0.4, usual=0.1))
    found = facts(estimate=EstimateFacts(rows=500, metrics=(far,)))

    judged = verdict.judge(found, limits)

    assert judged.outcome == outcome
    assert verdict.poor(found, limits) == []
    assert any("extrapolated: 40% of the rows or more" in told for told in judged.unknowns)
    assert far.band.outside == 0.4
    assert PROBABLY.band.outside == 0.0


def test_rows_that_no_walk_forward_held_are_told(shop: Shop) -> None:
    older = shop.resampled(400)
    shop.log(older.assign(age=older["age"] + 15))

    seen = shop.watch()

    assert seen.estimate is not None
    assert seen.estimate.outside > 0.3
    assert any("are outside what it was calibrated on (by age;" in told for told in seen.unknowns)


def test_where_it_is_trusted_no_estimate_is_unknown() -> None:
    found = facts(estimate=EstimateFacts(problem="the champion gives no probabilities"))

    assert verdict.judge(found, Monitoring()).outcome == "calm"
    assert verdict.judge(found, Monitoring(trust_estimate=True)).outcome == "unknown"


def test_a_live_metric_far_from_its_estimate_is_told() -> None:
    estimate = EstimateFacts(metrics=(PROBABLY,), labelled=(PROBABLY,))

    judged = verdict.judge(facts(quality=quality(), estimate=estimate), Monitoring())

    assert any("roc_auc is 0.750 by labels" in told for told in judged.unknowns)


def test_only_what_can_be_estimated_can_be_trusted() -> None:
    demand = load(USE_CASES).use_cases["energy"]
    explained = Gate(metric="r2", floors={"r2": 0.1})

    with pytest.raises(DeclarationError, match="r2 of kind regression cannot be estimated"):
        replace(demand, monitoring=Monitoring(trust_estimate=True), gate=explained)

    replace(demand, monitoring=Monitoring(trust_estimate=True))
    replace(
        SHOP, monitoring=Monitoring(trust_estimate=True), gate=Gate(metric="f1", floors={"f1": 0.1})
    )
