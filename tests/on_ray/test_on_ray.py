"""Fits that two nodes of Ray make: the same to the last digit, and what happens when one dies."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import replays
from evergreen.errors import ComputeAway
from evergreen.learning import training
from evergreen.learning.computing import LOCAL, Fit
from evergreen.learning.models import Output
from evergreen.learning.on_ray import OnRay
from evergreen.learning.recipes import Recipe
from evergreen.refs import CandidateRef
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Between, Candidate, UseCase
from fakes import FakeTrainings
from learning import IRIS, WEATHER, built, flowers, folds, iris_rows, weather_rows
from mortal import Fatal, Mortal, Slow, Wrong
from ray_cluster import HERE, TwoNodes, listening
from waiting import eventually

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]
THEIR_WARNINGS = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
ROWS = flowers()
CHOOSING = folds(ROWS)
LISTED = replace(WEATHER.candidate("boosting"), search={"max_leaf_nodes": [7, 15]})
RANGED = replace(WEATHER.candidate("logistic"), search={"C": Between(0.01, 1.0)}, trials=2)


def fits(estimator: Any, number: int = 2) -> list[Fit]:
    recipe = Recipe.of(IRIS, Candidate(name="odd", build=lambda: estimator), {})
    return [Fit(recipe, fold) for fold in CHOOSING[:number]]


def same(one: Output, other: Output) -> bool:
    pairs = ((one.labels, other.labels), (one.probabilities, other.probabilities))
    return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


def comparable(ref: CandidateRef) -> CandidateRef:
    """Return what two trainings share that do the same."""
    assert ref.effort is not None
    return replace(ref, run_id="", seconds=0, effort=replace(ref.effort, seconds=0))


def trained(use_case: UseCase, name: str, settings: Settings) -> tuple[CandidateRef, str]:
    """Walk a recipe without a past, and fit it to serve; return the walk, and the fit's digest."""
    rows = weather_rows() if use_case.name == "weather" else iris_rows()
    ref = built(use_case, rows, settings)
    walked = training.train(use_case, ref, name, trainings=FakeTrainings(), settings=settings)
    return walked, training.fit(use_case, ref, walked, settings=settings).sha256


@THEIR_WARNINGS
@pytest.mark.parametrize("candidate", [LISTED, RANGED], ids=["listed", "ranged"])
def test_a_training_is_the_same_to_the_last_digit(
    candidate: Candidate, nodes: TwoNodes, settings: Settings
) -> None:
    use_case = replace(WEATHER, candidates=(replace(candidate, windows=(None,)),))

    here, bytes_here = trained(use_case, candidate.name, settings)
    there, bytes_there = trained(use_case, candidate.name, replace(settings, compute=nodes.address))

    assert comparable(there) == comparable(here)
    assert there.answers_sha256 == here.answers_sha256 != ""
    assert bytes_there == bytes_here
    assert here.effort is not None and here.effort.fits > len(here.blocks)


@THEIR_WARNINGS
def test_a_replay_is_the_same_to_the_last_digit(cluster: OnRay) -> None:
    asked: dict[str, Any] = {"start": replays.END - replays.timedelta(days=30), "policies": []}

    here = replays.run(replays.table(), **asked)
    there = replays.run(replays.table(), compute=cluster, **asked)

    lasting = {"fits", "fitted", "seconds", "policies"}
    assert {k: v for k, v in there.document().items() if k not in lasting} == {
        k: v for k, v in here.document().items() if k not in lasting
    }
    assert [replace(one, seconds=0) for one in there.policies] == [
        replace(one, seconds=0) for one in here.policies
    ]
    assert there.fitted == here.fitted


