"""What takes a champion or a trial back works without the file of its use case."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from database import records_of
from deciding.champion import make_champion
from evergreen import cli
from evergreen.cli import base
from evergreen.records import Pin
from evergreen.refs import PromotionRef
from evergreen.settings import Settings


@pytest.fixture(params=["broken", "gone"])
def away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: Any
) -> Settings:
    """Weather has two champions on record, one pinned, a trial, and no file that loads."""
    if request.param == "broken":
        (tmp_path / "weather.py").write_text("1/0")
    found = replace(settings, use_cases_dir=tmp_path)
    monkeypatch.setattr(base, "get_settings", lambda: found)
    for version in (1, 2):
        make_champion(found, "weather", version)
    kept = records_of(found)
    kept.pins.put(Pin(use_case="weather", version=2, reason="it was better", actor="ada"))
    kept.trials.start("weather", "canary", 0.1, {"version": 3}, reason="to see", actor="ada")
    return found


def told(*command: str) -> Any:
    done = CliRunner().invoke(cli.app, [*command, "--json"])

    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_champion_goes_back(away: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def rollback(name: str, **_: object) -> PromotionRef:
        asked.append(name)
        return PromotionRef(promoted=True, champion=None, sentence="Rolled back.")

    monkeypatch.setattr("evergreen.champions.promotion.rollback", rollback)

    told("rollback", "weather", "--reason", "complaints")

    assert asked == ["weather"]


def test_a_pin_is_lifted(away: Settings) -> None:
    told("unpin", "weather", "--reason", "the cause is mended")

    assert records_of(away).pins.get("weather") is None


def test_a_trial_is_ended(away: Settings) -> None:
    told("release", "weather", "--stop", "--reason", "complaints")

    assert records_of(away).trials.running("weather") == ()


@pytest.mark.usefixtures("away")
def test_champion_and_trials_are_told() -> None:
    assert told("champion", "weather")["champion"]["version"] == 2
    assert len(told("release", "weather")) == 1
