"""A replay from a real PostgreSQL to the store, by the command."""

import json
from dataclasses import replace
from datetime import date

import pytest
from typer.testing import CliRunner

from evergreen import catalog, cli
from evergreen.catalog import Catalog
from evergreen.cli import base
from evergreen.settings import PROJECT, Settings
from evergreen_workshop import demo


@pytest.fixture
def weather(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The demo's weather, with its quickest candidate alone."""
    demo.load("weather", settings.database_url, until=date(2026, 2, 28))
    declared = catalog.load(PROJECT / "include" / "use_cases").find("weather")
    quick = replace(declared.candidates[0], search={}, windows=(None,))
    found = Catalog({"weather": replace(declared, candidates=(quick,))}, {})
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    monkeypatch.setattr(base, "load_catalog", lambda _: found)
    return settings


def test_the_command_replays_a_table_and_publishes_the_result(weather: Settings) -> None:
    period = ["--from", "2025-11-01", "--to", "2026-03-01", "--step", "30d"]

    done = CliRunner().invoke(cli.app, ["replay", "weather", *period, "--json"])

    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["use_case"] == "weather"
    assert document["policies"][0]["name"] == "as declared"
    [kept] = (weather.home / "replays" / "weather").glob("*/replay.json")
    assert json.loads(kept.read_text())["recommendation"] == document["recommendation"]


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--step", "soon"], "--step is 'soon'"), (["--policy", "hourly"], "--policy is 'hourly'")],
)
def test_what_cannot_be_replayed_is_wrong_usage(
    weather: Settings, options: list[str], words: str
) -> None:
    done = CliRunner().invoke(cli.app, ["replay", "weather", "--to", "2026-03-01", *options])

    assert done.exit_code == 2
    assert words in done.stderr
