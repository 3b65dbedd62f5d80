"""Whoever cannot see, or use a mouse, uses the pages as well: axe finds nothing, keys suffice."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from test_drift_page import CALM
from test_live import pages_for
from test_model_page import promote, weather
from test_models_page import three

from evergreen.records import HOUSE, Incident, Pin, Records
from evergreen.refs import Band

__all__ = ["three", "weather"]
PAGES = (
    "models/",
    "models/?state=alert",
    "models/?words=nowhere",
    "models/?state=nonsense",
    "models/weather/",
    "models/iris/",
    "models/typo/",
    "drift/",
    "reports/",
    "replay/",
    "rollback/weather/",
)


@pytest.fixture
def much(three: Records) -> Records:
    """Something of everything that is shown."""
    promote(three, 2)
    three.windows.keep(CALM)
    three.windows.keep(type(CALM)(**vars(CALM) | {"champion": 4, "live": None, "estimate": BAND}))
    three.pins.put(Pin(use_case="weather", version=2, reason="it says sun", actor="ada"))
    for about, key, kind in ((HOUSE, "disk", "disk"), ("iris", "iris_training/1", "failure")):
        three.incidents.open(
            Incident(use_case=about, run_key=key, step="train", message="boom", kind=kind)
        )
    return three


BAND = Band(value=0.5, low=0.45, high=0.55)


def opened(chromium: Browser, theme: Any, width: int) -> Page:
    """A page that axe may look at: it brings a script of its own."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True
    )
    return context.new_page()


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_is_hard_to_see_or_to_hear(
    chromium: Browser, much: Records, theme: Any, width: int
) -> None:
    page, found, wide = opened(chromium, theme, width), {}, {}
    with pages_for("viewer") as url:
        for path in PAGES:
            page.goto(f"{url}/evergreen/{path}")
            broken = Axe().run(page).response["violations"]
            found[path] = [(rule["id"], rule["nodes"][0]["html"]) for rule in broken]
            wide[path] = page.evaluate("document.documentElement.scrollWidth")
        page.context.close()

    assert {path: rules for path, rules in found.items() if rules} == {}
    assert {path: wide for path, wide in wide.items() if wide > width} == {}


def test_keys_alone_lead_to_some_of_them_and_to_a_card(chromium: Browser, much: Records) -> None:
    page = chromium.new_context().new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text))
    with pages_for("viewer") as url:
        page.goto(f"{url}/evergreen/models/")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Words")).to_be_focused()
        page.keyboard.type("rain tomorrow")
        page.keyboard.press("Enter")
        page.wait_for_url("**/models/?words=rain+tomorrow&state=&owner=&tag=")
        expect(page.get_by_role("row")).to_have_count(2)
        expect(page.get_by_role("rowheader", name="weather")).to_be_visible()
        expect(page.get_by_role("columnheader", name="Next run")).to_be_visible()
        for _ in range(7):  # words, three lists, the button, all of them, the card
            page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="weather")).to_be_focused()
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        page.keyboard.press("Enter")
        page.wait_for_url("**/models/weather/")
        page.context.close()

    assert outline == "solid"
    assert [said for said in problems if "502" not in said] == []  # no service answers here
