"""Two columns that go apart only together: found, told, drawn, and a cause to retrain."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evergreen.deciding import policy
from evergreen.refs import Window
from evergreen.spec import Monitoring
from evergreen.watching import pairs
from evergreen.watching.bases import DAY
from evergreen.watching.drift import NUMERIC
from evergreen.watching.facts import UsualFacts
from evergreen.watching.pair_facts import TogetherFacts
from evergreen.watching.together import Scores
from evergreen.watching.yardstick import Stretch, Yardstick
from watching.conftest import END, WINDOW, Shop
from watching.test_yardstick import week


def paired(rows: pd.DataFrame) -> pd.DataFrame:
    """Let who is older come from further away: the same ages, the same distances."""
    known = rows["distance"].notna()
    order = rows.loc[known, "age"].rank(method="first").astype(int).to_numpy() - 1
    further = np.sort(rows.loc[known, "distance"].to_numpy())[order]
    return rows.assign(
        distance=rows["distance"].where(~known, pd.Series(further, rows.index[known]))
    )


def test_two_columns_that_go_apart_only_together_are_drift(shop: Shop) -> None:
    rows = shop.resampled(400).reset_index(drop=True)
    shop.log(paired(rows))

    seen = shop.watch()

    assert (seen.drifted, seen.together) == ((), ("age and distance",))
    assert seen.drift_share == pytest.approx(2 / 6)
    assert seen.outcome == "critical"
    assert "2 of 6 columns drifted" in seen.sentence
    assert "only together age and distance (correlation" in seen.sentence
    assert policy.drifted(seen)


def test_they_are_drawn_without_any_single_row(shop: Shop) -> None:
    shop.log(paired(shop.resampled(400).reset_index(drop=True)))

    seen = shop.watch()

    folder = shop.settings.home / "drift" / "shop" / seen.report_id
    page = (folder / "report.html").read_text()
    assert "distance over age" in page
    assert page.count('class="cell window"') <= 64
    [pair, *_] = shop.report(seen)["facts"]["together"]["found"]
    assert (pair["first"], pair["second"]) in {("age", "distance"), ("distance", "age")}
    assert pair["now"] > 0.9 > 0.2 > abs(pair["before"])


def test_it_may_be_declared_off(shop: Shop) -> None:
    shop.log(paired(shop.resampled(400).reset_index(drop=True)))

    seen = shop.watch(pairs=False)

    assert (seen.outcome, seen.together) == ("calm", ())
    assert shop.report(seen)["facts"]["together"] is None


def test_a_column_that_drifts_by_itself_is_not_told_twice(shop: Shop) -> None:
    rows = paired(shop.resampled(400).reset_index(drop=True))
    shop.log(rows.assign(age=rows["age"] + 24))

    seen = shop.watch()

    assert (seen.drifted, seen.together) == (("age",), ())


def test_windows_that_drift_only_together_ask_for_a_retraining(shop: Shop) -> None:
    shop.log(paired(shop.resampled(400).reset_index(drop=True)))
    seen = shop.watch()
    calm = replace(seen, outcome="calm", together=(), drift_share=0.0)

    assert policy.drifted(seen)
    assert not policy.drifted(calm)


def test_calm_weeks_are_calm_for_pairs_too(weather: Shop) -> None:
    weather.log(week(weather))

    seen = weather.watch()

    facts = weather.report(seen)["facts"]["together"]
    assert seen.together == ()
    assert (facts["pairs"] > 0, facts["basis"] != "", facts["problem"]) == (True, True, "")


def test_one_day_asked_for_again_and_again_tells_nothing_of_pairs(weather: Shop) -> None:
    day = weather.rows.iloc[[-1] * 100]
    weather.log(day, end=END)

    seen = weather.watch(Window(start=WINDOW.start, end=WINDOW.end))

    facts = weather.report(seen)["facts"]["together"]
    assert facts["pairs"] == 0
    assert any("how columns go together was not compared" in told for told in seen.unknowns)


def test_where_the_past_does_not_tell_pairs_are_not_taken_for_independent() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=400)
    then, now = (pd.DataFrame({"a": x, "b": sign * x}) for sign in (1, -1))
    kinds = dict.fromkeys(then, NUMERIC)
    history: Any = SimpleNamespace(
        scores=Scores.of(then, kinds, list(then)), rows_of=lambda *_: then
    )
    stretch = Stretch(0.0, DAY, 400)

    def measured(told: UsualFacts) -> TogetherFacts | None:
        held = Yardstick(then, {}, told)
        return pairs.measure(history, held, now, kinds, stretch, 0.01, Monitoring(), ()).facts

    unknown, independent = measured(UsualFacts()), measured(UsualFacts(problem="no time"))

    assert unknown is not None
    assert independent is not None
    assert unknown.problem == "windows of the past do not tell how they usually do"
    assert unknown.beyond == ()
    assert independent.drifted
