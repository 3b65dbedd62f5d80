"""What a step costs is put on record once it has succeeded, and each step's peak is its own."""

import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from evergreen.planning import measured
from evergreen.records import Cost
from evergreen.steps import Run
from learning import WEATHER

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
RUN = Run(as_of=AS_OF, asked_at=AS_OF, key="test/one", actor="ada")
LARGE = 300_000_000


@dataclass
class FakeCosts:
    rows: list[Cost] = field(default_factory=list)

    def record(self, cost: Cost) -> None:
        self.rows.append(cost)


class FakeRecords:
    def __init__(self) -> None:
        self.costs = FakeCosts()


@measured("extract")
def step(use_case: Any, run: Run, *, takes: int, records: Any) -> int:
    if takes < 0:
        raise ValueError("it failed")
    return len(bytearray(takes))


@measured("extract")
def waits(use_case: Any, run: Run, *, seconds: float, records: Any) -> None:
    time.sleep(seconds)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is that of the process")
def test_the_peak_of_a_step_is_its_own() -> None:
    kept = FakeRecords()

    step(WEATHER, RUN, takes=LARGE, records=kept)
    step(WEATHER, run=RUN, takes=1, records=kept)

    large, small = kept.costs.rows
    assert large.peak_bytes - small.peak_bytes > LARGE / 2
    assert (small.use_case, small.run_key, small.step) == ("weather", "test/one", "extract")
    assert small.rows is None


def test_a_step_that_fails_is_not_on_record() -> None:
    kept = FakeRecords()

    with pytest.raises(ValueError, match="it failed"):
        step(WEATHER, RUN, takes=-1, records=kept)

    assert kept.costs.rows == []


def test_seconds_on_a_core_are_told_apart_from_those_that_pass() -> None:
    kept = FakeRecords()

    waits(WEATHER, RUN, seconds=0.3, records=kept)

    [cost] = kept.costs.rows
    assert cost.seconds >= 0.3
    assert cost.cpu_seconds is not None
    assert cost.cpu_seconds < 0.2
    assert cost.alone <= cost.seconds
    if sys.platform == "linux":
        assert cost.queued_seconds is not None
        assert cost.queued_seconds >= 0


def test_what_waited_for_a_core_is_not_what_it_takes_alone() -> None:
    cost = Cost(
        use_case="weather", run_key="1", step="extract", as_of=AS_OF, peak_bytes=1,
        seconds=10.0, cpu_seconds=2.0, queued_seconds=7.0, fit_seconds=5.0,
    )  # fmt: skip

    assert cost.alone == 3.0
    assert cost.scaled(cost.alone).fit_seconds == 1.5
    assert replace(cost, queued_seconds=9.0).alone == 2.0
    assert replace(cost, queued_seconds=None, cpu_seconds=None).alone == 10.0
