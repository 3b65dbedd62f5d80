"""The loop closes: `make demo STORY=drift` is the test, and what it leaves behind must agree."""

import json

import pytest

from own_stack import RunningStack

pytestmark = pytest.mark.end_to_end


def test_drift_leads_to_one_retraining_and_every_step_says_why(stack: RunningStack) -> None:
    story = stack.run("python", "-m", "evergreen_workshop.demonstration", "drift")
    assert story.returncode == 0, story.stdout + story.stderr

    chapters = [line.strip("─ ") for line in story.stdout.splitlines() if "──" in line]
    assert [chapter[:2] for chapter in chapters[1:]] == ["1.", "2.", "3.", "4.", "5."]

    triggers = stack.decisions("weather", "trigger")
    asked = [
        each for each in triggers
        if each["outcome"] == "retrain" and each["actor"] == "monitoring"
    ]  # fmt: skip
    assert len(asked) == 1
    assert "temp_max" in asked[0]["sentence"]

    run_key = asked[0]["evidence"]["run_key"]
    gates = stack.decisions("weather", "gate")
    assert gates[0]["run_key"] == run_key
    assert gates[0]["actor"] == "monitoring"

    drift = [message for message in stack.told.messages if "drift" in message["title"]]
    assert drift, stack.told.messages

    held_back = triggers[0]
    assert held_back["outcome"] == "held back"
    assert "the next may start at" in held_back["sentence"]


def test_every_invariant_holds_and_airflow_was_looked_at(stack: RunningStack) -> None:
    done = stack.run("evergreen", "check", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    findings = json.loads(done.stdout)
    assert {finding["number"]: finding["status"] for finding in findings} == dict.fromkeys(
        [*range(1, 17)], "passed"
    )
    assert not any("no Airflow" in finding["detail"] for finding in findings)
