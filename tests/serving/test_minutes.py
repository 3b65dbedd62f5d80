"""The last minutes of a process, as a page shows them."""

import math
import sys

import numpy as np
import pytest

from evergreen.learning.models import Output
from evergreen.serving import minutes
from evergreen.serving.minutes import MINUTE, SECONDS, SLICES, Minutes
from serving.conftest import Client
from serving.test_app import ROW


class Clock:
    """Stands still until it is told to go."""

    def __init__(self) -> None:
        self.at = 1_764_000_000.0

    def __call__(self) -> float:
        return self.at

    def go(self, slices: float = 1) -> None:
        self.at += slices * SECONDS


@pytest.fixture
def clock() -> Clock:
    return Clock()


def binary(*positive: float) -> Output:
    chances = np.array([[1 - share, share] for share in positive])
    classes = np.array([0, 1])
    return Output(
        labels=classes[(chances[:, 1] >= 0.5).astype(int)], probabilities=chances, classes=classes
    )


def test_tells_only_slices_that_are_over(clock: Clock) -> None:
    told = Minutes(clock)
    told.asked("weather", 0.004)

    before = told.document()["use_cases"]["weather"]
    clock.go()
    after = told.document()["use_cases"]["weather"]

    assert before["minute"]["requests"] == 0
    assert after["minute"]["requests"] == after["series"]["requests"][-1] == 1
    assert after["series"]["requests"] == [None] * (SLICES - 1) + [1]  # it began with the last one


def test_the_newest_minute_adds_its_slices_and_forgets_what_is_older(clock: Clock) -> None:
    told = Minutes(clock)
    for _ in range(MINUTE + 3):
        told.asked("weather", 0.004)
        told.asked("weather", 9.0, refused=True)
        clock.go()

    found = told.document()["use_cases"]["weather"]

    assert (found["minute"]["requests"], found["minute"]["refused"]) == (2 * MINUTE, MINUTE)
    assert found["minute"]["latency_ms"] == pytest.approx(4, rel=minutes.STEP - 1)


def test_what_nobody_asked_is_a_gap_and_no_zero(clock: Clock) -> None:
    told = Minutes(clock)
    told.asked("weather", 0.004)
    told.answered("weather", binary(0.9))
    clock.go(3)

    found = told.document()["use_cases"]["weather"]["series"]

    assert found["answer"][-3:] == [pytest.approx(0.9), None, None]
    assert found["latency_ms"][-1] is None
    assert found["requests"][-3:] == [1, 0, 0]


@pytest.mark.parametrize(
    ("output", "meaning", "answer", "confidence"),
    [
        (binary(0.9, 0.3), "mean probability of 1", 0.6, 0.8),
        (Output(labels=np.array([2.0, 4.0])), "mean answer", 3.0, None),
        (
            Output(
                labels=np.array(["a"]), probabilities=np.array([[0.5, 0.3, 0.2]]),
                classes=np.array(["a", "b", "c"]),
            ),
            "", None, 0.5,
        ),
        (Output(labels=np.array(["a"])), "", None, None),
    ],
    ids=["binary", "regression", "classes", "labels alone"],
)  # fmt: skip
def test_the_mean_answer_is_what_the_kind_of_model_has(
    clock: Clock, output: Output, meaning: str, answer: float | None, confidence: float | None
) -> None:
    told = Minutes(clock)
    told.answered("it", output)
    clock.go()

    found = told.document()["use_cases"]["it"]

    assert found["answer_is"] == meaning
    assert found["minute"]["answer"] == (answer and pytest.approx(answer))
    assert found["minute"]["confidence"] == (confidence and pytest.approx(confidence))


@pytest.mark.parametrize("seconds", [0.0, 0.00005, 0.003, 0.05, 1.7, 3600.0])
def test_a_latency_is_told_to_fifteen_percent_and_never_too_short(
    clock: Clock, seconds: float
) -> None:
    told = Minutes(clock)
    told.asked("weather", seconds)
    clock.go()

    found = told.document()["use_cases"]["weather"]["minute"]["latency_ms"] / 1000

    least = max(seconds, minutes.FINEST)
    assert least * 0.999 <= found <= least * minutes.STEP * 1.001


def test_a_day_of_requests_takes_no_more_than_ten_minutes_of_them(clock: Clock) -> None:
    told = Minutes(clock)
    for n in range(24 * 360):
        told.asked("weather", math.exp(n % 20 - 10))
        clock.go()

    kept = told._kept["weather"].slices

    assert len(kept) == SLICES + 1
    assert sum(sys.getsizeof(one.latencies) for one in kept) < 100_000


def test_the_service_tells_what_it_answered_and_refused(
    iris: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    iris.post("/iris/predict/batch", json={"rows": [ROW] * 3})
    iris.post("/iris/predict", json={"row": {}})
    iris.post("/nobody/predict", json={"row": ROW})
    counted = iris.service.meters.minutes
    at = counted._clock() + SECONDS
    monkeypatch.setattr(counted, "_clock", lambda: at)

    told = iris.get("/live").json()

    assert told["use_cases"].keys() == {"iris"}
    minute = told["use_cases"]["iris"]["minute"]
    assert (minute["requests"], minute["refused"]) == (2, 1)
    assert minute["confidence"] > 0.9
    assert told["process"]
