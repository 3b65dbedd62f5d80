"""A running stack, and a browser that has logged in to it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from playwright.sync_api import Browser, ConsoleMessage, Page

from evergreen.settings import PROJECT
from evergreen_workshop.stack.environment import PASSWORD, USER
from evergreen_workshop.stack.ports import free_port
from tools import PATIENCE
from webhook import Webhook

USE_CASES, PORTS = ("iris", "weather"), ("UI", "MLFLOW", "POSTGRES", "SERVE")


@dataclass(frozen=True)
class RunningStack:
    """Where the stack answers, and its login."""

    url: str
    user: str
    password: str
    tracking_uri: str
    database_url: str
    env: dict[str, str]
    """With it, `evergreen` and `make` mean this stack."""
    told: Webhook
    """Who it tells of failures and alerts."""

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the virtual environment on this stack."""
        command = [Path(sys.executable).with_name(program), *arguments]
        return subprocess.run(command, env=self.env, cwd=PROJECT, capture_output=True, text=True)

    def decisions(self, use_case: str, kind: str) -> Any:
        """Return the decisions of a kind, as the command line tells them, newest first."""
        done = self.run("evergreen", "decisions", use_case, "--kind", kind, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of the tests' own, brought up and cleaned away by the commands behind `make`."""
    folder = tmp_path_factory.mktemp("end_to_end")
    (folder / "use_cases").mkdir()
    for name in USE_CASES:
        shutil.copy(PROJECT / "include" / "use_cases" / f"{name}.py", folder / "use_cases")
    shutil.copytree(PROJECT / "expectations", folder / "expectations")
    declare_blossoms(folder)
    env = os.environ | {f"EVERGREEN_{port}_PORT": str(free_port()) for port in PORTS}
    env["EVERGREEN_HOME"] = str(folder / "home")
    env["EVERGREEN_USE_CASES_DIR"] = str(folder / "use_cases")
    env["EVERGREEN_EXPECTATIONS_DIR"] = str(folder / "expectations")
    told = Webhook()
    env["EVERGREEN_NOTIFY_URLS"] = told.url
    for name in ("EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        env.pop(name, None)
    try:
        make("up", env)
        known = dotenv_values(folder / "home" / "stack.env")
        yield RunningStack(
            known["EVERGREEN_UI_URL"] or "",
            USER,
            known[PASSWORD] or "",
            known["MLFLOW_TRACKING_URI"] or "",
            known["EVERGREEN_DATABASE_URL"] or "",
            env,
            told,
        )
    finally:
        make("clean", env)
        told.shutdown()
        told.server_close()


def declare_blossoms(folder: Path) -> None:
    """Declare `blossoms`: iris, where a person has to approve before a champion takes over."""
    declared = (folder / "use_cases" / "iris.py").read_text()
    for old, new in {
        'name="iris"': 'name="blossoms"',
        "UseCase, Windows": "Release, UseCase, Windows",
        '    tags=("demo",)': "    release=Release(approval=True)",
    }.items():
        assert old in declared
        declared = declared.replace(old, new)
    (folder / "use_cases" / "blossoms.py").write_text(declared)
    suite = (folder / "expectations" / "iris.json").read_text()
    (folder / "expectations" / "blossoms.json").write_text(
        suite.replace('"name": "iris"', '"name": "blossoms"')
    )


def make(target: str, env: dict[str, str]) -> None:
    """Do what `make up` and `make clean` do; show what they said if they fail."""
    command = [sys.executable, "-m", "evergreen_workshop.stack", target]
    done = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


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
