"""Two nodes of Ray and a client for the tests of a file."""

from collections.abc import Iterator

import pytest

from evergreen.learning.on_ray import OnRay
from ray_cluster import TwoNodes, patiently, two_nodes


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    with two_nodes() as started:
        yield started


@pytest.fixture(scope="module")
def client(nodes: TwoNodes) -> Iterator[None]:
    """A connection that stays: a new one has new workers, which import everything anew."""
    with OnRay(nodes.address) as connected:
        patiently(connected._connected)
        yield


@pytest.fixture
def cluster(client: None, nodes: TwoNodes) -> Iterator[OnRay]:
    with OnRay(nodes.address) as connected:
        yield connected
