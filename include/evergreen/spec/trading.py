"""A simulated portfolio: what a model of tomorrow's direction would have earned, after costs.

simulate(rows["date"], rows["ticker"], rows["adjusted"], said == 1, cost=0.0005)["profit"]
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TRADING_DAYS = 252
"""A year's, by which the Sharpe ratio is scaled."""


def simulate(
    days: "pd.Series[Any]",
    names: "pd.Series[Any]",
    prices: "pd.Series[float]",
    holds: Any,
    *,
    cost: float,
    seed: int = 0,
) -> dict[str, float]:
    """Hold each asset from the close of the days it is said to rise; equal weights, no leverage.

    The last day earns nothing, as its next price is not known. Sharpe ratio: mean / standard
    deviation of the daily returns · √252, without a risk-free rate (Sharpe, Journal of Portfolio
    Management 21, 1994).

    Args:
        days: of each row.
        names: asset of each row.
        prices: adjusted close of each row.
        holds: whether the asset is held until its next close, of each row.
        cost: share of the amount that is lost whenever a position changes.
        seed: of the coin.

    Returns:
        `sharpe_over_holding` (ours less that of buying and holding) first, then profit (a share of
        the capital) and Sharpe ratio of the model, of buy and hold, and of a coin.
    """
    import numpy as np
    import pandas as pd

    table = pd.DataFrame({"day": days, "name": names, "price": prices})
    later = table.groupby("name")["price"].shift(-1)
    table["return"] = (later / table["price"] - 1).fillna(0.0)
    coin = np.random.default_rng(seed).random(len(table)) < 0.5
    found = {
        "": _portfolio(table, np.asarray(holds), cost),
        "_buy_and_hold": _portfolio(table, np.ones(len(table), dtype=bool), cost),
        "_coin": _portfolio(table, coin, cost),
    }
    over = found[""]["sharpe"] - found["_buy_and_hold"]["sharpe"]
    figures = {f"{k}{who}": v for who, both in found.items() for k, v in both.items()}
    return {"sharpe_over_holding": over} | figures


def _portfolio(table: "pd.DataFrame", holds: Any, cost: float) -> dict[str, float]:
    import numpy as np

    held = table.assign(held=holds.astype(float))
    before = held.groupby("name")["held"].shift(1).fillna(0.0)
    held["earned"] = held["held"] * held["return"] - cost * (held["held"] - before).abs()
    daily = held.groupby("day")["earned"].mean()
    spread = float(daily.std())
    sharpe = float(daily.mean()) / spread * math.sqrt(TRADING_DAYS) if spread > 0 else 0.0
    return {"profit": float(np.prod(1 + daily.to_numpy()) - 1), "sharpe": sharpe}
