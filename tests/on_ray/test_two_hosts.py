"""Fits that two hosts make, neither of which finds the other on its loopback."""

from collections.abc import Iterator
from pathlib import Path
from socket import gethostname

import numpy as np
import pytest

from evergreen.learning.computing import LOCAL
from evergreen.learning.on_ray import OnRay
from hosts import Host, another_host
from lessons import lesson
from mortal import Slow
from on_ray.test_crews_on_ray import ALONE, crew
from on_ray.test_on_ray import ROWS, fits
from ray_cluster import two_hosts
from waiting import eventually

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def far() -> Iterator[Host]:
    with another_host() as found:
        yield found


@pytest.fixture(scope="module")
def hosts(far: Host) -> Iterator[OnRay]:
    with two_hosts(far) as address, OnRay(address) as connected:
        eventually(lambda: connected.cores == 2, "the other host", 180)
        yield connected


def test_both_make_fits_and_the_answers_are_those_of_one_process(
    hosts: OnRay, far: Host, tmp_path: Path
) -> None:
    asked = fits(Slow(str(tmp_path)), 4)

    there = [made.output.probabilities for made in hosts.run(asked, ROWS)]

    assert {file.stem for file in tmp_path.iterdir()} == {gethostname(), far.name}
    here = [made.output.probabilities for made in LOCAL.run(asked, ROWS)]
    assert all(np.array_equal(*pair) for pair in zip(there, here, strict=True))


def test_one_fit_by_workers_on_both_is_that_of_one_process(hosts: OnRay) -> None:
    assert crew(hosts).learn(lesson()) == ALONE
