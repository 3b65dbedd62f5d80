"""Will the price rise tomorrow? Mostly nobody can tell, and then the gate says so and refuses."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evergreen.spec import (
    Business,
    Candidate,
    Features,
    Gate,
    Kind,
    Release,
    Slice,
    Source,
    UseCase,
    Windows,
)

if TYPE_CHECKING:
    import pandas as pd


def indicators(raw: "pd.DataFrame") -> "pd.DataFrame":
    """Compute each ticker's technical indicators from its adjusted close up to the day."""
    import pandas as pd

    found = [_of_one(rows) for _, rows in raw.groupby("ticker", sort=False)]
    return pd.concat(found).reindex(raw.index)


def _of_one(rows: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    price, day = rows["adjusted"], pd.to_datetime(rows["date"])
    daily, macd = price.pct_change(), ema(price, 12) - ema(price, 26)
    found = {
        "over_sma_5": price / price.rolling(5).mean() - 1,
        "over_sma_20": price / price.rolling(20).mean() - 1,
        "over_ema_12": price / ema(price, 12) - 1,
        "rsi_14": rsi(price, 14),
        "macd": macd / price,
        "macd_histogram": (macd - ema(macd, 9)) / price,
        "volatility_20": daily.rolling(20).std(),
        "momentum_10": price.pct_change(10),
        "return_1": daily,
        "weekday": day.dt.dayofweek.astype(str),
        "month": day.dt.month.astype(str),
    }
    return pd.DataFrame(found, index=rows.index)


def ema(price: "pd.Series", span: int) -> "pd.Series":
    """Exponential moving average, weight 2 / (span + 1)."""
    return price.ewm(span=span, adjust=False).mean()


def rsi(price: "pd.Series", span: int) -> "pd.Series":
    """Wilder's relative strength index, 0 to 100 (New Concepts in Technical Trading, 1978)."""
    change = price.diff()
    up = change.clip(lower=0).ewm(alpha=1 / span, adjust=False).mean()
    down = (-change).clip(lower=0).ewm(alpha=1 / span, adjust=False).mean()
    return 100 * up / (up + down)


def worth(raw: "pd.DataFrame", truth: Any, rises: Any) -> dict[str, float]:  # noqa: ARG001
    """Simulate the profit of holding what is said to rise; each trade costs 0.05 %."""
    from evergreen.spec.trading import simulate

    return simulate(raw["date"], raw["ticker"], raw["adjusted"], rises == 1, cost=0.0005)


def logistic() -> Any:
    """Return a linear model."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.01, max_iter=1000)


def forest() -> Any:
    """Return a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=40, min_samples_leaf=50, random_state=0)


def boosting() -> Any:
    """Return gradient-boosted trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=6, random_state=0)


def holding() -> Any:
    """Return "it rises", always: buy and hold."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def coin() -> Any:
    """Return heads or tails."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="stratified", random_state=0)


USE_CASE = UseCase(
    name="stocks",
    doc="Will the adjusted close of a US stock be higher on its next trading day?",
    owner="trading-team",
    kind=Kind.BINARY,
    source=Source(
        table="stocks",
        key=("ticker", "date"),
        timestamp="date",
        target="rises",
        target_sql="lead(adjusted) OVER (PARTITION BY ticker ORDER BY date) > adjusted",
        label_delay=timedelta(days=5),  # over the longest weekend, the next close is known
        max_age=timedelta(days=6),
    ),
    windows=Windows(holdout=timedelta(days=365), embargo=timedelta(days=5)),
    features=Features(
        function=indicators,
        inputs=("ticker", "date", "adjusted"),
        lookback=timedelta(days=400),
        numeric=(
            "over_sma_5",
            "over_sma_20",
            "over_ema_12",
            "rsi_14",
            "macd",
            "macd_histogram",
            "volatility_20",
            "momentum_10",
            "return_1",
        ),
        categorical=("weekday", "month"),
    ),
    candidates=(
        Candidate(name="logistic", build=logistic),
        Candidate(name="forest", build=forest),
        Candidate(name="boosting", build=boosting, search={"learning_rate": [0.03, 0.1]}),
    ),
    baselines=(
        Candidate(name="buy_and_hold", build=holding),
        Candidate(name="coin", build=coin),
    ),
    gate=Gate(
        metric="roc_auc",
        floors={"roc_auc": 0.55, "accuracy": 0.53},
        min_rows=500,
        max_calibration_error=0.1,
        min_business=0.0,
    ),
    release=Release(on_paper=True),  # the gate refuses, and still one wants to see what it says
    business=Business(measure=worth, unit="above the Sharpe ratio of buy and hold"),
    slices=(Slice(name="ticker", by="ticker"),),
    tags=("demo",),
)