@THEIR_WARNINGS
def test_rows_are_put_once_and_positions_once_for_each_fold(
    cluster: OnRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ray = fits(WEATHER.candidate("logistic").build()), cluster._connected()
    put, real = [], ray.put
    monkeypatch.setattr(ray, "put", lambda value: put.append(value) or real(value))

    there = [*cluster.run(asked, ROWS), *cluster.run(asked, ROWS)]

    assert [type(one).__name__ for one in put] == ["Rows", *["ndarray"] * 2 * len(asked)]
    here = list(LOCAL.run(asked, ROWS)) * 2
    assert all(same(t.output, h.output) for t, h in zip(there, here, strict=True))


@THEIR_WARNINGS
def test_a_fit_whose_worker_dies_is_made_again(cluster: OnRay, tmp_path: Path) -> None:
    asked = fits(Mortal(str(tmp_path / "died")))

    there = list(cluster.run(asked, ROWS))

    assert (tmp_path / "died").exists()
    here = list(LOCAL.run(asked, ROWS))
    assert all(same(t.output, h.output) for t, h in zip(there, here, strict=True))


@THEIR_WARNINGS
def test_a_fit_that_kills_every_worker_is_told_as_away(cluster: OnRay) -> None:
    with pytest.raises(ComputeAway, match=r"while it fitted odd: .*died unexpectedly"):
        list(cluster.run(fits(Fatal(), 1), ROWS))


@THEIR_WARNINGS
def test_what_an_estimator_raises_is_its_own(cluster: OnRay) -> None:
    with pytest.raises(ValueError, match=r"^120 rows are not to its taste$") as raised:
        list(cluster.run(fits(Wrong(), 1), ROWS))

    assert type(raised.value) is ValueError


@THEIR_WARNINGS
def test_workers_with_other_packages_are_refused(
    cluster: OnRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fits(WEATHER.candidate("logistic").build(), 1)
    monkeypatch.setitem(asked[0].recipe.environment, "numpy", "1.0")

    with pytest.raises(ComputeAway, match=r"its workers have numpy 2\S+ \(here 1\.0\); let them"):
        list(cluster.run(asked, ROWS))


@THEIR_WARNINGS
def test_more_threads_than_any_node_has_cores_are_told(
    nodes: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")

    with (
        OnRay(nodes.address) as cluster,  # it looks when it connects
        pytest.raises(ComputeAway, match="uses 64 threads, and no node of it has so many cores"),
    ):
        list(cluster.run(fits(WEATHER.candidate("logistic").build(), 1), ROWS))


def test_nothing_listens_beyond_loopback(nodes: TwoNodes) -> None:
    found = listening()

    assert len(found) > 3
    assert {address for address, _, _ in found} == {HERE}


@THEIR_WARNINGS
def test_a_node_that_dies_leaves_its_fits_to_the_other(
    nodes: TwoNodes, cluster: OnRay, tmp_path: Path
) -> None:
    asked = fits(Slow(str(tmp_path)), 4)
    there = cluster.run(asked, ROWS)
    first = next(there)

    nodes.cluster.remove_node(nodes.node, allow_graceful=False)

    found = [first, *there]
    assert all(same(t.output, h.output) for t, h in zip(found, LOCAL.run(asked, ROWS), strict=True))


@THEIR_WARNINGS
def test_fits_that_nobody_waits_for_are_not_begun(
    cluster: OnRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, real = [], cluster._begin
    monkeypatch.setattr(cluster, "_begin", lambda *fit: begun.append(fit) or real(*fit))

    next(cluster.run(fits(WEATHER.candidate("logistic").build(), 5), ROWS))

    assert 0 < len(begun) < 5


ALONE = """
import json, psutil
from pathlib import Path
from evergreen.learning.computing import Fit
from evergreen.learning.on_ray import OnRay
from evergreen.learning.recipes import Recipe
from learning import IRIS, flowers, folds
from ray_cluster import listening

rows, recipe = flowers(), Recipe.of(IRIS, IRIS.candidate("forest"), {})
with OnRay("ray") as own:
    [made] = own.run([Fit(recipe, folds(rows)[0])], rows)
    heard = sorted({address for address, _, _ in listening()})
    started = [one.pid for one in psutil.Process().children(recursive=True)]
kept = [str(file) for file in Path.home().glob(".ray/*")]
said = made.output.probabilities.tolist()
print(json.dumps({"said": said, "heard": heard, "kept": kept, "started": started}))
"""


def test_a_cluster_that_is_started_here_is_heard_by_nobody_else_and_ends_with_the_step(
    tmp_path: Path,
) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    paths = os.pathsep.join([str(PROJECT / "include"), str(PROJECT / "tests")])

    done = subprocess.run(
        [sys.executable, "-c", ALONE], env=env | {"HOME": str(tmp_path), "PYTHONPATH": paths},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout.splitlines()[-1])
    here = next(LOCAL.run(fits(IRIS.candidate("forest").build(), 1), ROWS)).output
    assert np.array_equal(there["said"], here.probabilities)
    assert there["heard"] == [HERE]
    assert there["kept"] == []  # its token is in no file
    assert len(there["started"]) > 3
    eventually(lambda: not any(map(psutil.pid_exists, there["started"])), "their end", 60)
