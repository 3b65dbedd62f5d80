"""`evergreen forget`: it tells first, and forgets when it is told to, with a reason."""

import json
from typing import Any

import pytest
from club import CATALOGUE, Club
from typer.testing import CliRunner

from evergreen import cli
from evergreen.cli import base, house
from evergreen.settings import Settings

CHURN = ("churn", "--key", "customer=17")


@pytest.fixture
def empty(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home in which nothing has been done yet."""
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    return settings


def forget(*arguments: str) -> tuple[int, Any]:
    done = CliRunner().invoke(cli.app, ["forget", "--json", *arguments])
    return done.exit_code, json.loads(done.stdout)


def test_nothing_holds_whom_nobody_knows(empty: Settings) -> None:
    code, told = forget(*CHURN)

    assert code == 0
    assert (told["applied"], told["places"], told["sentence"]) == (
        False, [], "Nothing of ours holds it.",
    )  # fmt: skip
    assert any("backups" in where for where in told["elsewhere"])


def test_a_reason_is_asked_for(empty: Settings) -> None:
    code, told = forget(*CHURN, "--apply")

    assert code == 2
    assert "--reason is ''; allowed: why it is forgotten, with --apply" in str(told)


def test_a_use_case_that_nobody_knows_is_refused(empty: Settings) -> None:
    code, told = forget("chrun", "--key", "customer=17")

    assert code == 2
    assert "churn" in str(told)


def test_a_person_reads_what_holds_it_and_how_to_go_on(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "get_settings", lambda: club.settings)
    monkeypatch.setattr(house, "catalog", lambda: CATALOGUE)

    done = CliRunner().invoke(cli.app, ["forget", "club", "--key", "member=424242424242"])

    words = " ".join(done.stdout.split())
    assert done.exit_code == 0
    assert "Nothing was changed. What holds it:" in words
    assert "Versions that learned from it: 1, 2." in words
    assert "The source still has 4 rows of it: delete them there first." in words
    assert "--apply --reason WHY lets it be forgotten." in words
