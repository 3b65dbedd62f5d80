"""How much electricity will Victoria use at this time tomorrow? Half-hourly, with intervals."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evergreen.spec import Candidate, Features, Gate, Kind, Slice, Source, UseCase, Windows

if TYPE_CHECKING:
    import pandas as pd


def features(raw: "pd.DataFrame") -> "pd.DataFrame":
    """Demand now, over the last day and a week before the hour that is predicted."""
    import pandas as pd

    time = pd.to_datetime(raw["time"])
    demand = pd.Series(raw["demand"].to_numpy(), index=time)
    heat = pd.Series(raw["temperature"].to_numpy(), index=time)
    tomorrow = time + timedelta(days=1)
    cooling = (raw["forecast"] - 18).clip(lower=0)
    found = {
        "demand_now": demand,
        "demand_week_before": demand.reindex(time - timedelta(days=6)),
        "demand_yesterday": demand.reindex(time - timedelta(days=1)),
        "demand_hour_ago": demand.reindex(time - timedelta(hours=1)),
        "demand_mean_day": demand.rolling(timedelta(days=1)).mean(),
        "demand_max_day": demand.rolling(timedelta(days=1)).max(),
        "temperature": heat,
        "temperature_max_day": heat.rolling(timedelta(days=1)).max(),
        "forecast": raw["forecast"],
        "cooling": cooling,
        "cooling_squared": cooling**2,
        "warming": raw["forecast"] - raw["temperature"],
        "workday": raw["workday"].astype(float),
        "hour": (time.dt.hour + time.dt.minute / 60).astype(str),
        "weekday_tomorrow": tomorrow.dt.dayofweek.astype(str),
    }
    columns = {name: values.to_numpy() for name, values in found.items()}
    return pd.DataFrame(columns, index=raw.index)


def part_of_day(raw: "pd.DataFrame") -> "pd.Series":
    """Night, morning, afternoon and evening, six hours each."""
    import pandas as pd

    names = ["night", "morning", "afternoon", "evening"]
    return (pd.to_datetime(raw["time"]).dt.hour // 6).map(dict(enumerate(names)))


def linear() -> Any:
    """Return a linear model."""
    from sklearn.linear_model import Ridge

    return Ridge()


def boosting() -> Any:
    """Return gradient-boosted trees."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=15, random_state=0)


def robust() -> Any:
    """Return gradient-boosted trees that heat waves pull less at."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=60, max_leaf_nodes=15, random_state=0
    )


USE_CASE = UseCase(
    name="energy",
    doc="Electricity demand in Victoria at this half-hour tomorrow, in GW.",
    owner="grid-team",
    kind=Kind.REGRESSION,
    source=Source(
        table="energy",
        key=("time",),
        timestamp="time",
        target="demand_tomorrow",
        target_sql=(
            "CASE WHEN lead(time, 48) OVER (ORDER BY time) = time + interval '1 day'"
            " THEN lead(demand, 48) OVER (ORDER BY time) END"
        ),
        label_delay=timedelta(days=1, minutes=30),
        max_age=timedelta(days=2),
    ),
    windows=Windows(
        holdout=timedelta(days=28), training=timedelta(days=270), embargo=timedelta(days=1)
    ),
    features=Features(
        function=features,
        inputs=("time", "demand", "temperature", "forecast", "workday"),
        lookback=timedelta(days=6),
        numeric=(
            "demand_now",
            "demand_week_before",
            "demand_yesterday",
            "demand_hour_ago",
            "demand_mean_day",
            "demand_max_day",
            "temperature",
            "temperature_max_day",
            "forecast",
            "cooling",
            "cooling_squared",
            "warming",
            "workday",
        ),
        categorical=("hour", "weekday_tomorrow"),
    ),
    candidates=(
        Candidate(name="linear", build=linear, windows=(None, timedelta(days=60))),
        Candidate(name="boosting", build=boosting),
        Candidate(name="robust", build=robust),
    ),
    baselines=(
        Candidate(name="seasonal_naive", build=linear, columns=("demand_week_before",)),
        Candidate(name="persistence", build=linear, columns=("demand_now",)),
    ),
    gate=Gate(
        metric="mae",
        floors={"mae": 0.45, "r2": 0.5, "mape": 0.1},
        min_rows=1000,
        # Four weeks that resemble one another do not prove it: +0.09 ± 0.64 in one run.
        beat_baseline_surely=False,
        slice_tolerance=0.15,
        coverage_tolerance=0.1,
        max_latency_ms=250,
    ),
    interval=0.9,
    slices=(Slice(name="part of day", by=part_of_day),),
    tags=("demo",),
)
