"""`evergreen score`: what it prints, and how it ends."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from evergreen import cli
from evergreen.catalog import Catalog
from evergreen.cli import base
from scoring.conftest import FLOWERS, Batch


@pytest.fixture
def score(flowers: Batch, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, over the flowers."""
    settings, fetch = flowers.shop.settings, flowers.shop.fetch
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    monkeypatch.setattr(base, "load_catalog", lambda _: Catalog({"iris": FLOWERS}, {}))
    monkeypatch.setattr("evergreen.scoring.story.from_mlflow", lambda _: fetch)
    return lambda *arguments: CliRunner().invoke(cli.app, ["score", "iris", *arguments])


def test_tells_what_was_scored(score: Any, flowers: Batch) -> None:
    done = score("--as-of", "2026-11-21T15:00", "--json")

    document = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (0, "")
    assert (document["rows"], document["interval_start"]) == (150, "2026-11-20T00:00:00Z")
    assert len(flowers.written()) == 150
    assert score("--as-of", "2026-11-21").stdout.startswith("Scored 150 rows of 2026-11-20 00:00")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--as-of", "2099-01-01"], 2, "--as-of"),
        (["--start", "2026-11-01"], 2, "both of them, or neither"),
        (["--query", "SELECT 1 AS id"], 3, "no column sepal_length"),
        (["--into", "iris"], 2, "a table other than the source"),
    ],
)
def test_what_cannot_be_meant_ends_it(
    score: Any, arguments: list[str], code: int, told: str
) -> None:
    done = score(*arguments)

    assert done.exit_code == code
    assert told in done.stderr
