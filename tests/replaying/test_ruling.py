"""Which recipe is in charge from a cut on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from evergreen.replaying.ruling import rule
from evergreen.spec import Windows
from replays import CHURNING, START, history, table

HOLDOUT = timedelta(days=60)


@pytest.mark.parametrize(("floor", "recipe"), [(0.75, "logistic_30d"), (0.05, "logistic")])
def test_a_champion_that_fell_below_its_floor_is_replaced_by_what_the_newest_quarter_tells(
    floor: float, recipe: str
) -> None:
    change = START + timedelta(days=435)
    gate = replace(CHURNING.gate, floors={"roc_auc": floor})
    judged = replace(CHURNING, windows=Windows(holdout=HOLDOUT), gate=gate)
    before = history(table(change), judged)
    month = next(n for n, cut in enumerate(before.period.cuts) if cut > change + timedelta(days=30))

    found = rule(before, month, "logistic", HOLDOUT)

    assert found.recipe == recipe
