"""Wait for what a running Airflow does in its own time."""

import time
from collections.abc import Callable
from typing import Any

import httpx


def eventually(found: Callable[[], Any], what: str, seconds: float = 900.0) -> Any:
    """Return what is found, as soon as there is something; a server that is away has nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if answer := found():
                return answer
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")
