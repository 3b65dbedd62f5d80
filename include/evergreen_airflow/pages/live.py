"""The last minutes of the champions, asked for at the prediction service for whoever looks."""

from functools import cache
from typing import Any

import httpx
from fastapi.responses import JSONResponse

from evergreen.settings import Settings

PATIENCE = 3.0
NO_KEY = "it asks for a key: set EVERGREEN_API_KEYS for Airflow's API server, too"
HEADERS = {"Cache-Control": "no-store"}


async def ask(settings: Settings) -> JSONResponse:
    """Pass on what the service tells, or in 502 why it does not: `{"problem": …}`."""
    if not settings.serve_host:
        return _problem("EVERGREEN_SERVE_HOST is not set for Airflow's API server")
    url = f"{settings.serve_url}/live"
    headers = {"X-API-Key": settings.api_keys[0]} if settings.api_keys else {}
    try:
        answer = await _client().get(url, headers=headers)
        answer.raise_for_status()
        return JSONResponse(answer.json(), headers=HEADERS)
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        return _problem(NO_KEY if code in {401, 403} else f"{url} answered {code}")
    except (httpx.HTTPError, ValueError) as error:
        return _problem(f"{url} does not answer ({type(error).__name__})")


def _problem(why: str) -> JSONResponse:
    told: dict[str, Any] = {"problem": f"No live figures of the service: {why}."}
    return JSONResponse(told, status_code=502, headers=HEADERS)


@cache
def _client() -> httpx.AsyncClient:
    """Return a client that connects anew each time, so that each of several processes is met."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=PATIENCE, limits=limits, trust_env=False)
