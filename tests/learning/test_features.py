from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evergreen.errors import DataRefused, DeclarationError
from evergreen.learning import features, models
from evergreen.learning.feature_code import FeatureCode
from evergreen.settings import Settings
from evergreen.spec import Features, Gate, Kind, UseCase
from learning import IRIS, WEATHER, built, iris_rows, snapshot, weather_rows

RAW = weather_rows()


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    """Settings of steps that need neither PostgreSQL nor MLflow."""
    return Settings(
        home=tmp_path,
        database_url="",
        tracking_uri="",
        artifacts_url="",
        use_cases_dir=tmp_path,
        expectations_dir=tmp_path,
    )


def selecting(**columns: list[str]) -> FeatureCode:
    return FeatureCode(inputs=[c for names in columns.values() for c in names], **columns)


def computing(body: str) -> FeatureCode:
    return FeatureCode(f"def f(raw):\n    {body}\n", "f", ["wind"], ["wind"])


def test_what_differs_in_the_last_digits_only_is_the_same_feature() -> None:
    wind = pd.DataFrame({"wind": [0.1 + 0.2, 0.3, -7.0, 1e300, np.nan, np.inf, 0.0]})

    found = computing("return raw[['wind']]").transform(wind)["wind"].to_numpy()

    assert found[0] == found[1]
    assert found == pytest.approx(wind["wind"].to_numpy(), rel=1e-12, nan_ok=True)
    assert (found[2], found[5], found[6]) == (-7.0, np.inf, 0.0)


def test_selects_columns_when_there_is_no_function() -> None:
    raw = pd.DataFrame({"a": [1, 2], "b": [True, False], "c": ["x", None], "d": 0}, index=[7, 3])

    found = selecting(numeric=["a", "b"], categorical=["c"]).transform(raw)

    assert list(found) == ["a", "b", "c"]
    assert list(found.index) == [7, 3]
    assert list(found.dtypes.astype(str)) == ["float64", "float64", "object"]
    assert found["c"].isna().tolist() == [False, True]


def test_a_category_of_whole_numbers_has_one_name_with_and_without_gaps() -> None:
    step = selecting(categorical=["a"])

    without = step.transform(pd.DataFrame({"a": [1, 2]}))["a"].tolist()
    gaps = step.transform(pd.DataFrame({"a": [1.0, 2.0, np.nan]}))["a"].tolist()

    assert without == gaps[:2] == ["1", "2"]


