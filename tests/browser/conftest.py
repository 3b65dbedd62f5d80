"""A running stack on which some use cases ask a person, and a browser that has logged in to it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from own_stack import RunningStack, declaring
from shortened import declare
from tools import PATIENCE

APPROVAL = "tags=(), release=Release(approval=True)"
IMPATIENT = "tags=(), release=Release(approval=True, approval_within=timedelta(seconds=100))"
ASKING = {"blossoms": APPROVAL, "buds": APPROVAL, "stems": IMPATIENT}
"""Irises again, where a person has to approve before a champion takes over."""


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of the browser's own: its tests make promotions up that nothing stands behind."""
    folder = tmp_path_factory.mktemp("browser")
    for name in ("iris", "weather"):
        declare(folder, name)
    for name, more in ASKING.items():
        declare(folder, name, like="iris", more=more)
    with declaring(folder) as started:
        yield started


@pytest.fixture
def page(chromium: Browser, stack: RunningStack) -> Iterator[Page]:
    """The Airflow UI after the login; nothing on the way may offend a security policy."""
    offences: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            offences.append(message.text)

    context = chromium.new_context(viewport={"width": 1400, "height": 950})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("console", listen)
    page.goto(stack.url)
    page.fill("input[name=username]", stack.user)
    page.fill("input[name=password]", stack.password)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Models").wait_for()
    yield page
    context.close()
    assert offences == []
