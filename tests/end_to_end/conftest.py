"""A running stack, and a browser that has logged in to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from own_stack import RunningStack, running
from shortened import declare
from tools import PATIENCE

USE_CASES = ("iris", "weather")
APPROVAL = "tags=(), release=Release(approval=True)"
IMPATIENT = "tags=(), release=Release(approval=True, approval_within=timedelta(seconds=100))"
ASKING = {"blossoms": APPROVAL, "buds": APPROVAL, "stems": IMPATIENT}
"""Irises again, where a person has to approve before a champion takes over."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take what the stack needs to come up from nobody's time: it has its own."""
    for item in items:
        here = Path(__file__).parent in item.path.parents
        if here and "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(600, func_only=True))


@pytest.fixture(scope="package")
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    """A stack of the tests' own, brought up and cleaned away by the commands behind `make`.

    It goes with the last test here: while it only stands there it takes a quarter of a core.
    """
    folder = tmp_path_factory.mktemp("end_to_end")
    for name in USE_CASES:
        declare(folder, name)
    if any("asking" in getattr(test, "fixturenames", ()) for test in request.session.items):
        for name, more in ASKING.items():
            declare(folder, name, like="iris", more=more)
    declarations = {
        "EVERGREEN_USE_CASES_DIR": str(folder / "use_cases"),
        "EVERGREEN_EXPECTATIONS_DIR": str(folder / "expectations"),
    }
    with running(folder / "home", declarations) as started:
        yield started


@pytest.fixture(scope="package")
def asking(stack: RunningStack) -> None:
    """Who asks for it finds on the stack the use cases that wait for a person's word."""


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
