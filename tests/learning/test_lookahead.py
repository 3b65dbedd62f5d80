from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergreen.errors import DeclarationError
from evergreen.learning import features, lookahead
from evergreen.learning.feature_code import FeatureCode
from learning import IRIS, WEATHER, iris_rows, weather_rows

RAW = weather_rows()
WHOLE = features.compute(WEATHER, RAW)


def step(expression: str) -> FeatureCode:
    source = f"def features(raw):\n    return raw.assign(x={expression})[['x']]\n"
    return FeatureCode(source, "features", ["wind"], ["x"])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, len(RAW)))
def test_weather_features_of_a_row_read_that_row_and_its_past(rows: int) -> None:
    past = features.compute(WEATHER, RAW.iloc[:rows])

    numbers = list(WEATHER.features.numeric)
    pd.testing.assert_frame_equal(past[numbers], WHOLE[numbers].iloc[:rows], atol=1e-9)
    assert (past["month"] == WHOLE["month"].iloc[:rows]).all()


@pytest.mark.parametrize(
    "expression",
    [
        "raw.wind.shift(-1)",
        "raw.wind - raw.wind.mean()",
        "raw.wind.rolling(3, center=True).mean()",
        "raw.wind.bfill().rank()",
    ],
)
def test_a_feature_that_looks_ahead_is_named(expression: str) -> None:
    with pytest.raises(DeclarationError, match=r"'x'.*looks ahead"):
        lookahead.check_no_lookahead(step(expression), RAW, WEATHER)


def test_a_feature_that_looks_back_further_than_declared_is_named() -> None:
    code = step("raw.wind.rolling(30).mean()")

    with pytest.raises(DeclarationError, match=r"'x'.*features\.lookback"):
        lookahead.check_no_lookahead(code, RAW, WEATHER)


def test_a_feature_within_its_lookback_passes() -> None:
    declared = replace(WEATHER.features, lookback=timedelta(days=30))
    use_case = replace(WEATHER, features=declared)

    lookahead.check_no_lookahead(step("raw.wind.rolling(30).mean()"), RAW, use_case)


def test_without_time_a_row_gives_its_features_alone() -> None:
    raw = iris_rows().rename(columns={"sepal_width": "wind"})

    lookahead.check_no_lookahead(step("raw.wind * 2"), raw, IRIS)
    with pytest.raises(DeclarationError, match="comes alone"):
        lookahead.check_no_lookahead(step("raw.wind.rank()"), raw, IRIS)


@pytest.mark.parametrize("use_case", [WEATHER, IRIS], ids=lambda u: u.name)
def test_the_use_cases_of_the_project_pass(use_case) -> None:
    raw = RAW if use_case is WEATHER else iris_rows()

    lookahead.check_no_lookahead(features.code(use_case), raw, use_case)


PANEL = replace(
    WEATHER, source=replace(WEATHER.source, key=("store", "date")), windows=WEATHER.windows
)


def panel(days: int, stores: int) -> pd.DataFrame:
    """Rows in the order of time, as a snapshot has them."""
    return pd.DataFrame(
        {
            "date": pd.date_range("2026-01-01", periods=days).repeat(stores),
            "store": list(range(stores)) * days,
            "wind": np.random.default_rng(0).normal(size=days * stores),
        }
    )


def of_a_panel(expression: str) -> FeatureCode:
    source = f"def features(raw):\n    return raw.assign(x={expression})[['x']]\n"
    return FeatureCode(source, "features", ["store", "wind"], ["x"])


@pytest.mark.parametrize(("days", "stores"), [(3, 2_500), (2, 5_000), (2_000, 4), (60, 300)])
@pytest.mark.parametrize(
    "expression",
    [
        "raw.groupby('store').wind.shift(-1)",
        "raw.wind - raw.groupby('store').wind.transform('mean')",
    ],
)
def test_a_feature_that_looks_ahead_in_a_panel_is_named(
    days: int, stores: int, expression: str
) -> None:
    with pytest.raises(DeclarationError, match=r"'x'.*looks ahead"):
        lookahead.check_no_lookahead(of_a_panel(expression), panel(days, stores), PANEL)


@pytest.mark.parametrize(("days", "stores"), [(3, 2_500), (2_000, 4), (60, 300), (1, 3_000)])
def test_a_feature_of_an_entity_and_its_past_passes(days: int, stores: int) -> None:
    code = of_a_panel("raw.groupby('store').wind.transform(lambda w: w.rolling(3).mean())")

    lookahead.check_no_lookahead(code, panel(days, stores), PANEL)


def test_a_panel_costs_no_more_than_some_thousand_rows() -> None:
    code = of_a_panel("raw.wind")
    asked: list[int] = []

    class Counted(FeatureCode):
        def transform(self, raw: pd.DataFrame) -> pd.DataFrame:
            asked.append(len(raw))
            return super().transform(raw)

    counted = Counted(code.source, code.function, code.inputs, code.numeric)
    lookahead.check_no_lookahead(counted, panel(100, 2_000), PANEL)

    assert max(asked) <= lookahead.ROWS
    assert len(asked) <= 2 * (1 + 2 * lookahead.CUTS)
