"""Fits of XGBoost by workers on two nodes of Ray; test_crews.py has processes of one machine."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from xgboost import XGBClassifier

from evergreen.errors import ComputeAway
from evergreen.learning import crew_on_ray, frames, streaming, training
from evergreen.learning.computing import LOCAL
from evergreen.learning.crews import Crew
from evergreen.learning.on_ray import OnRay
from evergreen.learning.recipes import Recipe
from evergreen.refs import CandidateRef
from evergreen.settings import Settings
from evergreen.spec import Candidate
from fakes import FakeTrainings
from learning import IRIS, built, iris_rows
from lessons import NUMBERS, lesson
from mortal import Deadly
from ray_cluster import TwoNodes
from waiting import eventually

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning"),
]
CANDIDATE = Candidate(
    name="extreme", build=partial(XGBClassifier, n_estimators=10, max_depth=3), num_workers=2
)
ALONE = bytes(streaming.xgboost(lesson()).save_raw("ubj"))
"""What one process learns: few rows have the same bins, by whomever they are learned."""
USE_CASE = replace(IRIS, candidates=(CANDIDATE,))


def crew(cluster: OnRay, size: int = 2) -> Crew:
    found = cluster.crew(Recipe.of(IRIS, replace(CANDIDATE, num_workers=size), {}))
    assert found is not None
    return found


def free(cluster: OnRay) -> bool:
    """Tell whether no worker holds a core."""
    ray = cluster._connected()
    return bool(ray.available_resources().get("CPU", 0) == ray.cluster_resources()["CPU"])


def trained(settings: Settings) -> tuple[CandidateRef, str]:
    """Walk the recipe without a past, and fit it to serve."""
    ref = built(USE_CASE, iris_rows(), settings)
    asked: dict[str, Any] = {"settings": settings}
    walked = training.train(USE_CASE, ref, "extreme", trainings=FakeTrainings(), **asked)
    return walked, training.fit(USE_CASE, ref, walked, **asked).sha256


def test_a_training_is_the_same_to_the_last_byte(
    nodes: TwoNodes, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "CELLS", 0)  # each worker reads its share from the store

    here, bytes_here = trained(settings)
    there, bytes_there = trained(replace(settings, compute=nodes.address))

    assert here.recipe is not None and here.recipe.num_workers == 2
    assert there.answers_sha256 == here.answers_sha256 != ""
    assert bytes_there == bytes_here


def test_rows_that_are_held_are_learned_as_well(cluster: OnRay) -> None:
    assert crew(cluster).learn(lesson()) == ALONE


def test_two_fits_do_not_wait_for_each_other_s_cores(cluster: OnRay) -> None:
    crews = [crew(cluster), crew(cluster)]

    with ThreadPoolExecutor(2) as both:
        one, other = both.map(lambda each: each.learn(lesson()), crews)

    assert one == other == ALONE
    eventually(lambda: free(cluster), "their cores", 60)


def test_a_fit_that_loses_a_worker_is_made_again(cluster: OnRay, tmp_path: Path) -> None:
    died = tmp_path / "died"

    again = crew(cluster).learn(lesson(Deadly(NUMBERS, died)))

    assert died.exists()
    assert again == ALONE


def test_a_fit_that_loses_every_worker_is_told_as_away_and_leaves_nothing(cluster: OnRay) -> None:
    with pytest.raises(ComputeAway, match=r"a fit by 2 workers lost one 3 times: .*died"):
        crew(cluster).learn(lesson(Deadly(NUMBERS)))

    eventually(lambda: free(cluster), "their cores", 60)


def test_what_one_worker_raises_is_told_though_the_other_waits_for_it(cluster: OnRay) -> None:
    with pytest.raises(LookupError, match=r"^the chunk is gone"):
        crew(cluster).learn(lesson(Deadly(NUMBERS, message="the chunk is gone")))

    eventually(lambda: free(cluster), "their cores", 60)


def test_more_workers_than_there_are_cores_are_told(cluster: OnRay) -> None:
    with pytest.raises(ComputeAway, match=r"5 workers takes 1 cores for each, and its nodes have"):
        crew(cluster, 5).learn(lesson())


def test_workers_with_other_packages_are_refused(cluster: OnRay) -> None:
    found = crew(cluster)
    assert isinstance(found, crew_on_ray.CrewOnRay)
    strange = replace(found, versions={**found.versions, "numpy": "1.0"})

    with pytest.raises(ComputeAway, match=r"its workers have numpy 2\S+ \(here 1\.0\); let them"):
        strange.learn(lesson())


def test_a_recipe_of_one_worker_has_no_crew(cluster: OnRay) -> None:
    alone = Recipe.of(IRIS, replace(CANDIDATE, num_workers=1), {})

    assert cluster.crew(alone) is None
    assert LOCAL.crew(alone) is None


def test_a_node_that_dies_leaves_no_room_and_is_told(nodes: TwoNodes, cluster: OnRay) -> None:
    nodes.cluster.remove_node(nodes.node, allow_graceful=False)

    with pytest.raises(
        ComputeAway, match=r"2 workers takes 1 cores for each, and its nodes have 1"
    ):
        crew(cluster).learn(lesson())
