"""Tell a person what is being waited for: one moving line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.status import Status

EVERY = 15.0
"""Seconds between two plain lines about the same thing."""


@dataclass
class Step:
    """Something that is being waited for."""

    what: str
    console: Console
    status: Status | None
    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> int:
        """How long it has taken so far."""
        return round(time.monotonic() - self.began)

    def update(self, detail: str = "") -> None:
        """Tell what it is waiting for now."""
        line = f"{self.what}{f': {detail}' if detail else ''} ({self.seconds} s)"
        if self.status is not None:
            self.status.update(line)
        elif time.monotonic() - self.told > EVERY:
            self.told = time.monotonic()
            self.console.print(f"… {line}", markup=False, highlight=False, soft_wrap=True)


class Progress:
    """What the stack tells while it works."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Tell that something is waited for, and at the end how long it took."""
        if self.console.is_terminal:
            with self.console.status(what) as status:
                step = Step(what, self.console, status)
                yield step
        else:
            step = Step(what, self.console, None)
            yield step
        self.say(f"✓ {what} ({step.seconds} s)")

    def say(self, line: str) -> None:
        """Tell one line."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
