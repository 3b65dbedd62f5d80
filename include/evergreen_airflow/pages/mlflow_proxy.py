"""MLflow behind Airflow's login, to look at and not to change.

MLflow's pages ask for everything by relative addresses, so that they work below any path.
"""

import os
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from urllib.parse import unquote

import httpx
from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

READ = re.compile(
    r"|static-files/.+|version|health|get-artifact|model-versions/get-artifact|graphql"
    r"|(ajax-api|api)/[23]\.0/mlflow(-artifacts)?/(?!gateway|webhooks).+"
)
"""What may be asked for with GET. `gateway…` calls other servers; the address of a webhook is often
a secret."""
SEARCH = re.compile(
    r"graphql|(ajax-api|api)/[23]\.0/mlflow/([a-z-]+/)*"
    r"(search|search-datasets|batch-get|batchGet|batch|get-history-bulk)"
)
"""What may be asked for with POST: searches, which MLflow wants as POST for their long filters."""
ODD = ("..", "//", "\\", "\0")
"""Nothing that is asked for holds them; they lead elsewhere."""
PASSED_ON = ("accept", "accept-encoding", "content-type", "range", "if-none-match")
"""Never the cookie or the authorization: they are Airflow's."""
ANSWERED = (
    "content-type", "content-length", "content-encoding", "content-disposition", "content-range",
    "etag", "cache-control", "last-modified", "x-content-type-options",
)  # fmt: skip


def allowed(method: str, path: str) -> bool:
    """Tell whether a request only reads; also once somebody behind us has decoded it once more."""
    pattern = {"GET": READ, "POST": SEARCH}.get(method)
    return pattern is not None and all(
        pattern.fullmatch(plain) and not any(odd in plain for odd in ODD)
        for plain in _decoded(path)
    )


def _decoded(path: str) -> Iterator[str]:
    """Yield a path, and what it becomes each time that it is decoded, until nothing changes."""
    yield path
    while (plain := unquote(path)) != path:
        yield plain
        path = plain


def credentials() -> dict[str, str]:
    """Return the header by which MLflow's own client logs in: by token, or by name and password."""
    token, name = (os.environ.get(f"MLFLOW_TRACKING_{what}", "") for what in ("TOKEN", "USERNAME"))
    if token:
        return {"authorization": f"Bearer {token}"}
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    both = b64encode(f"{name}:{password}".encode()).decode()
    return {"authorization": f"Basic {both}"} if name else {}


@cache
def _client(server: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server, timeout=httpx.Timeout(60, connect=5))


async def forward(request: Request, path: str, server: str) -> StreamingResponse:
    """Ask MLflow and stream its answer.

    Raises:
        HTTPException: 403 if the request could change something, 404 if MLflow has no server
            (`tracking_uri` is a database), 502 if it does not answer.
    """
    if not allowed(request.method, path):
        raise HTTPException(403, "MLflow is shown here to look at; this request could change it.")
    if not server.startswith(("http://", "https://")):
        raise HTTPException(404, "MLflow runs without a server: MLFLOW_TRACKING_URI is a database.")
    client = _client(server)
    outgoing = client.build_request(
        request.method,
        f"/{path}",
        params=request.query_params.multi_items(),
        headers=credentials()
        | {name: request.headers[name] for name in PASSED_ON if name in request.headers},
        content=await request.body(),
    )
    try:
        answer = await client.send(outgoing, stream=True)
    except httpx.HTTPError as error:
        raise HTTPException(502, f"MLflow does not answer: {error}") from error
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers={name: answer.headers[name] for name in ANSWERED if name in answer.headers},
        background=BackgroundTask(answer.aclose),
    )
