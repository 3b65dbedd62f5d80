"""What people and data write is text on every page, in a browser that no policy protects."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urldefrag, urlsplit

import pytest
from playwright.sync_api import Browser, Frame, Page
from test_live import at, pages_for

from attacks import LIVE, attack, besiege
from database import query
from evergreen.settings import Settings
from evergreen_workshop.stack.ports import free_port
from ingest.conftest import Server, server
from mlflow_server import MlflowServer

__all__ = ["at", "server"]
WHO = {"use_case": ("gallery", "broken", "sold"), "version": ("1",)}
"""What stands for the parameters of an address; what else there is, links lead to."""
CATCHES_ALL = ("/{page}", "/{path:path}")
NO_PAGES = ("/live/", "/static/{path:path}")
MLFLOW = (
    "models",
    "models/evergreen.gallery",
    "models/evergreen.gallery/versions/1",
    "experiments",
)
SHOWN: Mapping[str, Sequence[str]] = {
    "/models/": (
        "owner", "tag", "disk message", "window", "fit sentence", "fit outcome",
        "words",
    ),
    "/models/{use_case}/": (
        "doc", "owner", "error", "retirement", "who retired", "fit sentence", "fit outcome",
        "fit actor", "trigger sentence", "trigger actor", "failure message", "failure step",
        "drift message", "promotion", "promoter", "rollback", "pin", "pinner", "trial",
        "who tried", "ended", "process", "Answer",
    ),
    "/rollback/{use_case}/": ("promotion", "promoter"),
    "/cards/{use_case}/{version}/": (
        "doc", "owner", "number", "category", "target", "class a", "slice", "value a",
        "unit", "check", "pin", "rollback", "who went back",
    ),
    "/lineage/{use_case}/": ("asked",),
    "/reports/{path:path}": (
        "doc", "owner", "slice", "value a", "unit", "check", "excluded",
    ),
    "/drift/": ("window", "alarm", "alarm too"),
    "/drift/{path:path}": ("doc", "number", "category", "unseen", "value a"),
    "/replay/": ("policy", "reason", "advice", "metric", "recipe", "problem"),
    "/replay/{path:path}": ("policy", "metric"),
    "/data-docs/{path:path}": ("number", "category", "unexpected", "value a", "expected"),
}  # fmt: skip
"""Which fields each page shows: a page that shows nothing escapes everything."""
LOOK = """() => {
  const words = [document.title], handlers = [];
  const texts = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
  while (texts.nextNode())
    if (!texts.currentNode.parentElement?.closest("script, style"))
      words.push(texts.currentNode.data);
  for (const element of document.querySelectorAll("*"))
    for (const { name, value } of element.attributes)
      if (!name.startsWith("on")) words.push(value);
      else if (value.includes("hacked")) handlers.push(element.outerHTML.slice(0, 200));
  const images = [...document.querySelectorAll("img")].filter((i) => i.getAttribute("src") === "x");
  return { words: words.join("\\n"), handlers, images: images.length, ran: window.hacked === 1 };
}"""
LINKS = """() => [...document.querySelectorAll("a[href], iframe[src], img[src]")]
  .map((one) => one.href || one.src).filter((to) => typeof to === "string")"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with expectations that a test may add to."""
    expectations = tmp_path / "expectations"
    expectations.mkdir()
    object.__setattr__(settings, "expectations_dir", expectations)
    return settings


@pytest.fixture
def mlflow(settings: Settings, tmp_path: Path) -> Iterator[MlflowServer]:
    """MLflow's pages of what was logged."""
    running = MlflowServer(settings.tracking_uri, tmp_path / "server", free_port())
    yield running
    running.stop()


