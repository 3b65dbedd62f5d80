"""`evergreen prune`: it tells first, and deletes when it is told to."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from database import records_of
from evergreen import cli, storage
from evergreen.cli import base
from evergreen.data import extraction
from evergreen.settings import Settings

PAGE = "reports/weather/20250101T000000-0123456789ab/report.html"


@pytest.fixture
def old(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A report that is three years old, and one of today."""
    store = storage.of(settings)
    for path in (PAGE, PAGE.replace("2025", "2026")):
        store.publish(path, "<p>No.</p>")
    long_ago = (datetime.now(UTC) - timedelta(days=1100)).timestamp()
    os.utime(settings.home / PAGE, (long_ago, long_ago))
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    return settings


def prune(*arguments: str) -> tuple[int, Any]:
    done = CliRunner().invoke(cli.app, ["prune", "--json", *arguments])
    return done.exit_code, json.loads(done.stdout)


def test_tells_what_would_go_and_deletes_nothing(old: Settings) -> None:
    code, told = prune("weather")

    [one] = told["pruned"]
    assert (code, told["applied"], one["kind"], one["things"], one["bytes"]) == (
        0, False, "reports", 1, 10,
    )  # fmt: skip
    assert "older than 730 days" in one["why"]
    assert Path(old.home, PAGE).exists()
    assert records_of(old).prunings.newest() == ()


def test_deletes_with_apply_and_puts_it_on_record(old: Settings) -> None:
    code, told = prune("--apply")

    [kept] = records_of(old).prunings.newest("weather")
    assert (code, told["applied"]) == (0, True)
    assert (kept.kind, kept.things, kept.bytes) == ("reports", 1, 10)
    assert not Path(old.home, PAGE).exists()
    assert storage.of(old).exists(PAGE.replace("2025", "2026"))


def test_goes_on_with_the_others_where_somebody_uses_the_rows_of_one(
    old: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = records_of(old).locks.hold
    monkeypatch.setattr(
        "evergreen.records.locks.Locks.hold",
        lambda _, purpose, name, timeout=120, **more: held(purpose, name, 0.2, **more),
    )
    with held(extraction.LOCK, "churn", shared=True):
        done = CliRunner().invoke(cli.app, ["prune", "--json", "--apply"])

    assert done.exit_code != 0
    assert "churn was not pruned as a whole: the lock evergreen/snapshots/churn" in done.stderr
    assert not Path(old.home, PAGE).exists()


@pytest.fixture
def log(old: Settings) -> Path:
    """A log of a task that is three years old, beside one of today."""
    folder = old.home / "airflow" / "logs" / "run"
    folder.mkdir(parents=True)
    for name in ("old.log", "new.log"):
        (folder / name).write_text("It began.")
    long_ago = (datetime.now(UTC) - timedelta(days=1100)).timestamp()
    os.utime(folder / "old.log", (long_ago, long_ago))
    return folder / "old.log"


def test_logs_that_went_are_on_record(old: Settings, log: Path) -> None:
    prune()
    assert records_of(old).prunings.newest("") == ()

    prune("--apply")

    [kept] = records_of(old).prunings.newest("")
    assert (kept.kind, kept.things, kept.bytes) == ("logs", 1, 9)
    assert [path.name for path in log.parent.iterdir()] == ["new.log"]


def test_a_log_that_somebody_else_deletes_meanwhile_is_passed_over(
    old: Settings, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.stat

    def stat(path: Any, **how: Any) -> os.stat_result:
        found = look(path, **how)
        if path == log:
            log.unlink()
        return found

    monkeypatch.setattr(os, "stat", stat)
    (log.parent / "gone.log").symlink_to(log.parent / "nowhere")

    code, told = prune("--apply")

    assert code == 0
    assert told["pruned"][-1]["kind"] == "logs"


def test_a_person_reads_a_table_and_how_to_go_on(old: Settings) -> None:
    done = CliRunner().invoke(cli.app, ["prune", "weather"])

    assert "reports" in done.stdout
    assert "Nothing was deleted. What would go: 1 reports; 10 bytes." in done.stdout
    assert "--apply deletes it." in done.stdout
    assert old.home.exists()


def test_a_future_moment_is_for_looking_only(old: Settings) -> None:
    year = f"{datetime.now(UTC).year + 5}-01-01"
    looked, told = prune("weather", "--as-of", year)
    code, refused = prune("weather", "--as-of", year, "--apply")

    assert (looked, told["pruned"][0]["things"], code) == (0, 2, 2)
    assert "--as-of" in refused["error"]["message"]
    assert Path(old.home, PAGE).exists()


def test_a_use_case_that_nobody_knows_is_refused(old: Settings) -> None:
    code, refused = prune("wether")

    assert code == 2
    assert "no use case is called 'wether'" in refused["error"]["message"]
    assert Path(old.home, PAGE).exists()
