"""Which columns drifted, by Evidently with our own calibrated distances.

    found = compare(reference, current, {"wind": NUMERIC, "city": CATEGORICAL}, thresholds)
    found.columns[0].drifted, found.columns[0].distance, found.columns[0].threshold
    found.html()                                                 # Evidently's own report

Evidently leaves out what is not in the current data and fails on columns of nulls, so give it only
columns that `watching.columns` found sound. Its tests by p-value ignore how many columns are
tested, and its chi-squared test takes the reference for the truth: hence our own distances.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import pandas as pd

from evergreen.watching.distances import Frequencies, numeric_distance, numeric_threshold

NUMERIC, CATEGORICAL = "numeric", "categorical"
METHODS = {NUMERIC: "Kolmogorov-Smirnov distance", CATEGORICAL: "chi-squared distance"}
DATA = re.compile(r"^ *var (?:additional_graphs_)?metric_\w+ = \{.*\};$", re.MULTILINE)
"""The lines of Evidently's page that are JSON."""
_NAMES = {NUMERIC: "evergreen_ks", CATEGORICAL: "evergreen_chi2"}


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """One column of the window beside the reference."""

    name: str
    kind: str
    distance: float
    """0 to 1."""
    threshold: float
    rows: int
    """Values that were compared, nulls apart."""
    reference_rows: int

    @property
    def drifted(self) -> bool:
        """Tell whether the distance is beyond its threshold."""
        return self.distance > self.threshold

    @property
    def method(self) -> str:
        """The distance by its name."""
        return METHODS[self.kind]


@dataclass(frozen=True)
class Compared:
    """What Evidently found."""

    columns: tuple[ColumnDrift, ...]
    snapshot: Any
    """Evidently's own; None: there was nothing to compare."""

    def html(self) -> str | None:
        """Return Evidently's report; None: there was nothing to compare.

        Evidently writes its data into a script as they are, where `</script>` in the name of a
        column would end it, and what follows would run.
        """
        if self.snapshot is None:
            return None
        page = str(self.snapshot.get_html_str(as_iframe=False))
        return DATA.sub(lambda line: line[0].replace("<", "\\u003c"), page)


def compare(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    kinds: Mapping[str, str],
    thresholds: Mapping[str, float],
) -> Compared:
    """Compare columns that both frames have, each with at least one value in both.

    Args:
        reference: m rows that the champion learned from.
        current: n rows of the window.
        kinds: NUMERIC or CATEGORICAL for each column; the others are left alone.
        thresholds: for each of them the distance from which on it has drifted.
    """
    if not kinds:
        return Compared((), None)
    snapshot = _run(reference, current, kinds, thresholds)
    scores = [float(metric["value"]) for metric in snapshot.dict()["metrics"]]
    columns = tuple(
        ColumnDrift(
            name=name,
            kind=kinds[name],
            distance=score,
            threshold=thresholds[name],
            rows=int(current[name].notna().sum()),
            reference_rows=int(reference[name].notna().sum()),
        )
        for name, score in zip(kinds, scores, strict=True)
    )
    return Compared(columns, snapshot)


def threshold(
    reference: "pd.Series[Any]", current: "pd.Series[Any]", kind: str, alpha: float, effect: float
) -> float:
    """Return the critical distance of independent rows: see `distances`."""
    before, now = reference.dropna(), current.dropna()
    if kind == NUMERIC:
        return numeric_threshold(len(before), len(now), alpha, effect)
    return Frequencies.of(before, now).threshold(alpha, effect)


def _run(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    kinds: Mapping[str, str],
    thresholds: Mapping[str, float],
) -> Any:
    ours = _evidently()
    definition = ours.DataDefinition(
        numerical_columns=[name for name, kind in kinds.items() if kind == NUMERIC],
        categorical_columns=[name for name, kind in kinds.items() if kind == CATEGORICAL],
    )
    data, held_against = (
        ours.Dataset.from_pandas(frame[list(kinds)], data_definition=definition)
        for frame in (current, reference)
    )
    metrics = [
        ours.ValueDrift(column=name, method=_NAMES[kind], threshold=thresholds[name])
        for name, kind in kinds.items()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas and numpy, at Evidently's own code
        return ours.Report(metrics, include_tests=False).run(data, held_against)


@cache
def _evidently() -> SimpleNamespace:
    """Import Evidently, which takes seconds and warns, and teach it our distances."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
        from evidently.legacy.core import ColumnType
        from evidently.metrics import ValueDrift
    types = {NUMERIC: ColumnType.Numerical, CATEGORICAL: ColumnType.Categorical}
    for kind, score in ((NUMERIC, numeric_distance), (CATEGORICAL, _categorical_distance)):
        test = StatTest(
            name=_NAMES[kind], display_name=METHODS[kind], allowed_feature_types=[types[kind]]
        )
        register_stattest(test, _judged(score))
    return SimpleNamespace(
        DataDefinition=DataDefinition, Dataset=Dataset, Report=Report, ValueDrift=ValueDrift
    )


def _categorical_distance(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> float:
    return Frequencies.of(reference, current).distance


def _judged(score: Any) -> Any:
    def test(
        reference: "pd.Series[Any]", current: "pd.Series[Any]", _: object, threshold: float
    ) -> tuple[float, bool]:
        distance = score(reference, current)
        return distance, distance > threshold

    return test
