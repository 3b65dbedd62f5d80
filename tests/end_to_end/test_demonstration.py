"""The loop closes: `make demo` is the test, and what it leaves behind must agree."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from end_to_end.conftest import RunningStack
from evergreen.settings import PROJECT

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]


def ask(stack: RunningStack, *command: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(command[0])
    return subprocess.run(
        [program, *command[1:]], env=stack.env, cwd=PROJECT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def decisions(stack: RunningStack, kind: str) -> Any:
    done = ask(stack, "evergreen", "decisions", "weather", "--kind", kind, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_drift_leads_to_one_retraining_and_every_step_says_why(stack: RunningStack) -> None:
    story = ask(stack, "python", "-m", "evergreen.demonstration")
    assert story.returncode == 0, story.stdout + story.stderr

    chapters = [line.strip("─ ") for line in story.stdout.splitlines() if "──" in line]
    assert [chapter[:2] for chapter in chapters[1:]] == ["1.", "2.", "3.", "4.", "5."]

    triggers = decisions(stack, "trigger")
    asked = [
        each for each in triggers
        if each["outcome"] == "retrain" and each["actor"] == "monitoring"
    ]  # fmt: skip
    assert len(asked) == 1
    assert "temp_max" in asked[0]["sentence"]

    run_key = asked[0]["evidence"]["run_key"]
    gates = decisions(stack, "gate")
    assert gates[0]["run_key"] == run_key
    assert gates[0]["actor"] == "monitoring"

    held_back = triggers[0]
    assert held_back["outcome"] == "held back"
    assert "the next may start at" in held_back["sentence"]
