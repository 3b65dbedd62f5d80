"""`evergreen release` and `evergreen serve`, as they are typed."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from database import records_of
from evergreen import cli
from evergreen.cli import base
from serving.conftest import Shop

WHY = ("--reason", "new features")
Type = Callable[..., Result]


@pytest.fixture
def evergreen(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Type:
    """The command, on the settings of the test."""
    monkeypatch.setattr(base, "get_settings", lambda: shop.settings)
    monkeypatch.setattr(base, "load_catalog", lambda _: shop.catalog)
    return lambda *words: CliRunner().invoke(cli.app, [*words, "--json"])


def told(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_trial_begins_and_ends_by_command(shop: Shop, evergreen: Type) -> None:
    shop.register(shop.put("iris", "forest"), 1)

    begun = evergreen("release", "iris", "--strategy", "canary", "--version", "1", *WHY)
    compared = evergreen("release", "iris", "--compare")
    ended = evergreen("release", "iris", "--stop", "--reason", "seen enough")
    listed = evergreen("release", "iris")

    assert begun.exit_code == ended.exit_code == 0, begun.output
    assert [(r["strategy"], r["share"], r["reason"]) for r in told(begun)] == [
        ("canary", 0.1, "new features")
    ]
    assert "too few labels to tell" in told(compared)["sentence"]
    assert [row["outcome"] for row in told(listed)] == [told(ended)[0]["outcome"]]
    assert told(ended)[0]["outcome"].endswith(": seen enough")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--strategy", "canary", *WHY), "together with --version"),
        (("--strategy", "canary", "--version", "1"), "together with --reason"),
        (("--strategy", "canary", "--stop"), "one of them at a time"),
        (("--strategy", "blue", "--version", "1", *WHY), "allowed: shadow, canary, ab"),
        (("--strategy", "ab", "--share", "2", "--version", "1", *WHY), "share is 2.0"),
    ],
)
def test_a_release_that_is_half_said_is_wrong_usage(
    shop: Shop, evergreen: Type, words: tuple[str, ...], reason: str
) -> None:
    shop.register(shop.put("iris", "forest"), 1)

    result = evergreen("release", "iris", *words)

    assert result.exit_code == 2
    assert reason in told(result)["error"]["message"]
    assert records_of(shop.settings).trials.running() == ()


def test_a_version_that_is_not_there_is_told(evergreen: Type) -> None:
    result = evergreen("release", "iris", "--strategy", "ab", "--version", "7", *WHY)

    assert result.exit_code == 1
    assert "iris has no version 7" in told(result)["error"]["message"]


@pytest.mark.parametrize("words", [("--stop",), ("--compare",)])
def test_what_does_not_run_cannot_be_ended_or_compared(
    evergreen: Type, words: tuple[str, ...]
) -> None:
    result = evergreen("release", "iris", *words)

    assert result.exit_code == 1
    assert "trial" in told(result)["error"]["message"]


def test_serve_says_where_and_serves(
    shop: Shop, evergreen: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergreen.serving import server

    served = []
    monkeypatch.setattr(server, "run", served.append)
    here = replace(shop.settings, serve_port=8123, api_keys=("one",))
    monkeypatch.setattr(base, "get_settings", lambda: here)

    result = evergreen("serve")

    assert served == [here]
    assert told(result) == {
        "url": "http://127.0.0.1:8123", "docs": "http://127.0.0.1:8123/docs", "keys": 1,
    }  # fmt: skip
