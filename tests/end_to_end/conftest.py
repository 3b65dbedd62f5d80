"""A running stack, and a browser that has logged in to it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from evergreen.settings import PROJECT
from own_stack import RunningStack, running
from tools import PATIENCE

USE_CASES = ("iris", "weather")
QUICK = (
    (', search={"C": [0.1, 1.0, 10.0]}', ""),
    ('        Candidate(name="forest", build=forest),\n', ""),
    ('        Candidate(name="neighbours", build=neighbours, search=', "#"),
)
"""One candidate is left."""
IMPATIENT = (
    ("from typing import Any", "from datetime import timedelta\nfrom typing import Any"),
    ("approval=True", "approval=True, approval_within=timedelta(seconds=100)"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take what the stack needs to come up from nobody's time: it has its own."""
    for item in items:
        here = Path(__file__).parent in item.path.parents
        if here and "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(600, func_only=True))


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of the tests' own, brought up and cleaned away by the commands behind `make`.

    It goes with the last test here: while it only stands there it takes a quarter of a core.
    """
    folder = tmp_path_factory.mktemp("end_to_end")
    (folder / "use_cases").mkdir()
    for name in USE_CASES:
        shutil.copy(PROJECT / "include" / "use_cases" / f"{name}.py", folder / "use_cases")
    shutil.copytree(PROJECT / "expectations", folder / "expectations")
    declare_asking(folder, "blossoms")
    declare_asking(folder, "buds", *QUICK)
    declare_asking(folder, "stems", *QUICK, *IMPATIENT)
    declarations = {
        "EVERGREEN_USE_CASES_DIR": str(folder / "use_cases"),
        "EVERGREEN_EXPECTATIONS_DIR": str(folder / "expectations"),
    }
    with running(folder / "home", declarations) as started:
        yield started


def declare_asking(folder: Path, name: str, *changes: tuple[str, str]) -> None:
    """Declare iris again, where a person has to approve before a champion takes over."""
    declared = (folder / "use_cases" / "iris.py").read_text()
    for old, new in (
        ('name="iris"', f'name="{name}"'),
        ("UseCase, Windows", "Release, UseCase, Windows"),
        ('    tags=("demo",)', "    release=Release(approval=True)"),
        *changes,
    ):
        assert old in declared
        declared = declared.replace(old, new)
    (folder / "use_cases" / f"{name}.py").write_text(declared)
    suite = (folder / "expectations" / "iris.json").read_text()
    (folder / "expectations" / f"{name}.json").write_text(
        suite.replace('"name": "iris"', f'"name": "{name}"')
    )


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
