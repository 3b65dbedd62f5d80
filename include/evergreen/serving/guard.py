"""What stands before every request: the API key, the size and the pace of bodies."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from evergreen.serving.contract import Refused

MAX_BODY = 2_000_000
BODY_SECONDS = 10.0
OPEN = {"/health", "/ready"}
"""Paths that need no key, for load balancers."""


SAFE = {"GET", "HEAD", "OPTIONS"}
FOREIGN = Refused("Origin", "is another site, which may not ask here without an API key", 403)


class Json(Response):
    """A response of bytes that are JSON already."""

    media_type = "application/json"


class ApiKey:
    """Let in who sends one of the keys; everybody when there are no keys, but no foreign page.

    Without keys, any page that somebody looks at could make their browser send a POST here: it
    tells its origin, and one that is not ours is refused. Programs tell none.

    Programs send it as `X-API-Key`. A browser asks its user, and sends it as the password of HTTP's
    basic authentication (RFC 7617): good for GET only, as other sites can make it send a POST.
    """

    def __init__(self, app: ASGIApp, keys: Iterable[str]) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 403."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self._keys:
            foreign = scope["method"] not in SAFE and is_foreign(headers)
            await (refusal(FOREIGN) if foreign else self._app)(scope, receive, send)
            return
        given = _key(scope["method"], headers)
        matches = [hmac.compare_digest(given, key) for key in self._keys]  # all: the same time
        if any(matches):
            await self._app(scope, receive, send)
            return
        response = refusal(Refused("X-API-Key", "is missing or not known", 401))
        response.headers["WWW-Authenticate"] = 'Basic realm="an API key as the password"'
        await response(scope, receive, send)


def is_foreign(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a browser sends this for a page of another site."""
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2] != headers.get(b"host")


def _key(method: str, headers: dict[bytes, bytes]) -> bytes:
    scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    if b"x-api-key" in headers or method != "GET" or scheme.lower() != b"basic":
        return headers.get(b"x-api-key", b"")
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def refusal(error: Refused) -> Json:
    """Return the response that tells a refusal."""
    return Json(to_json(error.document), status_code=error.status)


async def body(request: Request) -> bytes:
    """Read the body.

    Raises:
        Refused: it is larger than 2 MB (413), or did not arrive in 10 s (408).
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > MAX_BODY:
        raise _too_large()
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY:
                    raise _too_large()
                chunks.append(chunk)
    except TimeoutError:
        raise Refused("body", f"did not arrive within {BODY_SECONDS:g} seconds", 408) from None
    return b"".join(chunks)


def _too_large() -> Refused:
    return Refused("body", f"is larger than {MAX_BODY} bytes", 413)
