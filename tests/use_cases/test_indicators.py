"""The indicators are those of the textbooks, and none of them knows tomorrow."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import talib

from evergreen.learning import features, lookahead
from evergreen.spec import trading
from evergreen_workshop.demo import stocks
from learning import CATALOG

STOCKS = CATALOG.find("stocks")
LAST = date(2026, 8, 21)
COLUMNS = ["ticker", "date", "open", "high", "low", "close", "adjusted", "volume"]


def prices(days: int = 900) -> pd.DataFrame:
    rows = [row for n in reversed(range(days)) for row in stocks.observe(LAST - timedelta(days=n))]
    return pd.DataFrame(rows, columns=COLUMNS)


RAW = prices()
FOUND = features.compute(STOCKS, RAW)
IBM = (RAW["ticker"] == "IBM").to_numpy()
PRICE = RAW.loc[IBM, "adjusted"].to_numpy()
SETTLED = 300
"""Rows after which an exponential average has forgotten how it began."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("over_sma_5", PRICE / talib.SMA(PRICE, 5) - 1),
        ("over_sma_20", PRICE / talib.SMA(PRICE, 20) - 1),
        ("over_ema_12", PRICE / talib.EMA(PRICE, 12) - 1),
        ("rsi_14", talib.RSI(PRICE, 14)),
        ("macd", talib.MACD(PRICE, 12, 26, 9)[0] / PRICE),
        ("macd_histogram", talib.MACD(PRICE, 12, 26, 9)[2] / PRICE),
        ("momentum_10", talib.ROCP(PRICE, 10)),
        ("return_1", talib.ROCP(PRICE, 1)),
        ("volatility_20", talib.STDDEV(talib.ROCP(PRICE, 1), 20) * np.sqrt(20 / 19)),
    ],
)
def test_an_indicator_is_that_of_ta_lib(name: str, expected: np.ndarray) -> None:
    ours = FOUND.loc[IBM, name].to_numpy()

    np.testing.assert_allclose(ours[SETTLED:], expected[SETTLED:], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("ago", [1, 2, 30])
def test_another_price_tomorrow_changes_no_feature_of_today(ago: int) -> None:
    today = LAST - timedelta(days=ago)
    changed = RAW.copy()
    changed.loc[changed["date"] > today, "adjusted"] *= 1.5

    after = features.compute(STOCKS, changed)

    upto = (RAW["date"] <= today).to_numpy()
    pd.testing.assert_frame_equal(after[upto], FOUND[upto])
    assert not after[~upto].equals(FOUND[~upto])


def test_another_price_of_one_stock_changes_no_feature_of_another() -> None:
    changed = RAW.assign(adjusted=RAW["adjusted"].where(IBM, RAW["adjusted"] * 2))

    after = features.compute(STOCKS, changed)

    pd.testing.assert_frame_equal(after[IBM], FOUND[IBM])


def test_the_declared_lookback_is_long_enough() -> None:
    raw = RAW.assign(date=pd.to_datetime(RAW["date"]))

    lookahead.check_no_lookahead(features.code(STOCKS), raw, STOCKS)


def simulate(prices: list[float], holds: list[bool], cost: float = 0.0) -> dict[str, float]:
    days, names = pd.Series(range(len(prices))), pd.Series(["a"] * len(prices))
    return trading.simulate(days, names, pd.Series(prices), np.array(holds), cost=cost)


def test_profit_is_that_of_the_days_held() -> None:
    found = simulate([100, 110, 99, 99], [True, False, True, False])

    assert found["profit"] == pytest.approx(0.10)
    assert found["profit_buy_and_hold"] == pytest.approx(-0.01)


def test_every_change_of_position_costs() -> None:
    found = simulate([100, 100, 100, 100], [True, False, True, True], cost=0.01)

    assert found["profit"] == pytest.approx(0.99**3 - 1)
    assert found["profit_buy_and_hold"] == pytest.approx(-0.01)


def test_the_sharpe_ratio_is_mean_over_deviation_a_year() -> None:
    found = simulate([100, 110, 99, 108.9], [True, True, True, True])

    daily = np.array([0.1, -0.1, 0.1, 0.0])
    assert found["sharpe"] == pytest.approx(daily.mean() / daily.std(ddof=1) * 252**0.5)
    assert found["sharpe_over_holding"] == pytest.approx(0.0)


def test_the_last_day_earns_nothing_as_its_next_price_is_not_known() -> None:
    assert simulate([100, 100], [False, True])["profit"] == 0.0