class Visitor:
    """Visits pages, follows their links, and keeps what each route showed."""

    def __init__(self, page: Page, url: str, routes: Sequence[Any]) -> None:
        self.page, self.url = page, f"{url}/evergreen"
        self.routes = [(route.path, route.path_regex) for route in routes]
        self.words: dict[str, str] = defaultdict(str)
        self.harm: list[tuple[str, Any]] = []

    def visit(self, addresses: Sequence[str]) -> None:
        """Visit addresses below the pages' own, and all that they lead to."""
        waiting, seen = list(addresses), set(addresses)
        while waiting:
            address = waiting.pop(0)
            found = self._open(address)
            waiting += sorted(found - seen)
            seen |= found

    def _open(self, address: str) -> set[str]:
        answer = self.page.goto(f"{self.url}{address}", wait_until="load")
        kind = answer.headers.get("content-type", "") if answer else ""
        if not kind.startswith(("text/html", "image/svg")):
            return set()
        self._settle(address)
        for frame in self.page.frames:
            self._look(address, frame)
        links = self.page.evaluate(LINKS) if kind.startswith("text/html") else []
        return set() if address.startswith("/mlflow/") else set(filter(None, map(self._own, links)))

    def _settle(self, address: str) -> None:
        """Wait until what scripts draw is there."""
        if address.startswith(("/mlflow/", "/open-mlflow/")) or address.endswith("evidently.html"):
            self.page.wait_for_load_state("networkidle")
            self.page.wait_for_function("document.body.innerText.length > 100")
        if address == "/models/gallery/":
            self.page.locator("[data-figure]").first.wait_for()

    def _look(self, address: str, frame: Frame) -> None:
        found = frame.evaluate(LOOK)
        self.words[self.route(address)] += found.pop("words")
        if any(found.values()):
            self.harm.append((address, found))

    def _own(self, link: str) -> str:
        """Return the address of a link to a page of ours; empty: it leads elsewhere."""
        plain = urldefrag(link).url
        return plain.removeprefix(self.url) if plain.startswith(f"{self.url}/") else ""

    def route(self, address: str) -> str:
        """Return the route that answers an address."""
        path = urlsplit(address).path
        return next(route for route, matches in self.routes if matches.match(path))


def filled(routes: Sequence[Any]) -> list[str]:
    """Return the addresses of the routes whose parameters are known."""
    found = []
    for route in routes:
        names = re.findall(r"{(\w+)", route.path)
        if route.path not in CATCHES_ALL and set(names) <= set(WHO):
            for use_case in WHO["use_case"] if names else ("",):
                found.append(route.path.format(use_case=use_case, version=WHO["version"][0]))
    return found


@pytest.fixture
def visitor(
    chromium: Browser, settings: Settings, at: Any, server: Server, mlflow: MlflowServer
) -> Iterator[Visitor]:
    """A visitor whose browser heeds no policy, at pages that a service and MLflow stand behind."""
    from evergreen_airflow.pages.app import create_app

    besiege(settings)
    mlflow.wait()
    server.answers["/live"] = LIVE
    at(server.url, tracking_uri=mlflow.url)
    context = chromium.new_context(bypass_csp=True)
    with pages_for("viewer") as url:
        yield Visitor(context.new_page(), url, create_app().routes)
        context.close()


@pytest.mark.filterwarnings("ignore")
def test_what_people_and_data_write_is_text_on_every_page(
    visitor: Visitor, settings: Settings
) -> None:
    from evergreen_airflow.pages.app import create_app

    routes = create_app().routes
    [(answer,), *_] = query(settings.database_url, "SELECT id FROM evergreen.predictions LIMIT 1")
    asked = [
        f"/models/?words={quote(attack('words'))}",
        f"/models/?owner={quote(attack('words'))}&state={quote(attack('words'))}",
        f"/drift/?use_case={quote(attack('words'))}",
        f"/lineage/gallery/?prediction={answer}",
        f"/lineage/gallery/?prediction={quote(attack('asked'))}",
        *(f"/mlflow/#/{page}" for page in MLFLOW),
    ]

    visitor.visit([*filled(routes), *asked])

    assert visitor.harm == []
    hidden = [
        (route, field)
        for route, fields in SHOWN.items()
        for field in fields
        if attack(field) not in visitor.words[route]
    ]
    assert hidden == []
    unseen = {route.path for route in routes} - set(visitor.words) - {*CATCHES_ALL, *NO_PAGES}
    assert unseen == set()
