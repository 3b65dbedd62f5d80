"""`evergreen features`: what the champion sees of a row, as it saw it in training."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from evergreen import cli
from evergreen.cli import base
from evergreen.learning import features
from learning import WEATHER, weather_rows
from scoring.conftest import Batch, days, flowers, shop

__all__ = ["days", "flowers", "shop"]


def command(batch: Batch, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setattr(base, "get_settings", lambda: batch.shop.settings)
    monkeypatch.setattr("evergreen.scoring.story.from_mlflow", lambda _: batch.shop.fetch)
    return CliRunner().invoke(cli.app, ["features", *arguments])


def test_a_row_has_the_features_that_it_has_in_training(
    days: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = weather_rows()
    there = features.compute(WEATHER, rows)[rows["date"] == "2015-11-20"].iloc[0].to_dict()

    done = command(days, monkeypatch, "weather", "--key", "date=2015-11-20", "--json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["features"] == pytest.approx(there)
    told = command(days, monkeypatch, "weather", "--key", "date=2015-11-20").stdout
    assert told.startswith("Version 1 of weather sees:")
    assert "wet_14d" in told


def test_a_row_is_found_by_its_whole_key_though_requests_hold_none(
    flowers: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command(flowers, monkeypatch, "iris", "--key", "id=7", "--json")

    assert json.loads(done.stdout)["raw"] == {
        "sepal_length": 5.0, "sepal_width": 3.4, "petal_length": 1.5, "petal_width": 0.2
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "code", "told"),
    [
        ("id", 2, "column=value, as customer=7"),
        ("idd=7", 2, "did you mean 'id'"),
        ("id=700", 1, "no such row by id"),
        ("id=seven", 1, "key.id: Input should be a valid integer"),
    ],
)
def test_a_key_that_finds_nothing_ends_it(
    key: str, code: int, told: str, flowers: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command(flowers, monkeypatch, "iris", "--key", key)

    assert done.exit_code == code
    assert told in " ".join(done.stderr.split())
