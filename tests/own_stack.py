"""A stack of the tests' own, brought up and cleaned away by the commands behind `make`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answering import answering
from evergreen.settings import PROJECT, of_stack
from evergreen_workshop.stack.environment import PASSWORD, USER
from evergreen_workshop.stack.ports import PORTS, free_port
from webhook import Webhook

SECONDS_TO_COME_UP = 1500
"""Five times what it takes where others keep both cores."""


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


@contextmanager
def declaring(folder: Path) -> Iterator[RunningStack]:
    """Yield a stack of the use cases and expectations that are declared in a folder."""
    declarations = {
        "EVERGREEN_USE_CASES_DIR": str(folder / "use_cases"),
        "EVERGREEN_EXPECTATIONS_DIR": str(folder / "expectations"),
    }
    with running(folder / "home", declarations) as started:
        yield started


@contextmanager
def running(home: Path, variables: Mapping[str, str]) -> Iterator[RunningStack]:
    """Yield a stack with that state and these variables; at the end nothing is left of it."""
    with answering(Webhook()) as told:
        env = os.environ | {port.setting: str(free_port()) for port in PORTS} | dict(variables)
        env |= {"EVERGREEN_HOME": str(home), "EVERGREEN_NOTIFY_URLS": told.url}
        for name in ("EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI"):
            env.pop(name, None)
        try:
            make("up", env)
            known = of_stack(home / "stack.env")
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


def make(target: str, env: dict[str, str]) -> None:
    """Do what `make up` and `make clean` do; show what they said if they fail."""
    command = [sys.executable, "-m", "evergreen_workshop.stack", target]
    done = subprocess.run(
        command, env=env, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS_TO_COME_UP
    )
    assert done.returncode == 0, done.stdout + done.stderr
