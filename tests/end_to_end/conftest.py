"""The running stack, and a browser that has logged in to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from evergreen import settings
from evergreen.stack.environment import PASSWORD, USER

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 30_000
"""Milliseconds that a page may take; the machine has other things to do."""


@dataclass(frozen=True)
class RunningStack:
    """Where the stack answers, and its login."""

    url: str
    user: str
    password: str


@pytest.fixture(scope="session")
def stack() -> RunningStack:
    """The stack of `EVERGREEN_HOME`, which `make up` has started."""
    environment = settings.environment()
    if PASSWORD not in environment:
        pytest.skip("no stack runs; start it with `make up`")
    return RunningStack(environment["EVERGREEN_UI_URL"], USER, environment[PASSWORD])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


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
