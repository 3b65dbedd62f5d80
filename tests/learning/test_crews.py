"""Fits of XGBoost by several processes of this machine; test_crews_on_ray.py has a cluster."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from xgboost import XGBClassifier
from xgboost.core import XGBoostError

from evergreen.errors import ComputeAway, DeclarationError, WorkerLost
from evergreen.learning import boosted, crews, hiccups, models, spreading, streaming, weighing
from evergreen.learning.crews import Here
from evergreen.learning.frames import Chosen
from evergreen.learning.recipes import Recipe
from evergreen.learning.streaming import Lesson
from evergreen.settings import PROJECT
from evergreen.spec import Candidate
from flights import use_case_of
from lessons import NUMBERS, lesson
from mortal import Deadly
from streamed import recipe, rows, stored
from waiting import eventually

extreme = partial(XGBClassifier, n_estimators=10, n_jobs=1)
CREW = Here(2)
SIGNS: dict[str, Any] = {"monotone_constraints": {"distance": 1}}


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers find what the tests hand them."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT / "tests"))


@pytest.fixture(autouse=True)
def no_worker_is_left() -> Iterator[None]:
    """Whatever a fit comes to, its workers have ended; other tests' processes may live on."""
    before = psutil.Process().children()
    yield
    assert [one for one in psutil.Process().children() if one not in before] == []


def fitted(
    build: Callable[[], Any], store: Path | None = None, weights: float | None = None, **held: Any
) -> Any:
    """Fit flights by two workers, held or (with a store) streamed."""
    given, made = rows(), recipe(build)
    truth, chosen = given["delayed"].to_numpy(), np.flatnonzero(given.index % 11 != 0)
    frame = made.fresh()[0].transform(given)
    taught = frame.iloc[chosen] if store is None else Chosen(stored(frame, str(store)), chosen)
    heavy = None if weights is None else np.where(truth[chosen], 1.0, weights)
    model = made.fresh(**held)
    weighing.fit(model[1:], taught, truth[chosen], heavy, CREW)
    return model


def alone() -> bytes:
    """Return what one process learns of the same rows."""
    return bytes(streaming.xgboost(lesson()).save_raw("ubj"))


@pytest.mark.parametrize(
    ("build", "weights", "held"),
    [
        (extreme, 0.5, {"threshold": 0.3, "positive": True}),
        (partial(extreme, early_stopping_rounds=3, n_estimators=300, **SIGNS), None, {}),
    ],
    ids=["weighed, threshold", "stops early, constraints"],
)
def test_rows_that_are_held_and_that_pass_by_give_the_same_bytes(
    build: Any, weights: float | None, held: Any, tmp_path: Path
) -> None:
    whole = fitted(build, weights=weights, **held)
    passed = fitted(build, tmp_path / "store", weights=weights, **held)

    assert models.save(passed, tmp_path / "passed") == models.save(whole, tmp_path / "whole")


def test_another_number_of_workers_is_another_recipe() -> None:
    case = use_case_of(extreme)
    [one] = case.candidates

    found = [Recipe.of(case, replace(one, num_workers=number), {}) for number in (1, 2, 3)]

    assert len({each.digest for each in found}) == 3
    assert [each.ref.num_workers for each in found] == [1, 2, 3]
    assert Recipe.behind(found[1].model, found[1].ref).digest == found[1].digest


def test_few_rows_have_the_same_bins_and_so_the_trees_of_one_process() -> None:
    assert Here(3).learn(lesson()) == alone()


def test_a_fit_that_loses_a_worker_is_made_again(tmp_path: Path) -> None:
    died = tmp_path / "died"

    again = CREW.learn(lesson(Deadly(NUMBERS, died)))

    assert died.exists()
    assert again == alone()


