"""HTTP servers in a test's own process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer
from typing import TypeVar

S = TypeVar("S", bound=BaseServer)

LOOKS = {"poll_interval": 0.01}
"""Seconds between looks whether it is to end; half of one, the default, is waited at each end."""


@contextmanager
def answering(server: S) -> Iterator[S]:
    """Answer meanwhile, and close."""
    thread = threading.Thread(target=server.serve_forever, kwargs=LOOKS, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
