"""LightGBM and XGBoost, held as their own text: the same answers, the same bytes, no pickle."""

import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier, XGBRegressor

from evergreen.errors import DeclarationError, ModelRefused
from evergreen.learning import boosted, model_folder, models, spreading
from evergreen.learning.boosted import Boosted
from evergreen.learning.recipes import Recipe
from evergreen.serving.engine import Whole, engine
from evergreen.spec import Candidate, Gate, Kind, UseCase
from flights import flights, use_case_of

light = partial(LGBMClassifier, n_estimators=20)
extreme = partial(XGBClassifier, n_estimators=20)
BOTH = pytest.mark.parametrize("build", [light, extreme], ids=["lightgbm", "xgboost"])


def trained(case: UseCase, rows: pd.DataFrame, **held: Any) -> Pipeline:
    recipe = Recipe.of(case, case.candidates[0], {})
    return recipe.fresh(**held).fit(rows, rows["delayed"])


@BOTH
def test_what_was_saved_answers_the_same_and_holds_no_pickle(
    build: Callable[[], Any], tmp_path: Path
) -> None:
    rows, case = flights(), use_case_of(build)
    model = trained(case, rows, threshold=0.4, positive=True)

    again = models.load(tmp_path / "m", models.save(model, tmp_path / "m"))

    assert models.reproduces(again, models.golden(model, rows.head(300))) == 0
    names = zipfile.ZipFile(tmp_path / "m").namelist()
    assert {Path(name).suffix for name in names} == {".npy", ".json", ".bin"}
    assert models.predict(model, rows).positive.std() > 0.1


@BOTH
def test_as_many_threads_as_there_are_give_the_same_bytes(
    build: Callable[..., Any], tmp_path: Path
) -> None:
    rows = flights()
    one, two = (trained(use_case_of(partial(build, n_jobs=n)), rows)[-1].model_ for n in (1, 2))

    assert one == two


@BOTH
def test_categories_are_split_as_categories(build: Callable[[], Any]) -> None:
    rows = flights()
    rows["delayed"] = rows["carrier"].isin(["c1", "c4", "c6"])
    case = use_case_of(build, numeric=(), categorical=("carrier",))
    model = trained(case, rows)

    assert _split_categories(model[-1])
    assert (models.predict(model, rows).labels == rows["delayed"]).all()


