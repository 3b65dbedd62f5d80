"""Which of three irises is it? Without time, three classes: the reference tutorial."""

from typing import Any

from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows


def logistic() -> Any:
    """Return a linear model."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def forest() -> Any:
    """Return a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=100, random_state=0)


def neighbours() -> Any:
    """Return a vote of the nearest neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier()


def majority() -> Any:
    """Return the most frequent class, always."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


USE_CASE = UseCase(
    name="iris",
    doc="The species of an iris from the size of its sepals and petals.",
    owner="botany-team",
    kind=Kind.MULTICLASS,
    source=Source(table="iris", key=("id",), target="species"),
    windows=Windows(holdout=0.3),
    features=Features(numeric=("sepal_length", "sepal_width", "petal_length", "petal_width")),
    candidates=(
        Candidate(name="logistic", build=logistic, search={"C": [0.1, 1.0, 10.0]}),
        Candidate(name="forest", build=forest),
        Candidate(name="neighbours", build=neighbours, search={"n_neighbors": [3, 5, 9]}),
    ),
    baselines=(Candidate(name="majority", build=majority),),
    gate=Gate(metric="f1", floors={"accuracy": 0.90, "f1": 0.88}, min_rows=30),
    tags=("demo",),
)
