"""Callers who do not stop asking, and remember what they were answered.

Usage::

    with Traffic.of(use_case, records=records, settings=settings) as traffic:
        ...                              # whatever happens to the service
    traffic.answered, traffic.refused    # the ids of all answers; how many got none
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Self

import httpx

from evergreen.records import Records
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen_workshop.simulation import drawn, service

PAUSE = 0.2
"""Seconds between two requests."""
LONGEST = 3.0
"""Seconds that a caller waits for an answer."""


@dataclass
class Traffic(AbstractContextManager["Traffic"]):
    """One caller, in a thread of its own."""

    use_case: str
    bodies: Sequence[dict[str, Any]]
    settings: Settings
    answered: list[str] = field(default_factory=list)
    refused: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @classmethod
    def of(cls, use_case: UseCase, seed: int, *, records: Records, settings: Settings) -> Self:
        """Return a caller who asks for rows that the champion learned from."""
        bodies = drawn(use_case, 20, seed=seed, records=records, settings=settings)
        return cls(use_case.name, bodies, settings)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()

    def _ask(self) -> None:
        with service(self.settings) as client:
            for body in cycle(self.bodies):
                if self._over.wait(PAUSE):
                    return
                try:
                    answer = client.post(
                        f"/{self.use_case}/predict/batch", json=body, timeout=LONGEST
                    )
                    answer.raise_for_status()
                    self.answered += [each["id"] for each in answer.json()["predictions"]]
                except httpx.HTTPError:
                    self.refused += 1
