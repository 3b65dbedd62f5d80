"""The webhook of the notifications, while it is ours: `EVERGREEN_NOTIFY_URLS=json://127.0.0.1:PORT/`."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from evergreen_workshop.chaos.judge import Message

OURS = re.compile(r"json://127\.0\.0\.1:(\d+)/?")


class Listener(ThreadingHTTPServer):
    """Keeps the messages that are posted to it."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.messages: list[Message] = []


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        """Take a message."""
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.messages.append(Message(title=told["title"], body=told["message"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def listening(urls: Sequence[str]) -> Iterator[list[Message] | None]:
    """Yield what is told meanwhile; None: notifications do not go to a port of this machine."""
    found = OURS.fullmatch(urls[0]) if len(urls) == 1 else None
    if found is None:
        yield None
        return
    listener = Listener(int(found[1]))
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield listener.messages
    finally:
        listener.shutdown()
        listener.server_close()
