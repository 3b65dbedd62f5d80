"""The last ten minutes of each use case, as they come: for a page that people look at.

    minutes = Minutes()
    minutes.answered("weather", output)                # what was answered
    minutes.asked("weather", seconds=0.004)            # how long it took; refused=True: it was not
    minutes.document(now)                              # JSON: figures of slices of ten seconds

Of this process alone: where several answer, each tells of its own, and which one it is. Prometheus
adds them up. What it takes is bounded: so many slices, latencies as counts. Only the event loop
calls it, so nothing is locked.
"""

import math
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from evergreen.learning.models import Array, Output
from evergreen.refs import Json

SECONDS, SLICES, MINUTE = 10, 60, 6
"""Length of a slice; how many are told, of which so many make the newest minute."""
FINEST, STEP = 0.0001, 1.15
"""Seconds of the shortest latency that is told apart, and by what factor the next is longer."""
PERCENTILE = 0.95
VALUE, POSITIVE = "mean answer", "mean probability of {}"


@dataclass
class Slice:
    """What happened in ten seconds."""

    tick: int
    answered: int = 0
    refused: int = 0
    latencies: Counter[int] = field(default_factory=Counter)
    """How many answers took FINEST × STEP^n seconds at most, by n."""
    rows: int = 0
    answers: float = 0.0
    sure: int = 0
    confidence: float = 0.0

    def take(self, answers: Array) -> None:
        """Take in n answers."""
        self.answers += float(answers.sum())
        self.rows += len(answers)

    def add(self, other: "Slice") -> None:
        """Take in what happened in another slice."""
        for name in ("answered", "refused", "latencies", "rows", "answers", "sure", "confidence"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def figures(self) -> Json:
        """The figures for a page; null: nothing to take a mean of."""
        return {
            "requests": self.answered + self.refused,
            "refused": self.refused,
            "latency_ms": _latency(self.latencies),
            "answer": self.answers / self.rows if self.rows else None,
            "confidence": self.confidence / self.sure if self.sure else None,
        }


@dataclass
class _Kept:
    """The slices of a use case, each in its place until the place is needed again."""

    slices: list[Slice] = field(default_factory=lambda: [Slice(-1)] * (SLICES + 1))
    meaning: str = ""

    def at(self, tick: int) -> Slice:
        place = tick % len(self.slices)
        if self.slices[place].tick != tick:
            self.slices[place] = Slice(tick)
        return self.slices[place]

    def of(self, ticks: Iterable[int]) -> list[Slice]:
        places = ((tick, self.slices[tick % len(self.slices)]) for tick in ticks)
        return [kept if kept.tick == tick else Slice(tick) for tick, kept in places]


class Minutes:
    """The slices of each use case; `clock` tells seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._kept = clock, dict[str, _Kept]()
        self._since = clock()

    def asked(self, use_case: str, seconds: float, *, refused: bool = False) -> None:
        """Count a request; only answers count for the latency."""
        now = self._now(use_case)
        if refused:
            now.refused += 1
            return
        now.answered += 1
        now.latencies[max(0, math.ceil(math.log(max(seconds, FINEST) / FINEST, STEP)))] += 1

    def answered(self, use_case: str, output: Output) -> None:
        """Take in n answers: their mean, and how sure the model was."""
        now, kept = self._now(use_case), self._kept[use_case]
        if output.probabilities is None or output.classes is None:
            if output.labels.dtype.kind in "fiu":
                kept.meaning = VALUE
                now.take(output.labels)
            return
        now.confidence += float(output.probabilities.max(axis=1).sum())
        now.sure += len(output)
        if len(output.classes) == 2:  # the last is the positive one
            kept.meaning = POSITIVE.format(output.classes[-1])
            now.take(output.positive)

    def document(self) -> dict[str, Any]:
        """Return the slices that are over, oldest first, and the figures of the newest minute."""
        end = int(self._clock() // SECONDS)
        return {
            "process": f"{socket.gethostname()}:{os.getpid()}",
            "since": datetime.fromtimestamp(self._since, UTC),
            "until": datetime.fromtimestamp(end * SECONDS, UTC),
            "seconds": SECONDS,
            "use_cases": {
                name: _told(kept, kept.of(range(end - SLICES, end)), int(self._since // SECONDS))
                for name, kept in self._kept.items()
            },
        }

    def _now(self, use_case: str) -> Slice:
        kept = self._kept.setdefault(use_case, _Kept())
        return kept.at(int(self._clock() // SECONDS))


def _told(kept: _Kept, slices: list[Slice], first: int) -> Json:
    """Return what is told of a use case; of slices before the process began nothing is known."""
    minute = Slice(0)
    for one in slices[-MINUTE:]:
        minute.add(one)
    figures = [one.figures if one.tick >= first else {} for one in slices]
    series = {name: [each.get(name) for each in figures] for name in minute.figures}
    return {"answer_is": kept.meaning, "minute": minute.figures, "series": series}


def _latency(latencies: Counter[int]) -> float | None:
    """Return the latency that 95 % of the answers stay below, in ms (to 15 %)."""
    wanted, seen = PERCENTILE * latencies.total(), 0
    for step in sorted(latencies):
        seen += latencies[step]
        if seen >= wanted:
            return round(1000 * FINEST * STEP**step, 3)
    return None