def _split_categories(one: Boosted) -> bool:
    """Tell whether the first tree splits by category."""
    if one.package == "lightgbm":
        return b"num_cat=1" in one.model_
    whole = json.loads(one.booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
    return bool(whole["trees"][0]["categories_nodes"])


@BOTH
def test_batch_one_row_and_training_agree(build: Callable[[], Any]) -> None:
    rows, case = flights(), use_case_of(build)
    model = trained(case, rows)
    found = engine(model, models.golden(model, rows[list(case.features.raw)].tail(40)))
    odd = rows.head(3).assign(carrier=["never", None, "c1"], distance=[np.nan, 1.0, 2.0])
    asked = pd.concat([odd, rows.head(200)], ignore_index=True)

    there = models.predict(model, asked).probabilities
    here = found.columns({name: asked[name].tolist() for name in case.features.raw})
    each = [
        found.columns({name: asked[name].tolist()[n : n + 1] for name in case.features.raw})
        for n in range(20)
    ]

    assert not isinstance(found, Whole)
    assert (here.output.probabilities == there).all()
    assert there is not None
    assert (np.vstack([one.output.probabilities for one in each]) == there[:20]).all()


@pytest.mark.parametrize("build", [LGBMClassifier, XGBClassifier])
def test_classes_are_sorted_texts(build: Any) -> None:
    rows = flights()
    rows["delayed"] = np.where(rows["distance"] > 1_100, "long", "short")
    rows.loc[rows["distance"].isna(), "delayed"] = "gap"
    case = replace(
        use_case_of(partial(build, n_estimators=10)),
        kind=Kind.MULTICLASS,
        gate=Gate(metric="f1", floors={"f1": 0.1}),
    )

    output = models.predict(trained(case, rows), rows)

    assert output.classes is not None and output.probabilities is not None
    assert output.classes.tolist() == ["gap", "long", "short"]
    assert (output.labels == rows["delayed"]).mean() > 0.99
    assert output.probabilities.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("build", [LGBMRegressor, XGBRegressor])
def test_a_regression_takes_weights(build: Any) -> None:
    rows = flights()
    model = models.pipeline(use_case_of(partial(build, n_estimators=40)), _only(build))
    truth = rows["distance"].fillna(0).to_numpy()
    heavy = np.where(rows["carrier"] == "c1", 1.0, 0.0)

    alone = model.fit(rows, truth * heavy, estimator__sample_weight=heavy).predict(rows)

    there = rows["carrier"] == "c1"
    assert np.corrcoef(alone[there], truth[there])[0, 1] > 0.9
    assert alone[~there].mean() > 500


def _only(build: Any) -> Candidate:
    return Candidate(name="one", build=partial(build, n_estimators=40), columns=("distance",))


@pytest.mark.parametrize(
    "build",
    [
        partial(LGBMClassifier, n_estimators=500, early_stopping_round=5),
        partial(XGBClassifier, n_estimators=500, early_stopping_rounds=5),
    ],
)
def test_the_newest_rows_tell_when_to_stop(build: Callable[[], Any]) -> None:
    rows = flights()
    short = trained(use_case_of(build), rows)[-1]

    late = int(len(rows) * boosted.NEWEST)
    moved = rows.assign(delayed=np.r_[rows["delayed"][:-late], ~rows["delayed"][-late:]])
    shorter = trained(use_case_of(build), moved)[-1]

    assert len(shorter.model_) < len(short.model_) < 2_000_000


@BOTH
def test_monotone_constraints_are_declared_by_name(build: Callable[..., Any]) -> None:
    rows = flights()
    case = use_case_of(partial(build, monotone_constraints={"distance": 1}))
    rising = rows.head(1).loc[[0] * 50].assign(distance=np.linspace(0, 2000, 50))

    answers = models.predict(trained(case, rows), rising).positive

    assert (np.diff(answers) >= 0).all()
    with pytest.raises(DeclarationError, match=r"\['dist'\]; allowed: carrier, distance, tailnum"):
        trained(use_case_of(partial(build, monotone_constraints={"dist": 1})), rows)


def test_class_weights_are_declared_by_class() -> None:
    rows = flights()
    plain, heavy = (
        models.predict(trained(use_case_of(partial(light, class_weight=w)), rows), rows).positive
        for w in (None, {0: 1.0, 1: 10.0})
    )

    assert heavy.mean() > plain.mean() + 0.2


@BOTH
def test_inside_a_pipeline_and_a_calibration_too(build: Callable[[], Any], tmp_path: Path) -> None:
    rows = flights()
    piped = Pipeline([("gbm", CalibratedClassifierCV(build(), cv=3))])
    case = use_case_of(lambda: piped, numeric=("distance",), categorical=())
    model = trained(case, rows)

    again = models.load(tmp_path / "m", models.save(model, tmp_path / "m"))

    assert (models.predict(again, rows).positive == models.predict(model, rows).positive).all()
    assert set(boosted.versions(model)) in ({"lightgbm"}, {"xgboost-cpu"})


def test_what_stands_for_missing_does_so_in_answers_too() -> None:
    rows = np.concatenate([np.full(200, -999.0), np.linspace(-2, 2, 200)])[:, None]
    truth = np.concatenate([np.ones(200), rows[200:, 0] > 0.5]).astype(int)
    model = XGBClassifier(n_estimators=5, max_depth=2, missing=-999.0, n_jobs=1)
    asked = np.array([[-999.0], [-1.9], [1.9]])

    said = boosted.Boosted.of(model).fit(rows, truth).predict_proba(asked)

    assert said == pytest.approx(model.fit(rows, truth).predict_proba(asked))
    assert said[0, 1] > 0.8


def test_an_objective_without_probabilities_is_refused() -> None:
    with pytest.raises(DeclarationError, match="multi:softprob"):
        boosted.Boosted.of(XGBClassifier(objective="multi:softmax"))


def test_a_function_as_a_parameter_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"LGBMRegressor\(objective=\).*plain value"):
        Boosted.of(LGBMRegressor(objective=np.subtract))


def test_the_package_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = models.save(trained(use_case_of(light), flights()), tmp_path / "m")
    monkeypatch.setitem(sys.modules, "lightgbm", None)

    with pytest.raises(ModelRefused, match=r"lightgbm, which is not installed.*evergreen\[light"):
        models.load(tmp_path / "m", digest)


def test_mlflow_hears_of_the_package() -> None:
    model = models.pipeline(use_case_of(light), use_case_of(light).candidates[0])
    other = models.pipeline(use_case_of(), use_case_of().candidates[0])

    assert any(line.startswith("lightgbm==") for line in model_folder.requirements(model))
    assert not any("lightgbm" in line for line in model_folder.requirements(other))


def test_another_version_of_the_package_makes_other_fits() -> None:
    recipes = [Recipe.of(c, c.candidates[0], {}) for c in (use_case_of(light), use_case_of())]

    assert set(recipes[0].environment) - set(recipes[1].environment) == {"lightgbm"}


@pytest.mark.parametrize(
    ("build", "answer"),
    [
        (LGBMClassifier, True),
        (partial(LGBMRegressor, linear_tree=True), False),
        (XGBRegressor, True),
        (partial(XGBClassifier, tree_method="hist", booster="dart"), True),
        (partial(XGBClassifier, tree_method="approx"), False),
        (partial(XGBClassifier, booster="gblinear"), False),
        (partial(XGBClassifier, feature_weights=[1.0, 2.0]), False),
        (CalibratedClassifierCV, False),
    ],
)
def test_who_needs_no_more_than_bins_learns_from_rows_that_pass_by(
    build: Callable[[], Any], answer: bool
) -> None:
    assert spreading.streams(boosted.within(build())) is answer
