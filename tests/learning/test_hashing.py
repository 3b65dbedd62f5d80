"""Categories by hash: as a declared alternative to the means of their targets."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

from evergreen.errors import DeclarationError
from evergreen.learning import models
from evergreen.learning.hashing import Hashed, bucket
from evergreen.serving.engine import Whole, engine
from evergreen.spec import Features, UseCase
from flights import boosting, flights, use_case_of

linear = partial(LogisticRegression, max_iter=500)
BUILDS = {
    "boosting": boosting,
    "lightgbm": partial(LGBMClassifier, n_estimators=5),
    "linear": linear,
    "forest": partial(RandomForestClassifier, n_estimators=10, random_state=0),
    "dense": GaussianNB,
}


def fitted(build: Callable[[], Any], rows: pd.DataFrame, **features: Any) -> Pipeline:
    case = of_hashes(build, **features)
    return models.pipeline(case, case.candidates[0]).fit(rows, rows["delayed"])


def of_hashes(build: Callable[[], Any], **features: Any) -> UseCase:
    return use_case_of(build, **{"hashed": ("tailnum",)} | features)


def parts(model: Pipeline) -> dict[str, list[str]]:
    chosen = model["prepare"].transformers_
    return {name: list(cols) for name, _, cols in chosen if len(cols) and name != "remainder"}


def test_a_bucket_is_the_same_for_ever() -> None:
    assert [bucket(name, 255) for name in ("N1", "N2", "🍏")] == [118, 14, 210]


def test_missing_has_a_bucket_of_its_own() -> None:
    rows = pd.DataFrame({"plane": ["N1", None, "N2", np.nan]}, dtype=object)

    found = Hashed(8).fit_transform(rows)["plane"]

    assert found.tolist() == [bucket("N1", 8), 0, bucket("N2", 8), 0]


@pytest.mark.parametrize(("build", "width"), [(linear, 1_024), (GaussianNB, 255)])
def test_who_takes_numbers_gets_the_buckets_one_hot(build: Callable[[], Any], width: int) -> None:
    rows = flights(planes=900)
    model = fitted(build, rows, numeric=(), categorical=("tailnum",))

    found = model[:-1].transform(rows)

    assert parts(model) == {"hashes": ["tailnum"]}
    assert sparse.issparse(found) == (width == 1_024)
    assert width / 2 < found.shape[1] <= width


def test_trees_split_the_buckets_as_categories() -> None:
    model = fitted(boosting, flights())

    assert parts(model)["hashes"] == ["tailnum"]
    assert model["estimator"].is_categorical_.tolist() == [True, True, False]


def test_few_categories_are_what_they_are() -> None:
    assert parts(fitted(boosting, flights(planes=20)))["codes"] == ["carrier", "tailnum"]


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_they_are_served_as_they_were_trained(build: Callable[[], Any], tmp_path: Path) -> None:
    rows = flights()
    model = fitted(build, rows)
    again = models.load(tmp_path / "m", models.save(model, tmp_path / "m"))
    names = list(of_hashes(build).features.raw)
    found = engine(again, models.golden(again, rows[names].tail(40)))
    some = rows.head(100).copy()
    some.loc[:9, "tailnum"] = [f"never {n}" for n in range(10)]
    some.loc[10:19, "tailnum"] = None

    here = found.columns({name: some[name].tolist() for name in names})

    assert not isinstance(found, Whole)
    assert "tailnum" not in here.unseen
    assert here.output.probabilities == pytest.approx(
        models.predict(model, some).probabilities, abs=1e-4
    )


def test_only_categories_are_hashed() -> None:
    with pytest.raises(DeclarationError, match=r"features.hashed.*did you mean 'tailnum'"):
        Features(categorical=("tailnum",), hashed=("tailnumber",))
