"""Boosted trees learn from rows that lie in Parquet what they learn from rows that are held."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier, XGBRegressor

from evergreen.data.snapshots import SnapshotStore
from evergreen.learning import (
    boosted,
    features,
    fitting,
    frames,
    models,
    passing,
    streaming,
    weighing,
)
from evergreen.learning.boosted import Learning
from evergreen.learning.frames import Chosen, Stored
from evergreen.learning.preparing import AsTheyAre
from evergreen.learning.streaming import Streamed
from evergreen.learning.training import Forgetful
from evergreen.settings import Settings
from evergreen.spec import Candidate
from learning import WEATHER, built, weather_rows
from streamed import recipe, rows, stored

light = partial(LGBMClassifier, n_estimators=20)
extreme = partial(XGBClassifier, n_estimators=10)


@pytest.mark.parametrize("weights", [None, 0.5], ids=["", "weighed"])
@pytest.mark.parametrize("held", [{}, {"threshold": 0.3, "positive": True}], ids=["", "threshold"])
@pytest.mark.parametrize(
    "build",
    [
        light,
        partial(light, early_stopping_round=3, n_estimators=300),
        partial(light, class_weight="balanced", scale_pos_weight=2.0),
        partial(light, monotone_constraints={"distance": 1}, subsample=0.5, subsample_freq=1),
        partial(light, subsample_for_bin=300, max_bin=40, random_state=4, colsample_bytree=0.5),
        partial(light, linear_tree=True),
        partial(light, n_jobs=1, boosting_type="dart", num_leaves=7),
        extreme,
        partial(extreme, early_stopping_rounds=3, n_estimators=300, eval_metric=["auc", "logloss"]),
        partial(extreme, monotone_constraints={"distance": 1}, subsample=0.5, max_bin=40),
        partial(extreme, n_jobs=2, random_state=4, colsample_bytree=0.5, grow_policy="lossguide"),
        partial(extreme, missing=1_000.0, scale_pos_weight=2.0),
        partial(extreme, tree_method="approx"),
        partial(extreme, booster="dart", rate_drop=0.1),
    ],
    ids=[
        "plain",
        "stops early",
        "classes",
        "constraints",
        "sampled",
        "linear",
        "dart",
        "xgboost",
        "xgboost stops early",
        "xgboost constraints",
        "xgboost sampled",
        "xgboost missing",
        "xgboost approx",
        "xgboost dart",
    ],
)
def test_a_fit_is_the_same_to_the_last_bit(
    build: Any, held: Any, weights: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(streaming, "AT_ONCE", 300)
    monkeypatch.setattr(streaming.Part, "batch_size", 300)
    given, made = rows(), recipe(build)
    truth, chosen = given["delayed"].to_numpy(), np.flatnonzero(given.index % 11 != 0)
    frame = made.fresh()[0].transform(given)
    heavy = None if weights is None else np.where(truth[chosen], 1.0, weights)
    whole, passed = made.fresh(**held), made.fresh(**held)

    weighing.fit(whole[1:], frame.iloc[chosen], truth[chosen], heavy)
    weighing.fit(passed[1:], Chosen(stored(frame), chosen), truth[chosen], heavy)

    assert models.save(passed, tmp_path / "passed") == models.save(whole, tmp_path / "whole")


@pytest.mark.parametrize(
    ("build", "label"),
    [
        (light, lambda given: np.where(given["id"] % 3 == 0, "cancelled", given["carrier"].isna())),
        (partial(LGBMRegressor, n_estimators=20), lambda given: given["distance"].fillna(0.0)),
        (
            extreme,
            lambda given: np.where(given["id"] % 3 == 0, "cancelled", given["carrier"].isna()),
        ),
        (partial(XGBRegressor, n_estimators=10), lambda given: given["distance"].fillna(0.0)),
    ],
    ids=["three classes", "a number", "three classes, xgboost", "a number, xgboost"],
)
def test_other_labels_are_learned_as_well(build: Callable[[], Any], label: Any) -> None:
    given = rows()
    truth, frame = np.asarray(label(given)), recipe(build).fresh()[0].transform(given)
    part = ("numbers", AsTheyAre(), ["distance", "wind"])
    step = ColumnTransformer([part], verbose_feature_names_out=False)
    before = Pipeline([("prepare", step.set_output(transform="pandas"))])
    bare = [boosted.Boosted.of(build()) for _ in range(2)]

    held = bare[0].fit(passing.fitted(before, frame, truth), truth)
    streamed = passing.fitted(before, Chosen(stored(frame), np.arange(len(frame))), truth)
    passed = bare[1].fit(streamed, truth)

    assert isinstance(streamed, Streamed)
    assert passed.model_ == held.model_


@pytest.mark.parametrize("build", [light, extreme], ids=["lightgbm", "xgboost"])
def test_a_training_of_many_rows_is_that_of_few(
    build: Callable[[], Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = replace(WEATHER, candidates=(Candidate(name="boosted", build=build),))
    case = replace(case, baselines=(Candidate(name="prior", build=DummyClassifier),))
    ref = built(case, weather_rows(), settings)
    found = []
    for cells in (frames.CELLS, 0):
        monkeypatch.setattr(frames, "CELLS", cells)
        data = features.data(ref, case, settings)
        tried = [
            fitting.judge(case, one, data, Forgetful())
            for one in (*case.candidates, *case.baselines)
        ]
        newest = [fitting.newest(one.recipe, data, one.held) for one in tried]
        found.append((data, tried, newest))

    (held, tried, models_held), (passed, again, models_passed) = found

    assert isinstance(passed.rows.features, Stored)
    assert "frame" not in passed.rows.features.__dict__  # nobody held the whole
    assert (held.rows.names == passed.rows.names).all()
    for one, other in zip(tried, again, strict=True):
        assert (one.output.positive == other.output.positive).all()
        assert [block.fit for block in one.blocks] == [block.fit for block in other.blocks]
    assert models_held[0][-1].model_ == models_passed[0][-1].model_
    assert fitting.importance(case, tried[0].recipe, models_held[0], held) == fitting.importance(
        case, again[0].recipe, models_passed[0], passed
    )


def test_who_needs_all_rows_is_given_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "CELLS", 0)
    ref = built(WEATHER, weather_rows(), settings)
    data = features.data(ref, WEATHER, settings)

    tried = fitting.judge(WEATHER, WEATHER.candidate("logistic"), data, Forgetful())

    assert len(tried.output) == len(data.judged)
    assert "frame" in data.rows.features.__dict__


@pytest.mark.parametrize("build", [light, extreme], ids=["lightgbm", "xgboost"])
def test_no_more_is_held_than_a_chunk(
    build: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, made = rows(), recipe(build)
    frame = made.fresh()[0].transform(given)
    kept = stored(frame)
    taken: list[int] = []
    take = Stored.take
    monkeypatch.setattr(
        Stored, "take", lambda *asked: taken.append(len(asked[1]) * len(asked[2])) or take(*asked)
    )

    weighing.fit(
        made.fresh()[1:], Chosen(kept, np.arange(3_000)), given["delayed"].to_numpy(), None
    )

    texts, *others = sorted(taken, reverse=True)
    assert texts == 3_000 * 2
    assert max(others) <= 1_500 * 2


def test_a_share_reads_the_chunks_of_its_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows()
    truth = given["delayed"].to_numpy(dtype=float)
    frame = recipe(extreme).fresh()[0].transform(given)
    part = ("numbers", AsTheyAre(), ["distance", "wind"])
    step = ColumnTransformer([part], verbose_feature_names_out=False)
    before = Pipeline([("prepare", step.set_output(transform="pandas"))])
    streamed = passing.fitted(before, Chosen(stored(frame), np.arange(len(frame))), truth)
    estimator = extreme(feature_types=None)
    whole = streaming.lesson(estimator, Learning(streamed, truth, truth + 1, [], None))
    _ = streamed.rows.stored.frame  # held here, and not sent
    read, real = [], SnapshotStore.rows
    monkeypatch.setattr(
        SnapshotStore, "rows", lambda *asked: read.append(asked[2].name) or real(*asked)
    )

    sent = [ForkingPickler.dumps(whole.share(number, 2)) for number in range(2)]
    shares = [ForkingPickler.loads(one) for one in sent]
    blocks = [np.concatenate([*streaming._blocks(one.rows)]) for one in shares]

    assert read == ["0", "1", "2", "3"]  # each once: 1,500 rows lie in three, 1,500 in the last
    assert np.array_equal(np.concatenate(blocks)[:, 0], frame["distance"], equal_nan=True)
    assert np.array_equal(np.concatenate([one.truth for one in shares]), truth)
    assert np.array_equal(np.concatenate([one.weights for one in shares]), truth + 1)
