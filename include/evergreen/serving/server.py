"""uvicorn, set up so that slow or silent clients cannot hold it."""

from asyncio import TimerHandle, Transport
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from evergreen.serving.app import create_app
from evergreen.settings import Settings

HEADER_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75
MOST_CONNECTIONS = 1024


class Patient(HttpToolsProtocol):
    """Closes a connection whose request line and headers do not arrive in time."""

    _deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of the next request."""
        super().on_message_begin()
        if self._deadline is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """Stop waiting: what follows has time-outs of its own."""
        self._cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()


def config(app: FastAPI, settings: Settings, **changes: Any) -> uvicorn.Config:
    """Return uvicorn's configuration of the service: one process on settings' host and port."""
    given: dict[str, Any] = {
        "host": settings.listen_host,
        "port": settings.serve_port,
        "http": Patient,
        "loop": "uvloop",
        "ws": "none",
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": 10,
        "h11_max_incomplete_event_size": 16_384,
        "limit_concurrency": MOST_CONNECTIONS,
        "access_log": False,
        "server_header": False,
        "log_level": "info",
    }
    return uvicorn.Config(app, **given | changes)


def run(settings: Settings) -> None:
    """Serve until a signal comes."""
    uvicorn.Server(config(create_app(settings), settings)).run()
