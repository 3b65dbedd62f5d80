import json
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from evergreen.errors import ModelRefused
from evergreen.learning import features, models
from evergreen.learning.models import Golden, Output
from evergreen.spec import Candidate, Features, Gate, Kind, UseCase
from learning import IRIS, WEATHER, iris_rows, weather_rows

RAW = weather_rows()
CANDIDATES = [(u, c) for u in (WEATHER, IRIS) for c in u.candidates + u.baselines]


def trained(use_case: UseCase, candidate: Candidate, raw: pd.DataFrame) -> Pipeline:
    truth = features.labels(use_case, raw[use_case.source.target])
    return models.pipeline(use_case, candidate).fit(raw, truth)


def regression() -> UseCase:
    return replace(
        IRIS,
        kind=Kind.REGRESSION,
        source=replace(IRIS.source, target="petal_width"),
        features=Features(numeric=("sepal_length", "petal_length"), categorical=("species",)),
        gate=Gate(metric="mae", floors={"mae": 1}),
        candidates=(Candidate(name="ridge", build=Ridge),),
    )


@pytest.mark.parametrize(("use_case", "candidate"), CANDIDATES, ids=lambda x: x.name)
def test_a_saved_model_predicts_the_same(
    use_case: UseCase, candidate: Candidate, tmp_path: Path
) -> None:
    raw = (RAW if use_case is WEATHER else iris_rows()).tail(300)
    model = trained(use_case, candidate, raw)

    digest = models.save(model, tmp_path / "model.skops")
    loaded = models.load(tmp_path / "model.skops", digest)

    assert models.reproduces(loaded, models.golden(model, raw)) == 0


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    forest = WEATHER.candidate("forest")

    first, second = (models.save(trained(WEATHER, forest, RAW), tmp_path / "m") for _ in range(2))

    assert first == second


def test_refuses_other_bytes_than_those_that_were_gated(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    digest = models.save(trained(IRIS, IRIS.candidate("logistic"), iris_rows()), file)
    file.write_bytes(file.read_bytes()[:-1] + b"x")

    with pytest.raises(ModelRefused, match=digest):
        models.load(file, digest)


def test_refuses_to_save_or_load_types_that_are_not_trusted(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    model = Pipeline([("evil", FunctionTransformer(np.save))])
    skops.io.dump(model, file)

    with pytest.raises(ModelRefused, match=r"numpy\.save"):
        models.save(model, tmp_path / "other")
    with pytest.raises(ModelRefused, match=r"numpy\.save"):
        models.load(file, models.digest(file.read_bytes()))


def test_holds_no_pickle(tmp_path: Path) -> None:
    models.save(trained(WEATHER, WEATHER.candidate("boosting"), RAW), tmp_path / "model")

    names = zipfile.ZipFile(tmp_path / "model").namelist()

    assert {Path(name).suffix for name in names} == {".npy", ".json"}


def test_predicts_probabilities_that_sum_to_one_for_sorted_classes() -> None:
    output = models.predict(trained(IRIS, IRIS.candidate("forest"), iris_rows()), iris_rows())

    assert output.classes is not None and output.probabilities is not None
    assert list(output.classes) == ["setosa", "versicolor", "virginica"]
    assert output.probabilities.sum(axis=1) == pytest.approx(1)


def test_the_positive_class_of_booleans_is_one() -> None:
    output = models.predict(trained(WEATHER, WEATHER.candidate("logistic"), RAW), RAW)

    assert list(output.classes) == [0, 1]
    assert output.positive[RAW["rain_tomorrow"]].mean() > output.positive.mean()


def test_predicts_numbers_without_classes() -> None:
    use_case = regression()
    raw = iris_rows()

    output = models.predict(trained(use_case, use_case.candidates[0], raw), raw)

    assert output.classes is None and output.probabilities is None
    assert np.abs(output.labels - raw["petal_width"]).mean() < 0.2


def test_predicts_labels_of_a_model_without_probabilities() -> None:
    output = models.predict(
        trained(IRIS, Candidate(name="svc", build=LinearSVC), iris_rows()), iris_rows()
    )

    assert output.probabilities is None
    assert (output.labels == iris_rows()["species"]).mean() > 0.9
    with pytest.raises(ValueError, match="no probabilities"):
        _ = output.positive


def test_predicts_rows_with_gaps_and_categories_never_seen() -> None:
    use_case = regression()
    raw = iris_rows()
    model = trained(use_case, use_case.candidates[0], raw)
    strange = raw.assign(species="tulip", sepal_length=np.nan)

    assert np.isfinite(models.predict(model, strange).labels).all()


def test_a_baseline_sees_its_own_columns_only() -> None:
    model = trained(WEATHER, WEATHER.candidate("persistence"), RAW)

    assert list(model["prepare"].feature_names_in_) == list(WEATHER.features.columns)
    assert model["estimator"].n_features_in_ == 1


def test_takes_parameters_and_the_seed_of_the_use_case() -> None:
    candidate = Candidate(name="forest", build=RandomForestRegressor)
    use_case = replace(regression(), seed=7)

    estimator = models.pipeline(use_case, candidate, {"max_depth": 3})["estimator"]

    assert (estimator.max_depth, estimator.random_state) == (3, 7)


def test_golden_rows_survive_json() -> None:
    raw = RAW.tail(30).assign(day=date(2015, 1, 2), name="x", gap=None)
    golden = models.golden(trained(WEATHER, WEATHER.candidate("logistic"), RAW), raw)

    again = Golden.from_json(json.loads(json.dumps(golden.to_json())))

    pd.testing.assert_frame_equal(again.rows, golden.rows)
    assert (again.output.probabilities == golden.output.probabilities).all()


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_golden_moments_survive_json_whole_seconds_among_them(zone: str | None) -> None:
    texts = ["NaT", "2024-01-01 00:00:01", "2024-01-01 00:00:02.5", "2024-01-01 00:00:00.123"]
    rows = pd.DataFrame({"at": pd.to_datetime(texts, format="ISO8601").tz_localize(zone)})
    golden = Golden(rows, Output(np.zeros(4)))

    again = Golden.from_json(json.loads(json.dumps(golden.to_json())))

    pd.testing.assert_frame_equal(again.rows, rows)


def test_another_model_does_not_reproduce_the_golden_rows() -> None:
    logistic, forest = (trained(WEATHER, WEATHER.candidate(n), RAW) for n in ("logistic", "forest"))
    iris = trained(IRIS, IRIS.candidate("logistic"), iris_rows().query("species != 'setosa'"))
    golden = models.golden(trained(IRIS, IRIS.candidate("logistic"), iris_rows()), iris_rows())

    assert models.reproduces(forest, models.golden(logistic, RAW.tail(40))) > 0.01
    assert models.reproduces(iris, golden) == float("inf")


@pytest.mark.parametrize(
    ("value", "difference", "same"),
    [(1e9, 1e-3, True), (1e9, 10.0, False), (1.0, 1e-7, True), (1.0, 1e-5, False)],
)
def test_large_values_have_rounding_errors_in_proportion(
    value: float, difference: float, same: bool
) -> None:
    expected = Output(np.array([value, value / 2]))

    off = models.off(Output(expected.labels + difference), expected)

    assert (off <= models.TOLERANCE) == same
