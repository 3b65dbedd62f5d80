"""A use case whose rows arrive by files or over HTTP."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from answering import answering
from database import query
from evergreen import ingest
from evergreen.refs import Landing
from evergreen.settings import Settings
from evergreen.spec import (
    Api,
    Candidate,
    Dialect,
    Features,
    Files,
    Gate,
    Ingest,
    Kind,
    Source,
    UseCase,
    Windows,
)


@dataclass
class Desk:
    """Where a test hands in files, all for the table `t`."""

    folder: Path
    settings: Settings

    def land(self, content: str | bytes, *key: str, name: str = "t.csv", **dialect: Any) -> Landing:
        """Land a file."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        given, told = key or ("id",), Dialect(**dialect)
        return ingest.load(str(path), "t", given, told, settings=self.settings)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return query(self.settings.database_url, sql)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return what is in the table."""
        return self.query("SELECT * FROM t ORDER BY 1")

    def types(self) -> dict[str, str]:
        """Return the types of its columns."""
        return dict(
            self.query(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum"
            )
        )


@pytest.fixture
def desk(tmp_path: Path, settings: Settings) -> Desk:
    return Desk(tmp_path, settings)


def orders(source: Files | Api, schedule: str = "@daily") -> UseCase:
    """The smallest use case with rows to land."""
    return UseCase(
        name="orders",
        doc="Will the order be sent back?",
        owner="shop",
        kind=Kind.BINARY,
        source=Source(table="orders", key=("id",), target="returned"),
        windows=Windows(holdout=0.3),
        features=Features(numeric=("price",)),
        candidates=(Candidate(name="any", build=dict),),
        baselines=(Candidate(name="none", build=dict),),
        gate=Gate(metric="f1", floors={"f1": 0.5}),
        ingest=Ingest(source=source, schedule=schedule),
    )


@dataclass
class Server:
    """An HTTP server whose answers a test writes."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    """Path with query to a JSON document, or to a list of (status, document, *headers) for each
    try."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    known = Server()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(known))
    known.url = f"http://127.0.0.1:{listening.server_port}"
    with answering(listening):
        yield known


def _handler(known: Server) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append((self.path, dict(self.headers)))
            answer = known.answers.get(self.path, [(404, {})])
            tries = isinstance(answer, list) and answer and isinstance(answer[0], tuple)
            status, document, *headers = (
                (answer.pop(0) if len(answer) > 1 else answer[0]) if tries else (200, answer)
            )
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who asks may have had enough
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    return Handler
