"""A cluster that lets nobody in; no client may be connected before."""

from typing import Any

import pytest

from evergreen.errors import ComputeAway
from evergreen.learning.on_ray import OnRay
from ray_cluster import TwoNodes

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning"),
]


def refuse(times: int, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Let Ray fail so often to connect; return what it has not yet said."""
    import ray

    said: list[Exception] = [ConnectionAbortedError("Starting Ray client server failed.")] * times
    really = ray.init

    def init(*given: Any, **options: Any) -> Any:
        if said:
            raise said.pop()
        return really(*given, **options)

    monkeypatch.setattr(ray, "init", init)
    return said


def test_it_is_asked_again(nodes: TwoNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    left = refuse(2, monkeypatch)

    with OnRay(nodes.address) as cluster:
        assert cluster.cores == 2

    assert left == []


def test_the_third_time_it_is_away(nodes: TwoNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    left = refuse(3, monkeypatch)

    with (
        OnRay(nodes.address) as cluster,
        pytest.raises(ComputeAway, match=r"cannot be used: Starting Ray client server failed"),
    ):
        _ = cluster.cores

    assert left == []
