"""What serves a row answers as what was trained, whatever became of the categories."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from evergreen.errors import EvergreenError
from evergreen.learning import models
from evergreen.learning.features import code
from evergreen.serving.engine import Engine, Whole, engine
from evergreen.serving.export import _onnx, to_onnx
from evergreen.spec import Gate, Kind, UseCase
from flights import boosting, flights, use_case_of

linear = partial(LogisticRegression, max_iter=500)
forest = partial(RandomForestClassifier, n_estimators=10, min_samples_leaf=20)


def trained(case: UseCase, rows: pd.DataFrame) -> Pipeline:
    return models.pipeline(case, case.candidates[0]).fit(rows, rows["delayed"])


def served(model: Pipeline, case: UseCase, rows: pd.DataFrame) -> Engine:
    return engine(model, models.golden(model, rows[list(case.features.raw)].tail(40)))


def odd(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with what was never seen, and with nothing."""
    some = rows.head(200).copy()
    some.loc[:9, ["carrier", "tailnum"]] = "never seen"
    some.loc[10:19, ["carrier", "tailnum"]] = None
    some.loc[20:29, "distance"] = np.nan
    return some


@pytest.mark.parametrize("build", [boosting, linear, forest], ids=["boosting", "linear", "forest"])
def test_codes_one_hot_and_target_means_are_looked_up(build: Callable[[], Any]) -> None:
    rows, case = flights(), use_case_of(build)
    model = trained(case, rows)
    found = served(model, case, rows)

    some = odd(rows)
    here = found.columns({name: some[name].tolist() for name in case.features.raw})

    assert not isinstance(found, Whole)
    assert here.output.probabilities == pytest.approx(
        models.predict(model, some).probabilities, abs=1e-4
    )
    assert here.unseen == {"carrier": 10, "tailnum": 10}


def test_several_classes_have_a_target_mean_each() -> None:
    rows = flights()
    rows["delayed"] = np.array(["early", "late", "never"])[np.arange(len(rows)) % 3]
    case = replace(
        use_case_of(linear), kind=Kind.MULTICLASS, gate=Gate(metric="f1", floors={"f1": 0.1})
    )
    model = trained(case, rows)
    found = served(model, case, rows)

    here = found.frame(odd(rows), np.arange(200)).output

    assert not isinstance(found, Whole)
    assert here.probabilities == pytest.approx(
        models.predict(model, odd(rows)).probabilities, abs=1e-4
    )


def test_a_regression_by_category() -> None:
    rows = flights().assign(delayed=lambda all_: all_["distance"].fillna(0) * 2)
    build = partial(HistGradientBoostingRegressor, max_iter=10)
    case = replace(
        use_case_of(build), kind=Kind.REGRESSION, gate=Gate(metric="mae", floors={"mae": 9.0})
    )
    model = trained(case, rows)
    found = served(model, case, rows)

    assert not isinstance(found, Whole)
    assert found.frame(odd(rows), np.arange(200)).output.labels == pytest.approx(
        models.predict(model, odd(rows)).labels
    )


@pytest.mark.parametrize(
    ("build", "text"),
    [(boosting, ("notes",)), (lambda: CalibratedClassifierCV(boosting()), ())],
    ids=["text", "calibrated"],
)
def test_what_is_no_table_is_served_whole(build: Callable[[], Any], text: tuple[str, ...]) -> None:
    rows, case = flights(), use_case_of(build, text=text)
    model = trained(case, rows)
    found = served(model, case, rows)

    some = odd(rows)
    here = found.columns({name: some[name].tolist() for name in case.features.raw})

    assert isinstance(found, Whole)
    assert (here.output.probabilities == models.predict(model, some).probabilities).all()


def test_splits_by_category_have_no_onnx_form() -> None:
    rows = flights()

    with pytest.raises((NotImplementedError, EvergreenError), match="splits by category"):
        to_onnx(trained(use_case_of(), rows))


def from_before(case: UseCase) -> Pipeline:
    """Return a model with the preparation that all had once: it may still be champion."""
    names = Pipeline([
        ("impute", SimpleImputer(strategy="most_frequent", keep_empty_features=True)),
        ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
    ])  # fmt: skip
    numbers = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    prepare = ColumnTransformer(
        [("numeric", numbers, ["distance"]), ("categorical", names, ["carrier", "tailnum"])]
    )
    return Pipeline([("features", code(case)), ("prepare", prepare), ("estimator", linear())])


def test_a_model_from_before_is_served_as_it_was() -> None:
    rows, case = flights(planes=50), use_case_of(linear)
    model = from_before(case).fit(rows, rows["delayed"])
    found = served(model, case, rows)

    here = found.frame(odd(rows), np.arange(200)).output

    assert found.name == "onnx"
    assert here.probabilities == pytest.approx(
        models.predict(model, odd(rows)).probabilities, abs=1e-6
    )


@pytest.mark.parametrize("before", [True, False], ids=["from before", "new"])
def test_an_exported_file_knows_what_is_missing(before: bool) -> None:
    rows, case = flights(planes=50), use_case_of(linear)
    model = (from_before(case) if before else models.pipeline(case, case.candidates[0])).fit(
        rows, rows["delayed"]
    )

    _, difference = _onnx(model, models.golden(model, odd(rows)[list(case.features.raw)]), Path())

    assert difference < 1e-5


def test_a_missing_number_stays_missing() -> None:
    rows, case = flights(), use_case_of(boosting, categorical=())
    model = trained(case, rows)
    golden = models.golden(model, rows[["distance"]].tail(40))
    gap, there = {"distance": [None, 1000.0]}, pd.DataFrame({"distance": [np.nan, 1000.0]})

    found = engine(model, golden)

    assert not isinstance(found, Whole)
    assert found.columns(gap).output.probabilities == pytest.approx(
        models.predict(model, there).probabilities, abs=1e-9
    )


@pytest.mark.parametrize("build", [boosting, partial(LGBMClassifier, n_estimators=5)])
def test_a_feature_without_any_value_in_a_fit_is_no_matter(build: Callable[[], Any]) -> None:
    rows = flights().assign(distance=np.nan)
    case = use_case_of(build)
    model = trained(case, rows)
    found = served(model, case, rows)

    assert not isinstance(found, Whole)
    assert found.frame(odd(rows), np.arange(200)).output.probabilities == pytest.approx(
        models.predict(model, odd(rows)).probabilities, abs=1e-9
    )
