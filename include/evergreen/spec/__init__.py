"""What a use case declares. Light to import: no pandas, no scikit-learn.

Usage::

    USE_CASE = UseCase(
        name="iris",
        doc="Which of three irises is it?",
        owner="data-science",
        kind=Kind.MULTICLASS,
        source=Source(table="iris", key=("id",), target="species"),
        windows=Windows(holdout=0.3),
        features=Features(numeric=("sepal_length", "sepal_width")),
        candidates=(Candidate(name="logistic", build=logistic), ...),
        baselines=(Candidate(name="majority", build=majority),),
        gate=Gate(metric="f1", floors={"accuracy": 0.9, "f1": 0.88}),
    )

What may be declared beside these essentials: `search` of a candidate's parameters, `fairness`,
`min_business` and `checks` of the gate, `metrics`, `business`, `interval`, `slices`, `ingest`,
`scoring`, `serving`, `labels`, `release`, `monitoring`, `retraining`, `tasks`.
"""

from evergreen.spec.data import TABLE, Excluded, Source, Windows
from evergreen.spec.ingest import Api, Dialect, Files, Ingest
from evergreen.spec.judging import Business, Fairness, Gate, Release, Slice
from evergreen.spec.kinds import METRICS, Kind, Metric, Scale, bound, is_worse
from evergreen.spec.learning import Between, Candidate, Features
from evergreen.spec.names import check_name
from evergreen.spec.pace import Assets
from evergreen.spec.scoring import Labels, Scoring
from evergreen.spec.serving import Serving
from evergreen.spec.tasks import Task
from evergreen.spec.use_case import CHAMPION, UseCase
from evergreen.spec.watching import Monitoring, Retraining, Usual, Watched

__all__ = [
    "CHAMPION", "METRICS", "TABLE", "Api", "Assets", "Between", "Business", "Candidate", "Dialect",
    "Excluded", "Fairness", "Features", "Files", "Gate", "Ingest", "Kind", "Labels", "Metric",
    "Monitoring", "Release", "Retraining", "Scale", "Scoring", "Serving", "Slice", "Source",
    "Task", "UseCase", "Usual", "Watched", "Windows", "bound", "check_name", "is_worse",
]  # fmt: skip
