"""Which customers will leave within a month? With a threshold that money chooses, and fairness."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evergreen.spec import (
    Business,
    Candidate,
    Fairness,
    Features,
    Gate,
    Kind,
    Labels,
    Scoring,
    Slice,
    Source,
    UseCase,
    Windows,
)

if TYPE_CHECKING:
    import pandas as pd

OFFER = 50.0
"""USD that it costs to offer a customer a better contract."""
ACCEPTED, MONTHS_KEPT = 0.3, 8
"""The share of the leaving who then stay, and for how long."""


def worth(raw: "pd.DataFrame", truth: Any, leaves: Any) -> dict[str, float]:
    """Value of the customers kept by an offer to everybody who is said to leave."""
    offered, kept = leaves == 1, (leaves == 1) & (truth == 1)
    saved = ACCEPTED * MONTHS_KEPT * raw["monthly_charges"][kept].sum()
    return {
        "value_kept": (saved - OFFER * offered.sum()) / len(raw),
        "value_kept_in_all": saved - OFFER * offered.sum(),
        "share_offered": offered.mean(),
    }


def logistic() -> Any:
    """Return a linear model."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def forest() -> Any:
    """Return a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=60, min_samples_leaf=8, random_state=0)


def boosting() -> Any:
    """Return gradient-boosted trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0)


FLAGS = ("senior", "partner", "dependents", "phone_service", "paperless_billing")
SERVICES = ("online_security", "online_backup", "device_protection", "tech_support", "streaming_tv")

USE_CASE = UseCase(
    name="churn",
    doc="Will this telecom customer leave within the month? From contract, services and bills.",
    owner="retention-team",
    kind=Kind.BINARY,
    source=Source(
        table="churn",
        key=("customer",),
        timestamp="observed",
        target="churned",
        label_delay=timedelta(days=30),
        max_age=timedelta(days=7),
    ),
    windows=Windows(holdout=timedelta(days=73)),
    features=Features(
        numeric=("tenure", "monthly_charges", "total_charges", *FLAGS),
        categorical=(
            "multiple_lines",
            "internet_service",
            *SERVICES,
            "streaming_movies",
            "contract",
            "payment_method",
        ),
    ),
    candidates=(
        Candidate(
            name="logistic",
            build=logistic,
            windows=(None, timedelta(days=60)),
            search={"C": [0.03, 0.3, 3.0]},
        ),
        Candidate(name="forest", build=forest),
        Candidate(name="boosting", build=boosting, search={"learning_rate": [0.06, 0.12]}),
    ),
    baselines=(Candidate(name="contract_only", build=logistic, columns=("contract",)),),
    gate=Gate(
        metric="roc_auc",
        floors={"roc_auc": 0.80, "recall": 0.6, "brier": 0.17},
        min_rows=500,
        max_calibration_error=0.06,
        fairness=(
            Fairness(slice="gender", rate="recall", most=0.15),
            Fairness(slice="senior", rate="recall", most=0.3),
        ),
        min_business=5.0,
        max_latency_ms=250,
    ),
    scoring=Scoring(
        query="SELECT * FROM churn WHERE observed >= %(start)s AND observed < %(end)s",
        into="predictions.churn",
        min_rows=0,  # a day's customers may come late
    ),
    labels=Labels(
        query="SELECT customer, churned FROM churn"
        " WHERE observed >= %(start)s AND observed < %(end)s - INTERVAL '30 days'"
    ),
    business=Business(measure=worth, unit="USD per customer", choose_threshold=True),
    slices=(Slice(name="gender", by="gender"), Slice(name="senior", by="senior")),
    tags=("demo",),
)
