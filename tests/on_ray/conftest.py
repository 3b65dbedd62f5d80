"""Two nodes of Ray for the tests of a file, and a client for each test."""

from collections.abc import Iterator

import pytest

from evergreen.learning.on_ray import OnRay
from ray_cluster import TwoNodes, patiently, two_nodes


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    with two_nodes() as started:
        yield started


@pytest.fixture
def cluster(nodes: TwoNodes) -> Iterator[OnRay]:
    with OnRay(nodes.address) as connected:
        patiently(connected._connected)
        yield connected
