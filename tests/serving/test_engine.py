from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge

from evergreen.learning import models
from evergreen.learning.features import code
from evergreen.learning.recipes import Recipe
from evergreen.serving.engine import Whole, engine
from evergreen.spec import Candidate, Features
from learning import CATALOG
from serving.conftest import ROWS, trained

CANDIDATES = [(u.name, c.name) for u in map(CATALOG.find, ROWS) for c in u.candidates]


@pytest.mark.parametrize(("name", "candidate"), CANDIDATES)
def test_every_engine_agrees_with_the_trained_model(name: str, candidate: str) -> None:
    use_case, model = CATALOG.find(name), trained(name, candidate)
    raw = ROWS[name]()[list(use_case.features.raw)]
    found = engine(model, models.golden(model, raw.tail(40)))

    here = found.frame(raw, np.arange(len(raw))).output
    there = models.predict(model, raw)

    assert not isinstance(found, Whole)
    assert np.abs(here.probabilities - there.probabilities).max() < 1e-4
    assert (here.labels == there.labels).all()


def test_missing_and_unseen_values_are_treated_as_in_training() -> None:
    use_case = CATALOG.find("weather")
    raw = ROWS["weather"]()
    model = trained("weather", "logistic")
    found = engine(model, models.golden(model, raw.tail(40)))
    features = code(use_case).transform(raw).tail(3)
    features.iloc[0, 0] = np.nan
    features["month"] = ["13", None, "1"]

    scored = found.columns({name: features[name].to_list() for name in features})

    expected = model[1:].predict_proba(features.assign(month=["13", np.nan, "1"]))
    assert scored.output.probabilities == pytest.approx(expected, abs=1e-6)
    assert scored.unseen == {"month": 1}
    assert scored.imputed == {features.columns[0]: 1}


def test_a_model_without_golden_rows_is_served_whole() -> None:
    raw = ROWS["iris"]()
    model = trained("iris", "logistic")

    found = engine(model, None)

    assert (type(found), found.name) == (Whole, "sklearn")
    assert len(found.columns({n: raw[n].tolist() for n in raw}).output) == len(raw)


@pytest.mark.parametrize("candidate", ["logistic", "boosting"])
def test_a_decision_threshold_decides(candidate: str) -> None:
    use_case, raw = CATALOG.find("weather"), ROWS["weather"]()
    declared = use_case.candidate(candidate)
    model = Recipe.of(use_case, declared, {}).fresh(threshold=0.9, positive=True)
    model.fit(raw, raw["rain_tomorrow"])
    found = engine(model, models.golden(model, raw.tail(40)))

    here = found.frame(raw, np.arange(len(raw))).output

    assert not isinstance(found, Whole)
    assert (here.labels == models.predict(model, raw).labels).all()
    assert here.labels.sum() < (here.positive > 0.5).sum()


def test_intervals_are_given_with_the_value() -> None:
    raw = ROWS["iris"]()
    use_case = replace(CATALOG.find("iris"), features=Features(numeric=("sepal_length",)))
    ridge = Recipe.of(use_case, Candidate(name="ridge", build=Ridge), {})
    model = ridge.fresh(half_width=0.5)
    model.fit(raw, raw["petal_length"])

    found = engine(model, models.golden(model, raw.tail(20)))
    output = found.columns({"sepal_length": [5.1]}).output

    assert (found.name, output.half_width) == ("onnx", 0.5)
    assert output.labels == pytest.approx(models.predict(model, raw.head(1)).labels, abs=1e-6)


def test_what_onnx_cannot_hold_is_served_by_scikit_learn() -> None:
    use_case, raw = CATALOG.find("iris"), ROWS["iris"]()
    model = models.pipeline(use_case, use_case.candidate("logistic"))
    model.set_params(estimator=DummyClassifier(strategy="prior")).fit(raw, raw["species"])

    found = engine(model, models.golden(model, raw.tail(20)))

    assert found.name == "sklearn"
    row = pd.DataFrame(raw.head(1))
    assert found.frame(row, np.array([0])).output.labels.tolist() == ["setosa"]
