"""What will a rice field yield? A panel of farms, of which some are held out as a whole."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evergreen.spec import (
    Between,
    Candidate,
    Features,
    Gate,
    Kind,
    Release,
    Retraining,
    Slice,
    Source,
    UseCase,
    Windows,
)

if TYPE_CHECKING:
    import pandas as pd


def features(raw: "pd.DataFrame") -> "pd.DataFrame":
    """What was sown and spread per hectare, in logarithms, and what it cost."""
    import numpy as np

    found = raw[["status", "varieties", "bimas", "region", "pseed", "purea", "pphosph"]].copy()
    size = raw["size"].clip(lower=0.001)
    for name in ("seed", "urea", "phosphate", "pesticide"):
        found[f"{name}_per_ha"] = np.log1p((raw[name] / size).clip(lower=0))
    found["log_size"] = np.log(size)
    return found


def linear() -> Any:
    """Return a linear model."""
    from sklearn.linear_model import Ridge

    return Ridge()


def forest() -> Any:
    """Return a random forest."""
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(n_estimators=60, random_state=0)


def boosting() -> Any:
    """Return gradient-boosted trees."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=60, max_leaf_nodes=8, random_state=0
    )


USE_CASE = UseCase(
    name="crop",
    doc="Gross rice yield of a farm, in kg per hectare, from what is known when the field is sown.",
    owner="agronomy-team",
    kind=Kind.REGRESSION,
    source=Source(
        table="crop",
        key=("farm", "season"),
        target="kg_per_ha",
        target_sql="goutput / size",
    ),
    windows=Windows(holdout=0.3, group=("farm",)),
    features=Features(
        function=features,
        inputs=(
            "size",
            "seed",
            "urea",
            "phosphate",
            "pesticide",
            "pseed",
            "purea",
            "pphosph",
            "status",
            "varieties",
            "bimas",
            "region",
        ),
        numeric=(
            "seed_per_ha",
            "urea_per_ha",
            "phosphate_per_ha",
            "pesticide_per_ha",
            "log_size",
            "pseed",
            "purea",
            "pphosph",
        ),
        categorical=("status", "varieties", "bimas", "region"),
    ),
    candidates=(
        Candidate(name="linear", build=linear, search={"alpha": [1.0, 10.0, 100.0]}),
        Candidate(name="forest", build=forest, search={"min_samples_leaf": [2, 4]}),
        Candidate(
            name="boosting", build=boosting, search={"learning_rate": Between(0.03, 0.2, log=True)}
        ),
    ),
    baselines=(
        Candidate(name="region_and_variety", build=linear, columns=("region", "varieties")),
    ),
    gate=Gate(
        metric="mae",
        floors={"mae": 1000.0, "r2": 0.2, "mape": 0.35},
        min_rows=200,
        slice_tolerance=400.0,
        max_latency_ms=250,
    ),
    interval=0.9,
    slices=(Slice(name="variety", by="varieties"), Slice(name="status", by="status")),
    release=Release(strategy="ab", share=0.5),
    schedule="@monthly",
    # A season's harvest does not wait for the end of the month.
    retraining=Retraining(new_rows=100, stale_after=timedelta(days=45)),
    tags=("demo",),
)