def test_a_feature_that_is_no_number_is_named() -> None:
    with pytest.raises(DeclarationError, match=r"features\.numeric 'a'"):
        selecting(numeric=["a"]).transform(pd.DataFrame({"a": ["x"]}))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return raw.dropna().iloc[1:]", "rows for"),
        ("return raw.reset_index(drop=True)", "index"),
        ("return raw['wind']", "Series"),
        ("return raw[[]]", r"columns that include \['wind'\]"),
    ],
)
def test_a_function_that_loses_rows_or_columns_is_told_so(body: str, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        computing(body).transform(RAW.iloc[5:])


def test_a_model_keeps_the_feature_code_it_was_trained_with(tmp_path: Path) -> None:
    truth = features.labels(WEATHER, RAW["rain_tomorrow"])
    model = models.pipeline(WEATHER, WEATHER.candidate("logistic")).fit(RAW, truth)
    sha256 = models.save(model, tmp_path / "model")
    golden = models.golden(model, RAW.tail(40))
    changed = replace(WEATHER, features=replace(WEATHER.features, function=other_features))

    champion = models.load(tmp_path / "model", sha256)

    assert models.reproduces(champion, golden) == 0
    assert features.code(changed).digest != champion["features"].digest


def other_features(raw: pd.DataFrame) -> pd.DataFrame:
    return raw


def test_keeps_key_time_part_features_and_label(local: Settings) -> None:
    ref = built(WEATHER, RAW, local)

    frame = features.load(ref, local)

    assert list(frame) == ["date", "part", *WEATHER.features.columns, "rain_tomorrow"]
    assert len(frame) == len(RAW)
    assert set(frame["part"]) == {"training", "holdout"}
    assert set(frame["rain_tomorrow"]) == {0, 1}
    assert ref.training.rows == len(frame)  # the fit that serves learns from every mature row
    assert ref.holdout.rows == (frame["part"] == "holdout").sum()
    assert ref.holdout.end == datetime(2015, 12, 30, tzinfo=UTC)


def test_the_same_snapshot_gives_the_same_bytes(local: Settings) -> None:
    assert built(WEATHER, RAW, local) == built(WEATHER, RAW, local)


def test_raw_holdout_gives_the_features_of_the_whole_history(local: Settings) -> None:
    ref = built(WEATHER, RAW, local)

    holdout = features.raw_holdout(ref, WEATHER, local)

    frame = features.load(ref, local).query("part == 'holdout'").reset_index(drop=True)
    found = features.compute(WEATHER, holdout.rows)[holdout.mask].reset_index(drop=True)
    numbers = list(WEATHER.features.numeric)
    pd.testing.assert_frame_equal(found[numbers], frame[numbers], atol=1e-9)
    assert len(holdout.rows) == holdout.mask.sum() + 14
    assert (holdout.truth == frame["rain_tomorrow"]).all()


def test_raw_holdout_without_lookback_is_the_held_out_rows(local: Settings) -> None:
    holdout = features.raw_holdout(built(IRIS, iris_rows(), local), IRIS, local)

    assert holdout.mask.all()
    assert set(holdout.truth) == {"setosa", "versicolor", "virginica"}
    assert list(holdout.rows) == list(iris_rows())


def refused(use_case: UseCase, rows: pd.DataFrame, local: Settings) -> str:
    with pytest.raises(DataRefused) as refusal:
        built(use_case, rows, local)
    return str(refusal.value)


def test_refuses_a_snapshot_without_training_or_held_out_rows(local: Settings) -> None:
    assert "no training rows" in refused(WEATHER, RAW.tail(100), local)
    assert "no holdout rows" in refused(WEATHER, RAW.head(500), local)


def test_refuses_missing_labels(local: Settings) -> None:
    rows = RAW.astype({"rain_tomorrow": object})
    rows.loc[rows.index[-3:], "rain_tomorrow"] = None

    assert "'rain_tomorrow' is missing in 3 of 1460 rows" in refused(WEATHER, rows, local)


def test_refuses_a_single_class(local: Settings) -> None:
    dry = RAW.assign(rain_tomorrow=False)

    assert "'rain_tomorrow' has a single class, 0" in refused(WEATHER, dry, local)


def test_refuses_a_class_that_is_missing_on_one_side(local: Settings) -> None:
    dry_year = RAW.assign(rain_tomorrow=RAW["rain_tomorrow"] & (RAW["date"] < "2015-06-01"))
    rows = iris_rows()
    part = built(IRIS, rows, local)
    held_out = features.load(part, local)["part"] == "holdout"
    no_setosa = rows[~(held_out & (rows["species"] == "setosa")).to_numpy()]

    assert "class 1 of 'rain_tomorrow' is missing in the holdout" in refused(
        WEATHER, dry_year, local
    )
    assert "class 'setosa' of 'species' is missing in the holdout" in refused(
        IRIS, no_setosa, local
    )


def test_refuses_a_third_class_of_two(local: Settings) -> None:
    rows = RAW.assign(rain_tomorrow=RAW["date"].dt.day % 3)

    assert "binary, but has 3 classes" in refused(WEATHER, rows, local)


def test_refuses_features_without_a_value_or_infinite(local: Settings) -> None:
    reasons = refused(WEATHER, RAW.assign(wind=np.nan), local)
    endless = RAW.assign(wind=RAW["wind"].where(RAW["wind"] < 8, np.inf))

    assert "'wind' has no value at all" in reasons
    assert "'wind' is infinite in" in refused(WEATHER, endless, local)


def test_refuses_a_feature_that_looks_ahead(local: Settings) -> None:
    declared = replace(WEATHER.features, function=ahead, numeric=("wet_today",))
    use_case = replace(WEATHER, features=declared)

    with pytest.raises(DeclarationError, match=r"'wet_today'.*looks ahead"):
        built(use_case, RAW, local)


def ahead(raw):
    return raw.assign(wet_today=raw["precipitation"].shift(-1), month="May")


def test_refuses_a_feature_with_the_name_of_the_target(local: Settings) -> None:
    declared = replace(IRIS.features, numeric=("part",))
    use_case = replace(IRIS, features=declared)

    with pytest.raises(DeclarationError, match="part"):
        built(use_case, iris_rows().assign(part=1.0), local)


@pytest.mark.parametrize("body", ["raw['now'] - raw['then']", "raw['then']"])
def test_a_moment_or_a_length_of_time_is_no_number(body: str) -> None:
    code = FeatureCode(
        f"import pandas as pd\n\ndef f(raw):\n    return pd.DataFrame({{'age': {body}}})\n",
        "f", ["now", "then"], ["age"],
    )  # fmt: skip
    then = pd.to_datetime(pd.Series(["2026-01-01", None]))
    rows = pd.DataFrame({"now": pd.to_datetime(pd.Series(["2026-02-01"] * 2)), "then": then})

    with pytest.raises(DeclarationError, match=r"total_seconds"):
        code.transform(rows)


def test_numbers_are_labels_of_a_regression(local: Settings) -> None:
    use_case = replace(
        IRIS,
        kind=Kind.REGRESSION,
        source=replace(IRIS.source, target="petal_width"),
        features=Features(numeric=("sepal_length",), categorical=("species",)),
        gate=Gate(metric="mae", floors={"mae": 1}),
    )

    frame = features.load(built(use_case, iris_rows(), local), local)

    assert frame["petal_width"].dtype == float
    assert frame["species"].dtype == object


def test_labels_are_the_same_in_pandas_scikit_learn_and_json() -> None:
    def of(*values: object) -> list[object]:
        return features.labels(IRIS, pd.Series(values)).tolist()

    assert of(True, False) == [1, 0]
    assert of(1.0, 2.0) == [1, 2]
    assert of("a", "b") == ["a", "b"]


def test_snapshots_of_features_lie_beside_those_of_rows(local: Settings) -> None:
    ref = built(IRIS, iris_rows(), local)

    assert "/iris.features/" in ref.uri
    assert snapshot(IRIS, iris_rows(), local).uri == ref.snapshot.uri


def test_history_is_the_declared_lookback() -> None:
    wanted = np.zeros(len(RAW), dtype=bool)
    wanted[100] = True
    week = replace(WEATHER, features=replace(WEATHER.features, lookback=timedelta(days=7)))

    assert np.flatnonzero(features.with_history(week, RAW, wanted)).tolist() == [*range(93, 101)]