def test_a_fit_that_loses_every_worker_is_told_as_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crews, "TRIES", 2)

    with pytest.raises(ComputeAway) as away:
        CREW.learn(lesson(Deadly(NUMBERS)))

    assert str(away.value) == (
        "this machine (EVERGREEN_COMPUTE=local) cannot be used: a fit by 2 workers lost one 2"
        " times: worker 2 ended with exit code 1"
    )
    assert hiccups.passes(away.value)


def test_what_one_worker_raises_is_told_though_the_others_wait_for_it() -> None:
    with pytest.raises(LookupError) as raised:
        CREW.learn(lesson(Deadly(NUMBERS, message="the chunk is gone")))

    assert str(raised.value) == "the chunk is gone"


def test_what_all_workers_raise_is_the_estimator_s_own() -> None:
    with pytest.raises(XGBoostError, match="Unknown objective function: `odd`"):
        CREW.learn(lesson(objective="odd"))


ENDED = """
import os, time
from evergreen.learning.processes import started

with started(2) as staff:
    staff.ask(0, "open", 2)
    [meeting] = staff.answers()
    staff.ask(0, "learn", meeting, 0, None)  # it waits for the other, whom nobody asks
    time.sleep(1)
    print(*(one._process.pid for one in staff._workers), flush=True)
    os.kill(os.getpid(), 9)
"""


def test_workers_end_with_who_started_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDED], stdout=subprocess.PIPE, text=True, check=False
    )

    started = [int(pid) for pid in done.stdout.split()]
    assert len(started) == 2
    eventually(lambda: not any(map(psutil.pid_exists, started)), "their end", 30)


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ([ValueError("b"), WorkerLost("a")], "a"),
        ([XGBoostError("[/workspace/src/collective/result.cc:83: …"), ValueError("b")], "b"),
        (
            [XGBoostError("[/src/collective/result.cc:83: gone\nStack trace")],
            "they lost each other",
        ),
    ],
)
def test_of_several_failures_the_cause_is_told(failures: list[Exception], told: str) -> None:
    assert str(crews.cause(failures)).startswith(told)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (
            LGBMClassifier,
            "candidate.num_workers is 2; allowed: 1 with lightgbm.LGBMClassifier; more where build"
            " returns an XGBClassifier or XGBRegressor",
        ),
        (
            lambda: CalibratedClassifierCV(XGBClassifier()),
            "candidate.num_workers is 2; allowed: 1 with CalibratedClassifierCV; more where",
        ),
        (
            lambda: XGBClassifier(tree_method="exact"),
            "tree_method is 'exact'; allowed: None, hist, auto with num_workers=2",
        ),
        (
            lambda: XGBClassifier(booster="gblinear"),
            "booster is 'gblinear'; allowed: None, gbtree, dart with num_workers=2",
        ),
    ],
    ids=["lightgbm", "calibrated", "exact", "linear"],
)
def test_what_several_workers_cannot_fit_is_refused(build: Callable[[], Any], told: str) -> None:
    case = use_case_of(build)

    with pytest.raises(DeclarationError) as refused:
        Recipe.of(case, replace(case.candidates[0], num_workers=2), {})

    assert str(refused.value).startswith(told)
    spreading.check(boosted.within(build()), 1)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lesson().share(0, 400), "the rows of a fit"),
        (replace(lesson(), late=(NUMBERS[:1], NUMBERS[:1, 0])), "the rows that tell when to stop"),
    ],
    ids=["rows", "rows that tell when to stop"],
)
def test_fewer_rows_than_workers_are_refused(asked: Lesson, told: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        CREW.learn(asked)

    assert str(refused.value) == (
        f"candidate.num_workers is 2; allowed: at most 1, {told}: each worker has a share"
    )


@pytest.mark.parametrize("number", [0, -1, 2.0, True, "2"])
def test_a_number_of_workers_is_whole_and_above_zero(number: Any) -> None:
    with pytest.raises(DeclarationError, match=r"candidate.num_workers is .*a whole number, 1"):
        Candidate(name="one", build=extreme, num_workers=number)
