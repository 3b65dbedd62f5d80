"""What stands before every request: the API key, the size and the pace of bodies."""

import asyncio
import base64
import binascii
import time
from collections.abc import Mapping

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from evergreen.serving import docs_page
from evergreen.serving.contract import Refused
from evergreen.serving.keys import FEEDBACK, PREDICT, READ, KeyRing

MAX_BODY = 2_000_000
BODY_SECONDS = 10.0
UNAUTHORIZED, UNAVAILABLE = 401, 503
RETRY_AFTER = "5"
"""Seconds until what cannot be answered now may be."""
OPEN = {"/health", "/ready"}
"""Paths that need no key, for load balancers."""
SCOPE_OF = {"predict": PREDICT, "predict/batch": PREDICT, "feedback": FEEDBACK, "model-info": READ}
"""What a path asks for behind the name of a use case."""


SAFE = {"GET", "HEAD", "OPTIONS"}
FOREIGN = Refused("Origin", "is another site, which may not ask here without an API key", 403)
NOT_FOUND = Refused("request", "Not Found", 404)


class Json(Response):
    """A response of bytes that are JSON already."""

    media_type = "application/json"


class KeyGuard:
    """Let in whose key does; everybody when there are no keys, but no foreign page.

    Without keys, any page that somebody looks at could make their browser send a POST here: it
    tells its origin, and one that is not ours is refused. Programs tell none.

    Programs send it as `X-API-Key`. A browser asks its user, and sends it as the password of HTTP's
    basic authentication (RFC 7617): good for GET only, as other sites can make it send a POST.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing) -> None:
        self._app, self._ring = app, ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 (no key, or an old one) or 403 (not for this).

        A path that cannot be printed is none: a route reads one that ends with a line end as its
        own.
        """
        if scope["type"] == "http" and not scope["path"].isprintable():
            await refusal(NOT_FOUND)(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self._ring.needed:
            foreign = scope["method"] not in SAFE and is_foreign(headers)
            await (refusal(FOREIGN) if foreign else self._app)(scope, receive, send)
            return
        given = _key(scope["method"], headers)
        status, reason = self._ring.problem(given, *asked_for(scope["path"]), time.time())
        if not status:
            await self._app(scope, receive, send)
            return
        response = refusal(Refused("X-API-Key", reason, status))
        if status == UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="an API key as the password"'
        await response(scope, receive, send)


def asked_for(path: str) -> tuple[str, str]:
    """Return the scope that a path asks for, and the use case that it is about (or none).

    Of what is not known the scope is its name, which no key is good for.
    """
    use_case, _, what = path.strip("/").partition("/")
    if not what or (use_case == "docs" and what in docs_page.ASSETS):
        return READ, ""
    return SCOPE_OF.get(what, what), use_case


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
    """Return the response that tells a refusal, and when to come again where that helps."""
    headers = {"Retry-After": RETRY_AFTER} if error.status == UNAVAILABLE else None
    return Json(to_json(error.document), error.status, headers)


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
