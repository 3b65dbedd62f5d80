"""The page `/docs`, with its script and style from here: it works without the internet."""

import importlib.util
from pathlib import Path

from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
NOTHING = "data:,"


def routes() -> list[BaseRoute]:
    """Return the page and the two files that it asks for."""
    return [Route("/docs", _page), *(_asset(name, media) for name, media in ASSETS.items())]


async def _page(_: Request) -> Response:
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Evergreen",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url=NOTHING,
    )


def _asset(name: str, media: str) -> BaseRoute:
    async def asset(_: Request) -> Response:
        return FileResponse(_folder() / name, media_type=media)

    return Route(f"/docs/{name}", asset)


def _folder() -> Path:
    """Folder of the files in their package. (Its own code is not needed.)"""
    spec = importlib.util.find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("fastapi-offline is not installed; see requirements-serve.txt")
    return Path(spec.origin).parent / "static"
